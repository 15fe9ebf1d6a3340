//===- Rotary.cpp - the frequencies of a rotary embedding --------------------------------------------------------===//
#include "compiler/import/Rotary.h"
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

std::vector<double> lathe::rotaryFrequencies(const spec::Rotary &rotary) {
  std::vector<double> frequencies;
  for (uint32_t i = 0; i < rotary.dims() / 2; ++i) {
    double frequency = std::pow(rotary.theta(), -2.0 * i / rotary.dims());
    switch (rotary.scaling().kind_case()) {
    case spec::Rotary::Scaling::kLinear:
      frequency /= rotary.scaling().linear().factor();
      break;
    case spec::Rotary::Scaling::kLlama3:
      frequency = stretchLlama3(rotary.scaling().llama3(), frequency);
      break;
    case spec::Rotary::Scaling::kDivisors:
      frequency /= rotary.scaling().divisors().divisor(i);
      break;
    case spec::Rotary::Scaling::KIND_NOT_SET:
      break;
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}
