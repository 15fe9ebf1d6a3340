//===- Combine.cpp - directives of the join of splits -----------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(CombineStages &s, const CombineKernel &k, const TargetDesc &target, const Values &) {
  const int vector = vectorFor(k.headSize, target.lanes), maxSplits = static_cast<int>(k.maxSplits);
  const int columns = static_cast<int>(k.heads * k.headSize);
  Var head("head"), component("component");
  s.row.compute_root().store_in(kArray).bound(s.i, 0, columns);
  s.row.split(s.i, head, component, static_cast<int>(k.headSize)).vectorize(component, vector);
  for (Func f : {s.high, s.sum, s.weight, s.mixed})
    f.compute_at(s.row, head).store_in(kArray);
  s.weight.bound_storage(s.s, maxSplits);
  s.mixed.bound_extent(s.c, static_cast<int>(k.headSize)).vectorize(s.c, vector);
  s.mixed.update().reorder(s.c, s.h, s.splits).vectorize(s.c, vector);
  scheduleRow(s.output, k.output, columns, target);
}

Space lathe::kernelSpace(const CombineKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
