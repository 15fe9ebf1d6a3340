//===- Alibi.cpp - slopes of attention with linear biases --------------------------------------------------------===//
#include "compiler/import/Alibi.h"
#include <bit>
#include <cmath>

std::vector<double> lathe::alibiSlopes(int64_t heads, double maxBias, double scale) {
  const auto whole = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(heads)));
  std::vector<double> slopes;
  for (int64_t h = 0; h < whole; ++h)
    slopes.push_back(scale * std::exp2(-double(h + 1) * maxBias / double(whole)));
  for (int64_t h = whole; h < heads; ++h)
    slopes.push_back(scale * std::exp2(-double(2 * (h - whole) + 1) * maxBias / double(2 * whole)));
  return slopes;
}
