//===- LinearSpace.cpp - what may be varied in a linear, and what it is when nothing was measured -----------------===//
#include "compiler/kernels/halide/Stages.h"
#include <algorithm>
#include <numeric>

using namespace lathe;

namespace {

// Rows that are bound by memory: one row a tile, since a tile's rows are computed whether a step has them or not. The
// executor takes all rows of a column tile before the next column tile, so that further rows find the weights in L2.
//
// So many tiles let up to a dozen workers of unequal speed end together…
constexpr int64_t kManyTiles = 64;
// …but below this size taking a tile and starting its streams costs more than the imbalance…
constexpr int64_t kTileBytes = 8 << 10;
// …unless too few tiles were left to share at all.
constexpr int64_t kFewTiles = 8;
// More rows are bound by arithmetic. Weights are unpacked once for each register tile whatever the tile's rows are:
// enough of them to make a call's overhead small, few enough that a short prompt doesn't compute many rows that it has
// not.
constexpr int64_t kManyRows = 24, kManyRowsPanels = 4;

struct Tile {
  int64_t rows = 1, panels = 1;
};

/// The register tile that a tile of many or few rows wants, by register count: 32 of 16 lanes, 16 of 8, 16 of 4.
/// Integer kernels need as many again for a group's sums. 6 x 2 reached 65 % of the VNNI limit on Zen 5, 8 x 2 and 4 x 4
/// about 52 % (they spill); floats 6 x 4 reached 85 % of FMA. One row of a format of integers has 8 streams of weights,
/// not 4: that read 10-13 % faster where the tuner tried it (Sapphire Rapids, 4 bits).
Tile registersFor(const LinearKernel &kernel, bool oneRow, const TargetDesc &target) {
  const bool integer = kernel.input != ActFormat::F32;
  Tile tile;
  if (target.lanes == 16)
    tile = {oneRow ? 1 : 6, oneRow ? (integer ? 8 : 4) : integer ? 2 : 4};
  else if (target.lanes == 8)
    tile = {oneRow ? 1 : integer ? 2 : 6, oneRow && !integer ? 4 : 1};
  else
    tile = {oneRow ? 1 : integer ? 1 : 3, oneRow && !integer ? 2 : 1};
  if (kernel.gated)
    tile.panels = std::max<int64_t>(tile.panels, 2); // a gate and its up
  return tile;
}

/// The largest part of the register tile that divides a tile of `rows` x `panels`.
Tile dividing(Tile registers, int64_t rows, int64_t panels, bool gated) {
  const int64_t pair = gated ? 2 : 1;
  return {std::gcd(registers.rows, rows), pair * std::gcd(registers.panels / pair, panels / pair)};
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
  const int64_t choiceRows = grid.choiceRows;
  const int64_t rows = choiceRows ? choiceRows : grid.memoryBound ? 1 : kManyRows;
  const Tile registers = registersFor(kernel, rows == 1, target);
  if (!grid.memoryBound)
    return {choiceRows ? choiceRows : divisor(grid.rows, kManyRows, registers.rows, false),
            divisor(grid.columns, kManyRowsPanels, registers.panels, kernel.gated)};
  const int64_t panel = panelBytes(kernel.format, kernel.columns), worthwhile = (kTileBytes + panel - 1) / panel;
  const int64_t panels = std::max({grid.columns / kManyTiles, worthwhile, registers.panels});
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
  const Tile registers = dividing(registersFor(kernel, tile.rows == 1, target), tile.rows, tile.panels, kernel.gated);
  space.parameters.push_back({"rows", {1, 2, 3, 4, 6, 8, 12, 16}, registers.rows});
  space.parameters.push_back({"panels", {1, 2, 3, 4, 6, 8}, registers.panels});
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
