//===- Fallback.cpp - tiles when nothing was measured ------------------------------------------------------------===//
#include "compiler/schedule/Fallback.h"
#include "compiler/kernels/halide/Registry.h"
#include <algorithm>
#include <numeric>

using namespace lathe;

// Steps of a few rows, and logits, which mostly one row wants, are bound by memory: one row a tile, since a tile's rows
// are computed whether a step has them or not. The executor takes all rows of a column tile before the next column
// tile, so that further rows find the weights in L2.
constexpr int64_t kFewRows = 8;
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

/// The divisor of `whole` up to `limit` (and even, if asked) that holds most of a register tile's `unit`, then the
/// largest; the smallest one if none is that small.
static int64_t divisor(int64_t whole, int64_t limit, int64_t unit, bool even) {
  int64_t best = even ? 2 : 1;
  for (int64_t d = best; d <= limit; d += even ? 2 : 1)
    if (whole % d == 0 && std::gcd(d, unit) >= std::gcd(best, unit))
      best = d;
  return best;
}

Tile lathe::fallbackTile(const Program &program, const Phase &phase, const TargetDesc &target) {
  LinearKernel linear = *linearOf(phase);
  int64_t rows = program.rows(phase);
  bool chosen = phase.rowKind == RowKind::Choices; // whose tiles have their rows from the table
  bool few = rows <= kFewRows || program.distinctSequences || phase.rowKind == RowKind::Logits;
  linear.rows = chosen ? phase.rowsPerTile : few ? 1 : kManyRows;
  Values registers = fallbackValues(linear, target);
  if (!few)
    return {chosen ? phase.rowsPerTile : divisor(rows, kManyRows, registers["rows"], false),
            divisor(phase.columns, kManyRowsPanels, registers["panels"], linear.gated)};
  int64_t panel = panelBytes(linear.format, linear.columns), worthwhile = (kTileBytes + panel - 1) / panel;
  int64_t panels = std::max({phase.columns / kManyTiles, worthwhile, registers["panels"]});
  return {chosen ? phase.rowsPerTile : 1,
          divisor(phase.columns, std::min(panels, phase.columns / kFewTiles), registers["panels"], linear.gated)};
}
