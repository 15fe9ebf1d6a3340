//===- Pointwise.cpp - directives of rows element by element ----------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(PointwiseStages &s, const PointwiseKernel &k, const TargetDesc &target, const Values &) {
  if (k.output != ActFormat::F32) // read twice: for the group's maximum, and to be quantised
    s.row.compute_root().store_in(kArray).vectorize(s.row.args()[0], static_cast<int>(target.lanes),
                                                    TailStrategy::GuardWithIf);
  scheduleRow(s.output, k.output, k.columns, target);
}

Space lathe::kernelSpace(const PointwiseKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
