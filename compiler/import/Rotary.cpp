//===- Rotary.cpp - the frequencies of a rotary embedding --------------------------------------------------------===//
#include "compiler/import/Rotary.h"
#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lathe;

/// Long waves (more than original_context / low_freq_factor positions a turn) are stretched by factor, short ones (less
/// than original_context / high_freq_factor) stay, and between them the two mix linearly in turns per original context.
static double stretchLlama3(const spec::Rotary::Llama3 &scaling, double frequency) {
  const double turns = scaling.original_context() * frequency / (2 * std::numbers::pi);
  const double low = scaling.low_freq_factor(), high = scaling.high_freq_factor();
  if (turns < low)
    return frequency / scaling.factor();
  if (turns > high)
    return frequency;
  const double kept = (turns - low) / (high - low);
  return (1 - kept) * frequency / scaling.factor() + kept * frequency;
}

/// f_i of the paper for pairs 0, 1, ...: pairs below `low` keep their frequency, those above `high` are divided by
/// factor.
static std::vector<double> stretchYarn(const spec::Rotary &rotary, std::vector<double> frequencies) {
  const spec::Rotary::Yarn &yarn = rotary.scaling().yarn();
  const double dims = rotary.dims();
  // The (fractional) pair that makes so many turns in the original context.
  auto pairOf = [&](double turns) {
    return dims * std::log(yarn.original_context() / (turns * 2 * std::numbers::pi)) / (2 * std::log(rotary.theta()));
  };
  double low = pairOf(yarn.beta_fast()), high = pairOf(yarn.beta_slow());
  if (!yarn.untruncated()) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dims - 1);
  if (low == high)
    high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / yarn.factor() * stretched + frequencies[i] * (1 - stretched);
  }
  return frequencies;
}

/// Equation 22 of the paper, in the form that Hugging Face gave it for DeepSeek.
static double magnitudeOf(const spec::Rotary::Yarn &yarn) {
  if (yarn.magnitude() > 0)
    return yarn.magnitude();
  auto m = [&](double scale) { return yarn.factor() <= 1 ? 1 : 0.1 * scale * std::log(yarn.factor()) + 1; };
  const bool both = yarn.mscale() > 0 && yarn.mscale_all_dims() > 0;
  return both ? m(yarn.mscale()) / m(yarn.mscale_all_dims()) : m(1);
}

static std::vector<double> plainFrequencies(double theta, uint32_t dims) {
  std::vector<double> frequencies;
  for (uint32_t i = 0; i < dims / 2; ++i)
    frequencies.push_back(std::pow(theta, -2.0 * i / dims));
  return frequencies;
}

static std::vector<double> divided(std::vector<double> frequencies,
                                   const google::protobuf::RepeatedField<double> &divisors) {
  for (int i = 0; i < divisors.size(); ++i)
    frequencies[i] /= divisors[i];
  return frequencies;
}

static void setMagnitudes(const spec::Rotary::LongRope &longrope, RotaryFrequencies &rotation) {
  const double original = longrope.original_context();
  const double factor = longrope.factor() > 0 ? longrope.factor() : longrope.extended_context() / original;
  const double usual = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
  rotation.magnitude = longrope.short_magnitude() > 0 ? longrope.short_magnitude() : usual;
  rotation.longMagnitude = longrope.long_magnitude() > 0 ? longrope.long_magnitude() : usual;
  rotation.limit = longrope.original_context();
}

/// What the scaling's kind makes of the frequencies, its table's quotients.
static std::vector<double> stretched(const spec::Rotary &rotary, std::vector<double> frequencies) {
  const spec::Rotary::Scaling &scaling = rotary.scaling();
  if (scaling.has_yarn())
    return stretchYarn(rotary, std::move(frequencies));
  for (double &frequency : frequencies) {
    if (scaling.has_linear())
      frequency /= scaling.linear().factor();
    if (scaling.has_llama3())
      frequency = stretchLlama3(scaling.llama3(), frequency);
  }
  return frequencies;
}

bool lathe::dependsOnLength(const spec::Rotary &rotary) {
  return rotary.scaling().has_dynamic_ntk() || rotary.scaling().has_longrope();
}

RotaryFrequencies lathe::rotaryFrequencies(const spec::Rotary &rotary) {
  const spec::Rotary::Scaling &scaling = rotary.scaling();
  const double dims = rotary.dims();
  const double growth = scaling.has_ntk() ? std::pow(scaling.ntk().factor(), dims / (dims - 2)) : 1;
  const std::vector<double> plain = plainFrequencies(rotary.theta() * growth, rotary.dims());
  RotaryFrequencies rotation;
  if (scaling.has_longrope()) {
    rotation.frequencies = stretched(rotary, divided(plain, scaling.longrope().short_factor()));
    rotation.longFrequencies = stretched(rotary, divided(plain, scaling.longrope().long_factor()));
    setMagnitudes(scaling.longrope(), rotation);
  } else {
    rotation.frequencies = stretched(rotary, divided(plain, scaling.divisors().divisor()));
  }
  if (scaling.has_dynamic_ntk()) {
    rotation.limit = scaling.dynamic_ntk().original_context();
    rotation.growth = scaling.dynamic_ntk().factor();
  }
  const double magnitude =
      (scaling.has_magnitude() ? scaling.magnitude() : 1) * (scaling.has_yarn() ? magnitudeOf(scaling.yarn()) : 1);
  rotation.magnitude *= magnitude;
  rotation.longMagnitude *= magnitude;
  return rotation;
}
