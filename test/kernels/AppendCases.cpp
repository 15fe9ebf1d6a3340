//===- AppendCases.cpp - the cache's new entry --------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::AppendCases() {
  std::vector<KernelCase> cases;
  for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8}) {
    for (Pairing pairing : {Pairing::HalfSplit, Pairing::Interleaved})
      for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {80, 32}, {12, 12}, {20, 6}, {8, 0}})
        cases.push_back({.kernel = AppendKernel{6, 2, size, {rotated, pairing}, cache, 4}, .at = {0, 63, 64, 255}});
    for (auto [size, valueSize] : {std::pair<int64_t, int64_t>{64, 48}, {12, 20}, {20, 12}}) {
      AppendKernel k{6, 2, size, {size / 2, Pairing::HalfSplit}, cache, 4};
      k.ownValueSize = valueSize;
      cases.push_back({.kernel = k, .at = {130}});
    }
    cases.push_back({.kernel = AppendKernel{6, 2, 64, {64, Pairing::HalfSplit}, cache, 4, 64},
                     .at = {130},
                     .note = "only the split of the position writes"});
  }
  cases.push_back({.kernel = AppendKernel{6, 2, 64, {64, Pairing::HalfSplit}, CacheFormat::F16, 4},
                   .at = {70},
                   .spread = 1e-6,
                   .note = "numbers that f16 has denormals for, and below"});
  for (int64_t size : {1, 7, 96}) // heads of which nothing is spread, or runs
    cases.push_back({.kernel = AppendKernel{6, 2, size, {0, Pairing::HalfSplit}, CacheFormat::Q8, 4}, .at = {70}});
  cases.push_back({.kernel = AppendKernel{4, 2, 512, {128, Pairing::HalfSplit}, CacheFormat::Q8, 2}, .at = {70}});
  for (double spread : {0.0, 1e-32, 1e30})
    cases.push_back({.kernel = AppendKernel{6, 2, 64, {0, Pairing::HalfSplit}, CacheFormat::Q8, 4},
                     .at = {70},
                     .spread = spread,
                     .note = "scales that are 0, and that f16 does not have"});
  for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {12, 12}, {20, 6}})
    for (int64_t length : {1, 100, 101, 250, 256})
      for (const Rotation &rotation : {Rotation{rotated, Pairing::HalfSplit, LengthRule::Switch, 100},
                                       Rotation{rotated, Pairing::HalfSplit, LengthRule::Grow, 100, 157, 1.25}})
        cases.push_back(
            {.kernel = AppendKernel{6, 2, size, rotation, CacheFormat::F32, 4}, .at = {length - 1}, .length = length});
  for (LengthRule rule : {LengthRule::None, LengthRule::Switch, LengthRule::Grow}) {
    Rotation rotation{64, Pairing::HalfSplit, rule};
    rotation.limit = rule == LengthRule::None ? 0 : 4096;
    rotation.grown = rule == LengthRule::Grow ? 131072 - rotation.limit + 1 : 0;
    cases.push_back({.kernel = AppendKernel{1, 1, 64, rotation, CacheFormat::F32, 2048},
                     .at = {100000},
                     .length = 131072,
                     .note = "as exact as at position 0: angles are reduced in f64"});
  }

  for (int64_t size : {64, 128})
    for (CacheFormat cache : {CacheFormat::F16, CacheFormat::Q8})
      cases.push_back({.kernel = AppendKernel{32, 8, size, {size, Pairing::HalfSplit}, cache, 32},
                       .at = {1500},
                       .benchmark = true});
  return cases;
}
