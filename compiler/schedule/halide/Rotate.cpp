//===- Rotate.cpp - directives of rotations ---------------------------------------------------------------------===//
//
// Half-split pairs are two vectors; interleaved ones are scalar.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleRotation(RotationStages &s, const Rotation &k, const std::vector<Func> &turning,
                             const TargetDesc &target) {
  if (k.rule == LengthRule::Grow)
    s.grown.compute_root().store_in(kArray).bound(s.i, 0, static_cast<int>(k.rotated / 2));
  s.angle.compute_root().store_in(kArray).bound(s.t, 0, 2).unroll(s.t).reorder_storage(s.i, s.t);
  const int width = vectorFor(k.rotated / 2, target.lanes);
  if (width == 1)
    return;
  s.angle.vectorize(s.i, width);
  if (k.pairing == Pairing::HalfSplit)
    for (Func f : turning)
      for (int u : {0, 1})
        f.update(u).vectorize(s.pair.x, width);
}

void lathe::scheduleKernel(RotateStages &s, const RotateKernel &k, const TargetDesc &target, const Values &) {
  scheduleRotation(s.turn, k.rotation, {s.y}, target);
}

Space lathe::kernelSpace(const RotateKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
