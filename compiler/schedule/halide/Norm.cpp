//===- Norm.cpp - directives of norms ---------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// 32 sums in registers while the row goes by.
static void scheduleSums(Func sums, Tree &tree, const NormStages &s) {
  sums.compute_root().store_in(MemoryType::Register).bound(s.lane, 0, 32).bound(s.one, 0, 1).vectorize(s.lane);
  if (sums.num_update_definitions() && sums.update(0).get_schedule().rvars()[0].var.find("step") != std::string::npos)
    sums.update(0).vectorize(s.lane);
  scheduleTreeRoot(tree, 32);
}

void lathe::scheduleNorm(NormStages &s, const NormKernel &k, const TargetDesc &target) {
  const int lanes = static_cast<int>(target.lanes);
  if (k.kind == NormKind::Layer) {
    scheduleSums(s.sums, s.sumTree, s);
    s.mean.compute_root().store_in(kArray);
  }
  if (k.kind != NormKind::None) {
    scheduleSums(s.squares, s.squareTree, s);
    s.inverse.compute_root().store_in(kArray);
  }
  if (k.output == ActFormat::Q16)
    s.row.compute_root().store_in(kArray).vectorize(s.i, lanes, TailStrategy::GuardWithIf);
  scheduleRow(s.output, k.output, k.columns, target);
}
