//===- Experts.cpp - directives of routes, their assignment, and the sum of choices -----------------------------===//
//
// A router has few experts: all of a row's numbers are arrays on the stack, and loops over them vectors.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(RouteStages &s, const RouteKernel &, const TargetDesc &target, const Values &values) {
  const int lanes = static_cast<int>(target.lanes);
  for (auto &[values, size] : s.arrays) {
    values.compute_root().store_in(kArray).bound(s.e, 0, static_cast<int>(size));
    if (size >= lanes)
      values.vectorize(s.e, lanes, TailStrategy::GuardWithIf);
  }
  for (auto &[values, others] : s.ranks) // experts side by side, each against one other at a time
    values.update().reorder(s.e, others).vectorize(s.e, lanes, TailStrategy::GuardWithIf);
}

void lathe::scheduleKernel(AssignStages &s, const AssignKernel &k, const TargetDesc &, const Values &) {
  const int experts = static_cast<int>(k.layout.experts);
  s.count.compute_root().store_in(kArray).bound(s.e, 0, experts);
  s.first.compute_root().store_in(kArray).bound(s.e, 0, experts + 1);
}

void lathe::scheduleKernel(CollectStages &s, const CollectKernel &k, const TargetDesc &target, const Values &) {
  const int lanes = static_cast<int>(target.lanes);
  s.row.compute_root().store_in(kArray).bound(s.i, 0, static_cast<int>(k.columns));
  s.row.vectorize(s.i, lanes, TailStrategy::GuardWithIf);
  s.row.update().reorder(s.i, s.choice).vectorize(s.i, lanes, TailStrategy::GuardWithIf);
  scheduleRow(s.output, k.output, k.columns, target);
}

Space lathe::kernelSpace(const RouteKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
Space lathe::kernelSpace(const AssignKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
Space lathe::kernelSpace(const CollectKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
