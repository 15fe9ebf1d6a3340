//===- Recurrence.cpp - directives of convolutions and scans ----------------------------------------------------===//
//
// Lanes are vectors. The state is one pass over memory, and its numbers are still in L1 when they are summed.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

static void scheduleRecurrence(RecurrenceStages &s, int lanes, const TargetDesc &target) {
  const int width = vectorFor(lanes, target.lanes);
  s.state.bound(s.lane, 0, lanes);
  s.state.update().reorder(s.lane, s.part).vectorize(s.lane, width);
  s.y.bound(s.lane, 0, lanes).vectorize(s.lane, width);
  if (!s.step.defined())
    return;
  s.step.compute_root().store_in(kArray);
  if (s.decay.defined())
    s.decay.compute_root().store_in(kArray);
  else
    s.step.bound(s.lane, 0, lanes).vectorize(s.lane, width);
  s.state.update().reorder(s.lane, s.n, s.part);
  s.sum.compute_at(s.y, s.part).store_in(kArray).bound_extent(s.lane, lanes).vectorize(s.lane, width);
  s.sum.update().reorder(s.lane, s.numbers).vectorize(s.lane, width);
}

void lathe::scheduleKernel(ConvStages &s, const ConvKernel &, const TargetDesc &target, const Values &) {
  scheduleRecurrence(s, static_cast<int>(kPanelRows), target);
}
void lathe::scheduleKernel(ScanStages &s, const ScanKernel &k, const TargetDesc &target, const Values &) {
  scheduleRecurrence(s, static_cast<int>(k.lanes()), target);
}

Space lathe::kernelSpace(const ConvKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
Space lathe::kernelSpace(const ScanKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
