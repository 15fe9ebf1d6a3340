//===- Row.cpp - directives of lane reductions and of rows of results -------------------------------------------===//
//
// A row and its group maxima are arrays on the stack, each filled by one vector loop: the row stays in L1 and the loops
// have no branches. Only the folding of a group's 16 lanes to one is short of full vectors.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

static void scheduleLevels(Tree &tree, int lanes, const std::function<void(Func &)> &place) {
  for (size_t level = 1; level < tree.levels.size(); ++level) {
    int width = lanes >> level;
    place(tree.levels[level]);
    tree.levels[level].store_in(MemoryType::Register).bound(tree.lane, 0, width).vectorize(tree.lane);
  }
}

void lathe::scheduleTree(Tree &tree, int lanes, Func consumer, Var var) {
  scheduleLevels(tree, lanes, [&](Func &f) { f.compute_at(consumer, var); });
}

void lathe::scheduleTreeRoot(Tree &tree, int lanes) {
  scheduleLevels(tree, lanes, [](Func &f) { f.compute_root(); });
}

void lathe::scheduleRow(RowOutput &out, ActFormat format, int64_t columns, const TargetDesc &target) {
  const int lanes = static_cast<int>(target.lanes), width = static_cast<int>(columns);
  if (format == ActFormat::F32) {
    out.y.bound(out.i, 0, width).vectorize(out.i, lanes, TailStrategy::GuardWithIf);
    return;
  }
  const int groups = width / static_cast<int>(scaleColumns(format));
  out.amax.compute_root().store_in(kArray).bound(out.g, 0, groups);
  scheduleTree(out.tree, 16, out.amax, out.g);
  out.lanes.compute_at(out.amax, out.g).store_in(MemoryType::Register).bound(out.lanes.args()[0], 0, 16);
  out.lanes.vectorize(out.lanes.args()[0]);

  for (Func f : {out.inverse, out.scale})
    f.bound(out.g, 0, groups).vectorize(out.g, lanes, TailStrategy::GuardWithIf);
  out.inverse.compute_root().store_in(kArray);
  Var gi("gi");
  for (Func f : format == ActFormat::Q16 ? std::vector{out.whole, out.q, out.low} : std::vector{out.whole, out.q})
    f.bound(out.i, 0, width).split(out.i, out.g, gi, static_cast<int>(kGroup)).vectorize(gi);
  out.whole.compute_root().store_in(kArray);
  out.sum.bound(out.g, 0, width / static_cast<int>(kSumColumns)).update().atomic().vectorize(out.within);
}
