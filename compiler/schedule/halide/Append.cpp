//===- Append.cpp - directives of cache writes ------------------------------------------------------------------===//
//
// The transposed keys' column is scalar.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(AppendStages &s, const AppendKernel &k, const TargetDesc &target, const Values &values) {
  s.key.compute_root().store_in(kArray).bound(s.c, 0, static_cast<int>(k.headSize));
  if (k.rotation.rotated)
    scheduleRotation(s.turn, k.rotation, {s.qr, s.key}, target);
  if (int width = vectorFor(k.valueSize(), target.lanes); width > 1)
    s.values.update().vectorize(s.valueComponent.x, width);
}

Space lathe::kernelSpace(const AppendKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
