//===- LinearSpace.cpp - what may be varied in a linear, and what it is when nothing was measured -----------------===//
#include "compiler/kernels/halide/Stages.h"
#include <algorithm>
#include <numeric>

using namespace lathe;

namespace {

// Rows of a tile are computed whether a step has them or not. Where it may have any number of them (each is of another
// sequence), a tile is one register tile, which unpacks weights once for its rows. The executor takes all rows of a
// column tile before the next column tile, so that further row tiles find the weights in L2.
//
// So many tiles let up to a dozen workers of unequal speed end together…
constexpr int64_t kManyTiles = 64;
// …but below this size taking a tile and starting its streams costs more than the imbalance…
constexpr int64_t kTileBytes = 8 << 10;
// …unless too few tiles were left to share at all.
constexpr int64_t kFewTiles = 8;
// Where the row tiles of a column tile follow one another, its weights stay in L1 for them.
constexpr int64_t kSharedBytes = 32 << 10;
// More rows are bound by arithmetic. Weights are unpacked once for each register tile whatever the tile's rows are:
// enough of them to make a call's overhead small, few enough that a short prompt doesn't compute many rows that it has
// not.
constexpr int64_t kManyRows = 24, kManyRowsPanels = 4;

struct Tile {
  int64_t rows = 1, panels = 1;
};

/// The register tile of one row of a step, which waits for memory. 8 streams of weights in a format of integers read
/// 10-13 % faster than 4 where the tuner tried both (Sapphire Rapids, 4 bits).
Tile oneRow(const LinearKernel &kernel, const TargetDesc &target) {
  const bool integer = kernel.input != ActFormat::F32;
  if (target.lanes == 16)
    return {1, integer ? 8 : 4};
  return {1, integer ? 1 : target.lanes == 8 ? 4 : 2};
}

/// The register tile of a few rows. ns a row, panel and step of 32 columns on a Sapphire Rapids, weights in a cache:
///   Q4_0 q16, 16 lanes     1 x 4 7.4 · 2 x 4 5.2 · 4 x 1 6.0 · 4 x 2 4.6 · 8 x 1 4.9 · 8 x 2 4.4, slow on Zen 5
///   Q4_1 q16, 8 with VNNI  1 x 1 11.1 · 2 x 1 8.2 · 4 x 1 7.6 · 8 x 1 8.7; of pairs 2 x 2 7.7 · 4 x 2 9.6
///   Q4_0 q16, 8 without    1 x 1 12.2 · 2 x 1 11.4 · 4 x 1 11.0: less than what a row costs that a step lacks
///   Q4_0 f32, 16 lanes     1 x 4 55 · 4 x 2 18.6 · 8 x 1 12.2: the fewer register tiles unpack, the better
///   F16, 16 lanes          1 x 4 15.5 · 2 x 4 10.0 · 4 x 2 7.6 · 8 x 1 7.1
///   F16, 8 lanes           1 x 4 16.0 · 2 x 2 13.4 · 4 x 1 12.0
///   F32, 4 lanes           1 x 2 27.5 · 2 x 1 27.4 · 4 x 1 29.2
Tile fewRows(const LinearKernel &kernel, const TargetDesc &target) {
  const bool integer = kernel.input != ActFormat::F32;
  const bool dot4 = target.features & (CpuAVX512_VNNI | CpuAVX_VNNI);
  if (!integer && isInteger(kernel.format))
    return {8, kernel.gated ? 2 : 1};
  if (target.lanes == 8 ? integer && !dot4 : target.lanes == 4 && kernel.format == PackedFormat::F32)
    return {1, 1};
  if (target.lanes == 16)
    return {4, 2};
  return kernel.gated ? Tile{2, 2} : Tile{4, 1};
}

/// The register tile of many rows, by register count: 32 of 16 lanes, 16 of 8, 16 of 4. Integer kernels need as many
/// again for a group's sums. 6 x 2 reached 65 % of the VNNI limit on Zen 5, 8 x 2 and 4 x 4 about 52 % (they spill);
/// floats 6 x 4 reached 85 % of FMA.
Tile manyRows(const LinearKernel &kernel, const TargetDesc &target) {
  const bool integer = kernel.input != ActFormat::F32;
  if (target.lanes == 16)
    return {6, integer ? 2 : 4};
  if (target.lanes == 8)
    return {integer ? 2 : 6, 1};
  return {integer ? 1 : 3, 1};
}

/// The largest divisor of `whole` that is at most `limit`.
int64_t largestDivisor(int64_t whole, int64_t limit) {
  while (whole % limit)
    --limit;
  return limit;
}

/// The register tile that a tile of so many rows wants. Of fewer rows than it has one of few takes more panels.
Tile registersFor(const LinearKernel &kernel, int64_t rows, const TargetDesc &target) {
  const Tile few = fewRows(kernel, target), many = manyRows(kernel, target);
  Tile tile = rows == 1 ? oneRow(kernel, target) : rows > few.rows && rows % many.rows == 0 ? many : few;
  if (rows > 1 && rows < tile.rows)
    tile = {rows, tile.panels * tile.rows / rows};
  if (kernel.gated)
    tile.panels = std::max<int64_t>(tile.panels, 2); // a gate and its up
  return tile;
}

/// The largest part of the register tile that divides a tile of `rows` x `panels`.
Tile dividing(Tile registers, int64_t rows, int64_t panels, bool gated) {
  const int64_t pair = gated ? 2 : 1;
  return {largestDivisor(rows, registers.rows), pair * largestDivisor(panels / pair, registers.panels / pair)};
}

/// The divisor of `whole` up to `limit` (and even, if asked) that holds most of a register tile's `unit`, then the
/// largest; the smallest one if none is that small.
int64_t divisor(int64_t whole, int64_t limit, int64_t unit, bool even) {
  int64_t best = even ? 2 : 1;
  for (int64_t d = best; d <= limit; d += even ? 2 : 1)
    if (whole % d == 0 && std::gcd(d, unit) >= std::gcd(best, unit))
      best = d;
  return best;
}

/// Where possible whole register tiles.
Tile fallbackTile(const LinearKernel &kernel, const Grid &grid, const TargetDesc &target) {
  const int64_t few = fewRows(kernel, target).rows;
  int64_t rows = grid.memoryBound ? 1 : divisor(grid.rows, kManyRows, manyRows(kernel, target).rows, false);
  if (grid.choiceRows)
    rows = grid.choiceRows;
  else if (grid.anyNumber) // of many rows few are lacking, so that sharing little is worth it
    rows = largestDivisor(grid.rows, grid.memoryBound || few > 1 ? few : manyRows(kernel, target).rows);
  const Tile registers = registersFor(kernel, rows, target);
  if (!grid.memoryBound && !grid.anyNumber)
    return {rows, divisor(grid.columns, kManyRowsPanels, registers.panels, kernel.gated)};
  const int64_t panel = panelBytes(kernel.format, kernel.columns), worthwhile = (kTileBytes + panel - 1) / panel;
  int64_t panels = std::max({grid.columns / kManyTiles, worthwhile, registers.panels});
  if (rows > 1 && rows < grid.rows && !grid.choiceRows)
    panels = std::min(panels, std::max(kSharedBytes / panel, registers.panels));
  return {rows, divisor(grid.columns, std::min(panels, grid.columns / kFewTiles), registers.panels, kernel.gated)};
}

std::vector<int64_t> divisorsOf(int64_t whole, int64_t step) {
  std::vector<int64_t> all;
  for (int64_t d = step; d <= whole; d += step)
    if (whole % d == 0)
      all.push_back(d);
  return all;
}

} // namespace

