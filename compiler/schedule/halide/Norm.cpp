//===- Norm.cpp - directives of norms ---------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// 32 sums in registers while a group goes by.
static void scheduleSums(Func sums, Tree &tree, const NormStages &s, int groups) {
  sums.compute_root().store_in(MemoryType::Register).bound(s.lane, 0, 32).bound(s.group, 0, groups).vectorize(s.lane);
  if (sums.num_update_definitions() && sums.update(0).get_schedule().rvars()[0].var.find("step") != std::string::npos)
    sums.update(0).vectorize(s.lane);
  scheduleTreeRoot(tree, 32);
}

void lathe::scheduleKernel(NormStages &s, const NormKernel &k, const TargetDesc &target, const Values &) {
  const int lanes = static_cast<int>(target.lanes), groups = static_cast<int>(k.columns / k.width());
  if (k.kind == NormKind::Layer) {
    scheduleSums(s.sums, s.sumTree, s, groups);
    s.mean.compute_root().store_in(kArray);
  }
  if (k.kind != NormKind::None) {
    scheduleSums(s.squares, s.squareTree, s, groups);
    s.inverse.compute_root().store_in(kArray);
  }
  if (k.group) { // vectors that do not cross groups
    Var place("place");
    s.row.compute_root().store_in(kArray).bound(s.i, 0, static_cast<int>(k.columns));
    s.row.split(s.i, s.group, place, static_cast<int>(k.group)).vectorize(place, lanes, TailStrategy::GuardWithIf);
  } else if (k.output != ActFormat::F32) {
    s.row.compute_root().store_in(kArray).vectorize(s.i, lanes, TailStrategy::GuardWithIf);
  }
  scheduleRow(s.output, k.output, k.columns, target);
}

Space lathe::kernelSpace(const NormKernel &, const Grid &grid, const TargetDesc &) { return tilesOfRows(grid); }
