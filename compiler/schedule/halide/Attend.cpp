//===- Attend.cpp - directives of attention over one split ------------------------------------------------------===//
//
// Both products keep their accumulators in registers: scores as heads x block (4 vectors), the mix as heads x up to 4
// vectors of components. So each cached number is converted once for all heads of a register tile, and FMA latency is
// hidden.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(AttendStages &s, const AttendKernel &k, const TargetDesc &target, const Values &values) {
  const int group = static_cast<int>(k.heads / k.kvHeads), heads = vectorFor(group, values["heads"]);
  const int blocks = static_cast<int>(k.splitPositions) / s.block;
  Var ho("ho"), hi("hi");

  s.score.compute_root().store_in(kArray).bound(s.v, 0, s.block).bound(s.h, 0, group);
  s.score.bound_storage(s.b, blocks).split(s.h, ho, hi, heads).reorder(s.v, hi, ho, s.b);
  s.score.vectorize(s.v).unroll(hi);
  s.dot.compute_at(s.score, ho).store_in(MemoryType::Register).bound_extent(s.v, s.block).vectorize(s.v).unroll(s.h);
  s.dot.update().reorder(s.v, s.h, s.component).vectorize(s.v).unroll(s.h);

  if (k.cache == CacheFormat::Q8) {
    s.query.compute_root().store_in(kArray).bound(s.c, 0, static_cast<int>(k.headSize)).bound(s.h, 0, group);
    scheduleSpread(s.spread, k.headSize, target, [&](Func &f) { f.compute_at(s.query, s.h); });
    if (int width = vectorFor(k.headSize, target.lanes); width > 1)
      s.query.vectorize(s.c, width);
  }

  for (auto [lanes, tree, result] :
       {std::tuple{&s.highLanes, &s.highTree, &s.high}, {&s.sumLanes, &s.sumTree, &s.sum}}) {
    result->compute_root().store_in(kArray).bound(s.h, 0, group);
    scheduleTree(*tree, s.block, *result, s.h);
    lanes->compute_at(*result, s.h).store_in(MemoryType::Register).bound(s.v, 0, s.block).vectorize(s.v);
    lanes->update().vectorize(s.v);
  }
  s.weight.compute_root().store_in(kArray).bound(s.v, 0, s.block).bound(s.h, 0, group);
  s.weight.bound_storage(s.b, blocks).vectorize(s.v);

  const int vector = vectorFor(k.valueSize(), target.lanes);
  int vectors = 4;
  while (k.valueSize() / vector % vectors)
    --vectors;
  RVar co("co"), ci("ci");
  s.partial.bound(s.h, 0, group);
  s.partial.update(0).unscheduled();
  s.partial.update(1).unscheduled();
  s.partial.update(2)
      .split(s.h, ho, hi, heads)
      .split(s.mixedComponent.x, co, ci, vector * vectors)
      .reorder(ci, hi, co, ho)
      .vectorize(ci, vector)
      .unroll(ci)
      .unroll(hi);
  s.mixed.compute_at(s.partial, co).store_in(MemoryType::Register).bound_extent(s.c, vector * vectors);
  s.mixed.vectorize(s.c, vector).unroll(s.c).unroll(s.h);
  s.mixed.update().reorder(s.c, s.h, s.position).vectorize(s.c, vector).unroll(s.c).unroll(s.h);
}

/// `heads`: heads whose accumulators are in registers at once.
Space lathe::kernelSpace(const AttendKernel &k, const Grid &grid, const TargetDesc &target) {
  Space space = tilesOfRows(grid);
  const int64_t group = k.heads / k.kvHeads, most = target.lanes == 16 ? 4 : 3;
  lathe::Parameter heads{"heads", {}, 1};
  for (int64_t n = 1; n <= 8; ++n)
    if (group % n == 0) {
      heads.choices.push_back(n);
      if (n <= most)
        heads.fallback = n;
    }
  space.parameters.push_back(std::move(heads));
  return space;
}
