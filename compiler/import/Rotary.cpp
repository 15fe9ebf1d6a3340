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
  return yarn.magnitude_scale() * (both ? m(yarn.mscale()) / m(yarn.mscale_all_dims()) : m(1));
}

static std::vector<double> plainFrequencies(double theta, uint32_t dims) {
  std::vector<double> frequencies;
  for (uint32_t i = 0; i < dims / 2; ++i)
    frequencies.push_back(std::pow(theta, -2.0 * i / dims));
  return frequencies;
}

static Rotation rotationOf(const spec::Rotary::LongRope &longrope, std::vector<double> frequencies) {
  Rotation rotation;
  rotation.frequencies = rotation.longFrequencies = frequencies;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    rotation.frequencies[i] /= longrope.short_factor(int(i));
    rotation.longFrequencies[i] /= longrope.long_factor(int(i));
  }
  const double original = longrope.original_context();
  const double factor = longrope.factor() > 0 ? longrope.factor() : longrope.extended_context() / original;
  const double usual = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
  rotation.magnitude = longrope.short_magnitude() > 0 ? longrope.short_magnitude() : usual;
  rotation.longMagnitude = longrope.long_magnitude() > 0 ? longrope.long_magnitude() : usual;
  rotation.limit = longrope.original_context();
  return rotation;
}

bool lathe::dependsOnLength(const spec::Rotary &rotary) {
  return rotary.scaling().has_dynamic_ntk() || rotary.scaling().has_longrope();
}

Rotation lathe::rotationOf(const spec::Rotary &rotary) {
  const spec::Rotary::Scaling &scaling = rotary.scaling();
  const double dims = rotary.dims();
  Rotation rotation;
  std::vector<double> &frequencies = rotation.frequencies;
  frequencies = plainFrequencies(rotary.theta(), rotary.dims());
  switch (scaling.kind_case()) {
  case spec::Rotary::Scaling::kLinear:
    for (double &frequency : frequencies)
      frequency /= scaling.linear().factor();
    break;
  case spec::Rotary::Scaling::kLlama3:
    for (double &frequency : frequencies)
      frequency = stretchLlama3(scaling.llama3(), frequency);
    break;
  case spec::Rotary::Scaling::kDivisors:
    for (size_t i = 0; i < frequencies.size(); ++i)
      frequencies[i] /= scaling.divisors().divisor(int(i));
    break;
  case spec::Rotary::Scaling::kYarn:
    frequencies = stretchYarn(rotary, std::move(frequencies));
    rotation.magnitude = magnitudeOf(scaling.yarn());
    break;
  case spec::Rotary::Scaling::kNtk:
    frequencies = plainFrequencies(rotary.theta() * std::pow(scaling.ntk().factor(), dims / (dims - 2)), rotary.dims());
    break;
  case spec::Rotary::Scaling::kDynamicNtk:
    rotation.limit = scaling.dynamic_ntk().original_context();
    rotation.growth = scaling.dynamic_ntk().factor();
    break;
  case spec::Rotary::Scaling::kLongrope:
    return ::rotationOf(scaling.longrope(), std::move(frequencies));
  case spec::Rotary::Scaling::KIND_NOT_SET:
    break;
  }
  return rotation;
}
