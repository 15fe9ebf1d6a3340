//===- Statistics.cpp - whether one program is faster than another, from pairs of noisy times --------------------===//
#include "compiler/tune/Statistics.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::tune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The probability of each sum of the ranks of positive x, 0 .. n (n + 1) / 2, where each sign is a coin.
std::vector<double> rankSums(size_t n) {
  std::vector<double> chance(n * (n + 1) / 2 + 1, 0.0);
  chance[0] = 1;
  size_t largest = 0;
  for (size_t rank = 1; rank <= n; ++rank) {
    largest += rank;
    for (size_t sum = largest + 1; sum-- > 0;)
      chance[sum] = (chance[sum] + (sum >= rank ? chance[sum - rank] : 0)) / 2;
  }
  return chance;
}

/// The sum of the ranks of |x| where x is not below 0. A tie counts against the candidate.
size_t positiveRanks(std::span<const double> x) {
  std::vector<double> ordered(x.begin(), x.end());
  std::sort(ordered.begin(), ordered.end(), [](double a, double b) {
    return std::abs(a) != std::abs(b) ? std::abs(a) < std::abs(b) : a < b;
  });
  size_t sum = 0;
  for (size_t i = 0; i < ordered.size(); ++i)
    if (!(ordered[i] < 0))
      sum += i + 1;
  return sum;
}

/// Of sorted values.
double quantileOf(const std::vector<double> &values, double part) {
  const double at = part * double(values.size() - 1);
  const size_t below = size_t(at), above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - double(below)) * (values[above] - values[below]);
}

} // namespace

Comparison compare(std::span<const double> x, double confidence) {
  Comparison result;
  result.pairs = x.size();
  if (x.empty())
    return {.low = -kInfinity, .high = kInfinity};
  assert(x.size() <= kMostPairs && "more pairs than there are exact distributions for");
  const std::vector<double> chance = rankSums(x.size());
  const size_t sum = positiveRanks(x);
  result.chance = std::min(1.0, std::accumulate(chance.begin(), chance.begin() + ptrdiff_t(sum) + 1, 0.0));

  std::vector<double> means;
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = i; j < x.size(); ++j)
      means.push_back((x[i] + x[j]) / 2);
  std::sort(means.begin(), means.end());
  result.change = quantileOf(means, 0.5);

  // As many means are outside on each side as the test needs to be so sure.
  size_t outside = 0;
  double below = 0;
  while (outside < means.size() && below + chance[outside] <= (1 - confidence) / 2)
    below += chance[outside++];
  result.low = outside ? means[outside - 1] : -kInfinity;
  result.high = outside ? means[means.size() - outside] : kInfinity;
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
