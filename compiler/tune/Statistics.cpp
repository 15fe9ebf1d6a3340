//===- Statistics.cpp - whether one program is faster than another, from pairs of noisy times ---------------------===//
#include "compiler/tune/Statistics.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::tune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The probability of at most `most` heads of n coins.
double fewHeads(size_t most, size_t n) {
  double sum = 0;
  for (size_t heads = 0; heads <= std::min(most, n); ++heads)
    sum += std::exp(std::lgamma(double(n) + 1) - std::lgamma(double(heads) + 1) - std::lgamma(double(n - heads) + 1) -
                    double(n) * std::log(2));
  return std::min(1.0, sum);
}

/// Of sorted values.
double quantileOf(const std::vector<double> &values, double part) {
  const double at = part * double(values.size() - 1);
  const size_t below = size_t(at), above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - double(below)) * (values[above] - values[below]);
}

} // namespace

Comparison compare(std::span<const double> x, double confidence) {
  if (x.empty())
    return {.low = -kInfinity, .high = kInfinity};
  Comparison result;
  result.pairs = x.size();
  std::vector<double> ordered(x.begin(), x.end());
  std::sort(ordered.begin(), ordered.end());
  // A tie speaks against the candidate.
  const size_t against = size_t(std::count_if(x.begin(), x.end(), [](double value) { return !(value < 0); }));
  result.chance = fewHeads(against, x.size());
  result.change = quantileOf(ordered, 0.5);
  // As many pairs are outside on each side as the test allows against the candidate.
  size_t outside = 0;
  while (2 * outside < x.size() && fewHeads(outside, x.size()) <= (1 - confidence) / 2)
    ++outside;
  result.low = outside ? ordered[outside - 1] : -kInfinity;
  result.high = outside ? ordered[x.size() - outside] : kInfinity;
  return result;
}

double quantile(std::vector<double> values, double part) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return quantileOf(values, part);
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double spread(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return quantileOf(values, 0.75) - quantileOf(values, 0.25);
}

} // namespace lathe::tune
