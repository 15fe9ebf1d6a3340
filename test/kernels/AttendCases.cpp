//===- AttendCases.cpp - partial softmaxes over the cache ---------------------------------------------------------===//
#include "test/kernels/Case.h"
#include <array>
#include <cmath>

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::AttendCases() {
  std::vector<KernelCase> cases;
  auto add = [&](const AttendKernel &kernel, std::vector<int64_t> at) {
    cases.push_back({.kernel = kernel, .at = at});
  };
  for (int64_t size : {8, 12, 20, 64, 80, 128, 256})
    for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8})
      add({6, 2, size, 1 / std::sqrt(double(size)), 0, 0, cache, 4, 256}, {0, 63, 64, 200});
  for (int64_t heads : {1, 2, 4, 5, 7, 71})
    add({heads, 1, 16, 0.25, 0, 0, CacheFormat::F16, 4, 128}, {0, 100, 255});
  for (int64_t heads : {1, 5, 71})
    add({heads, 1, 15, 0.25, 0, 0, CacheFormat::Q8, 4, 128}, {0, 100, 255});
  add({4, 2, 32, 0.2, 17, 5, CacheFormat::Q8, 4, 64}, {0, 16, 17, 63, 64, 127, 255});
  add({10, 2, 20, 0.3, 7, 20, CacheFormat::Q8, 4, 64, true, true, 50, 6}, {0, 48, 49, 50, 255});
  for (int64_t window : {0, 1, 17, 64, 100})
    for (double softcap : {0.0, 5.0})
      add({4, 2, 32, 0.2, window, softcap, CacheFormat::F16, 4, 64}, {0, 15, 16, 17, 63, 64, 127, 129, 255});
  add({10, 2, 20, 0.3, 7, 20, CacheFormat::F32, 4, 64, true, true, 50, 6}, {0, 48, 49, 50, 255});
  add({5, 5, 12, 0.3, 0, 0, CacheFormat::F16, 4, 256, false, true, 0, 0}, {0, 63, 200});
  add({4, 1, 80, 0.1, 0, 0, CacheFormat::F16, 4, 256, false, false, 64, 5}, {0, 63, 200, 255});
  add({5, 5, 12, 0.3, 0, 0, CacheFormat::F32, 4, 256, true}, {0, 63, 200});
  add({10, 2, 20, 0.3, 7, 20, CacheFormat::F16, 4, 64, true}, {0, 17, 64, 255});
  for (auto [size, valueSize] : {std::pair<int64_t, int64_t>{64, 48}, {12, 20}, {20, 12}})
    for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8}) {
      AttendKernel k{6, 2, size, 0.3, 0, 0, cache, 4, 128};
      k.ownValueSize = valueSize;
      add(k, {0, 130, 255});
    }
  // Tiles of several rows, as they come: one run, runs of two sequences, rows of as many sequences.
  auto tiles = [&](AttendKernel kernel, int64_t rows, std::vector<int64_t> at) {
    kernel.rows = rows;
    kernel.queryStride = kernel.heads * kernel.headSize + 16;
    kernel.partialStride = kernel.heads / kernel.kvHeads * (kernel.valueSize() + 2) * kernel.maxPages + 5;
    cases.push_back({.kernel = kernel, .at = std::move(at)});
  };
  for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8})
    for (auto [heads, size] : {std::pair<int64_t, int64_t>{3, 64}, {1, 20}, {7, 12}})
      tiles({heads, 1, size, 0.2, 0, 0, cache, 4, 128}, 4,
            {0, 1, 2, 3, 62, 63, 64, 65, 126, 127, 128, 129, 252, 253, 254, 255, 7, 8, 130, 131, 9, 9, 200, 64});
  for (int64_t window : {1, 17, 64, 100})
    tiles({4, 2, 32, 0.2, window, window == 17 ? 5.0 : 0, CacheFormat::F16, 4, 64}, 3,
          {0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 80, 81, 19, 253, 254, 255});
  tiles({10, 2, 20, 0.3, 7, 20, CacheFormat::F16, 4, 64, true, true, 50, 6}, 5, {47, 48, 49, 50, 51, 63, 64, 3, 4, 5});
  tiles({6, 2, 64, 0.3, 0, 0, CacheFormat::F16, 4, 128, false, false, 0, 0, 48}, 2, {127, 128, 130, 5});
  const AttendKernel six{6, 1, 64, 0.125, 0, 0, CacheFormat::F16, 4, 256};
  for (CacheFormat cache : {CacheFormat::F16, CacheFormat::Q8})
    cases.push_back({.kernel = AttendKernel{6, 1, 64, 0.125, 0, 0, cache, 4, 256}, .at = {200}, .schedules = true});
  cases.push_back(
      {.kernel = AttendKernel{8, 1, 20, 0.2, 70, 5, CacheFormat::F32, 4, 64}, .at = {200}, .schedules = true});
  for (CacheFormat cache : {CacheFormat::F16, CacheFormat::Q8})
    for (int64_t heads : {1, 3}) {
      AttendKernel rows{heads, 1, 20, 0.2, 70, 5, cache, 4, 64};
      rows.rows = 5, rows.queryStride = 20 * heads, rows.partialStride = 22 * heads;
      cases.push_back({.kernel = rows, .at = {126, 127, 128, 129, 130}, .schedules = true});
    }
  cases.push_back({.kernel = six, .at = {0, 255}, .spread = 0, .note = "all positions count alike"});
  cases.push_back({.kernel = six, .at = {0, 255}, .spread = 1.5, .note = "few positions have all the weight"});

  for (auto [heads, kvHeads, size] : {std::array<int64_t, 3>{9, 3, 64}, {32, 8, 64}, {32, 8, 128}})
    for (CacheFormat cache : {CacheFormat::F16, CacheFormat::Q8})
      cases.push_back(
          {.kernel = AttendKernel{heads, kvHeads, size, 1 / std::sqrt(double(size)), 0, 0, cache, 16, 256},
           .at = {1023},
           .benchmark = true});
  for (auto [heads, kvHeads, size] : {std::array<int64_t, 3>{9, 3, 64}, {32, 8, 64}, {32, 8, 128}, {12, 12, 64}}) {
    KernelCase tile{.kernel = {}, .at = {}, .benchmark = true};
    AttendKernel kernel{heads, kvHeads, size, 1 / std::sqrt(double(size)), 0, 0, CacheFormat::F16, 4, 256};
    kernel.rows = 16, kernel.queryStride = heads * size, kernel.partialStride = heads / kvHeads * (size + 2);
    for (int64_t row = 0; row < kernel.rows; ++row)
      tile.at.push_back(240 + row);
    tile.kernel = kernel;
    cases.push_back(std::move(tile));
  }
  return cases;
}
