//===- Space.cpp - what may be varied in GPU kernels, and what it is when nothing was measured -------------------===//
#include "compiler/kernels/gpu/Attend.h"
#include "compiler/kernels/gpu/Linear.h"
#include <algorithm>
#include <bit>

using namespace lathe;
using namespace lathe::gpu;

namespace {

/// A step of few rows reads weights at memory's rate when each block has a panel, whose columns its warps share: so a
/// matrix of 2048 rows has 128 blocks. Of many rows two blocks of 64 and 8 panels fit a multiprocessor; fewer panels where
/// there would be less than a block for each.
constexpr int64_t kManyRows = 64, kManyPanels = 8, kBlocks = 128;

int64_t largestDivisor(int64_t whole, int64_t limit) {
  while (whole % limit)
    --limit;
  return limit;
}

Parameter one(const char *name, std::vector<int64_t> choices, int64_t fallback) {
  return {name, std::move(choices), fallback};
}

std::vector<int64_t> divisors(int64_t whole, int64_t most) {
  std::vector<int64_t> all;
  for (int64_t d = 1; d <= std::min(whole, most); ++d)
    if (whole % d == 0)
      all.push_back(d);
  return all;
}

/// Bytes of shared memory that a block may have, but for a reserve: what the phase's other calls need.
int64_t sharedBytes(const TargetDesc &target) {
  const int64_t most = target.sm == 80 ? 163 : target.sm == 90 ? 227 : 99;
  return (most - 8) << 10;
}

bool fits(LinearKernel k, const Values &values, const TargetDesc &target) {
  if (const int64_t *rows = values.find(kTileRows))
    k.rows = *rows, k.panels = values[kTileColumns];
  if (!isStaged(k))
    return true;
  // ptxas spills with more of these below 9.0.
  const Spread spread = spreadOf(k.rows, k.panels);
  if (k.input == ActFormat::F32 && target.sm < 90 && spread.groups * spread.panels > 8)
    return false;
  return stagedBytes(k, values["buffers"]) <= sharedBytes(target);
}

/// As many buffers as let a multiprocessor have two blocks, or else one.
int64_t someBuffers(const LinearKernel &k, const TargetDesc &target) {
  for (auto [blocks, least] : {std::pair<int64_t, int64_t>{2, 3}, {1, 2}})
    for (int64_t buffers = 4; isStaged(k) && buffers >= least; --buffers)
      if (blocks * stagedBytes(k, buffers) <= sharedBytes(target))
        return buffers;
  return isStaged(k) ? 2 : 4;
}

Space linearSpace(const LinearKernel &k, const Grid &grid, const TargetDesc &target) {
  Space space;
  LinearKernel tiled = k; ///< as the fallback has it
  if (grid.leads) {
    const int64_t pair = k.gated ? 2 : 1;
    const bool few = grid.memoryBound || grid.rows <= 8;
    const int64_t rows = grid.choiceRows ? grid.choiceRows
                         : few           ? largestDivisor(grid.rows, grid.anyNumber ? 8 : 1)
                                         : largestDivisor(grid.rows, kManyRows);
    int64_t panels = rows <= 8 ? pair : pair * largestDivisor(grid.columns / pair, kManyPanels / pair);
    while (rows > 8 && panels % (2 * pair) == 0 && grid.rows / rows * (grid.columns / panels) < kBlocks)
      panels /= 2;
    std::vector<int64_t> columns = divisors(grid.columns, 16);
    std::erase_if(columns, [&](int64_t n) { return n % pair; });
    space.parameters = {one(kTileRows, grid.choiceRows ? std::vector{rows} : divisors(grid.rows, 128), rows),
                        one(kTileColumns, std::move(columns), panels)};
    tiled.rows = rows, tiled.panels = panels;
  }
  // Steps whose loads a warp of few rows has under way at once, of each of its panels: so many that registers hold them.
  const bool half = k.format == PackedFormat::F16 || k.format == PackedFormat::BF16; // a step is four loads
  const bool few = tiled.rows <= kTokens;
  const int64_t some = half ? 4 : 8;
  const auto unroll = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, some / tiled.panels))));
  space.parameters.push_back(one("unroll", {1, 2, 4, 8, 16}, few ? unroll : 1));
  space.parameters.push_back(one("buffers", {2, 3, 4, 6}, someBuffers(tiled, target)));
  space.constraint = [k, few, some, target](const Values &values) {
    const int64_t *tile = values.find(kTileColumns), unroll = values["unroll"], panels = tile ? *tile : k.panels;
    return fits(k, values, target) && (!few || unroll == 1 || unroll * panels <= 2 * some);
  };
  return space;
}

} // namespace

Space gpu::kernelSpace(const KernelDesc &kernel, const Grid &grid, const TargetDesc &target) {
  if (const auto *linear = std::get_if<LinearKernel>(&kernel))
    return linearSpace(*linear, grid, target);
  const auto *attend = std::get_if<AttendKernel>(&kernel);
  const int64_t rows = attend && attend->takesRows() ? largestDivisor(grid.rows, mostRows(*attend)) : 1;
  Space space;
  if (grid.leads)
    space.parameters = {one(kTileRows, divisors(grid.rows, rows), rows), one(kTileColumns, {1}, 1)};
  return space;
}
