//===- Append.cpp - directives of rotation and cache writes -----------------------------------------------------===//
//
// Half-split pairs are two vectors; interleaved ones, and the transposed keys' column, are scalar.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleAppend(AppendStages &s, const AppendKernel &k, const TargetDesc &target) {
  s.key.compute_root().store_in(kArray).bound(s.c, 0, static_cast<int>(k.headSize));
  if (k.rotated) {
    if (k.rule == LengthRule::Grow)
      s.grown.compute_root().store_in(kArray).bound(s.i, 0, static_cast<int>(k.rotated / 2));
    s.angle.compute_root().store_in(kArray).bound(s.t, 0, 2).unroll(s.t).reorder_storage(s.i, s.t);
    if (int width = vectorFor(k.rotated / 2, target.lanes); width > 1) {
      s.angle.vectorize(s.i, width);
      if (k.pairing == Pairing::HalfSplit)
        for (Func f : {s.qr, s.key})
          for (int u : {0, 1})
            f.update(u).vectorize(s.pair.x, width);
    }
  }
  if (int width = vectorFor(k.headSize, target.lanes); width > 1)
    s.values.update().vectorize(s.component.x, width);
}
