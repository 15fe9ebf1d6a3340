//===- Tiles.cpp - tiles of phases whose kernels take a row at a time -------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace lathe;

Space lathe::tilesOfRows(const Grid &grid) {
  if (!grid.leads)
    return {};
  Parameter rows = {kTileRows, {}, 1};
  const int64_t whole = grid.fixedRows ? 1 : grid.choiceRows ? grid.choiceRows : grid.rows;
  for (int64_t n = 1; n <= whole; ++n)
    if (whole % n == 0)
      rows.choices.push_back(n);
  return {{std::move(rows), {kTileColumns, {1}, 1}}, {}};
}