Space lathe::kernelSpace(const LinearKernel &kernel, const Grid &grid, const TargetDesc &target) {
  Space space;
  Tile tile = {kernel.rows, kernel.panels};
  if (grid.leads) {
    tile = fallbackTile(kernel, grid, target);
    space = tilesOfRows(grid);
    space.parameters[0].fallback = tile.rows;
    if (grid.choiceRows) // all of an expert's rows in a tile of the table
      space.parameters[0].choices = {grid.choiceRows};
    space.parameters[1] = {kTileColumns, divisorsOf(grid.columns, kernel.gated ? 2 : 1), tile.panels};
  }
  const Tile registers = dividing(registersFor(kernel, tile.rows, target), tile.rows, tile.panels, kernel.gated);
  space.parameters.push_back({"rows", {1, 2, 3, 4, 5, 6, 7, 8, 12, 16}, registers.rows});
  space.parameters.push_back({"panels", {1, 2, 3, 4, 5, 6, 7, 8}, registers.panels});
  if (isInteger(kernel.format)) // a step of the reduction is a group, unrolled as it is
    space.parameters.push_back({"unroll", {1}, 1});
  else
    space.parameters.push_back({"unroll", {1, 2, 4, 8}, 4});
  // A register tile must divide the tile, and keep gated pairs together.
  space.constraint = [tile, gated = kernel.gated, leads = grid.leads](const Values &values) {
    const int64_t rows = leads ? values[kTileRows] : tile.rows, panels = leads ? values[kTileColumns] : tile.panels;
    return rows % values["rows"] == 0 && panels % values["panels"] == 0 && (!gated || values["panels"] % 2 == 0);
  };
  return space;
}
