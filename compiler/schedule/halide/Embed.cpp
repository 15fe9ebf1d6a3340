//===- Embed.cpp - directives of the embedding ------------------------------------------------------------------===//
//
// A row's elements lie 16 apart, so this is scalar code; a group at a time, its places are constants.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(EmbedStages &s, const EmbedKernel &k, const TargetDesc &, const Values &) {
  s.y.bound(s.i, 0, static_cast<int>(k.columns));
  if (!isInteger(k.format))
    return;
  Var g("g"), place("place");
  s.y.split(s.i, g, place, static_cast<int>(kGroup)).unroll(place);
}

Space lathe::kernelSpace(const EmbedKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
