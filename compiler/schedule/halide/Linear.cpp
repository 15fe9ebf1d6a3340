//===- Linear.cpp - directives of the linear kernel -------------------------------------------------------------===//
//
// The register tile is `rows` x `panels` vectors of 16 f32 accumulators that live in registers while the reduction
// runs; it sweeps the kernel's rows for the same panels first, so that their weights are read from memory once and then
// from cache.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"
#include <numeric>

using namespace Halide;
using namespace lathe;

void lathe::scheduleKernel(LinearStages &s, const LinearKernel &kernel, const TargetDesc &, const Values &values) {
  const int pair = kernel.gated ? 2 : 1; // a gated pair stays together
  const int rows = static_cast<int>(values["rows"]), panels = static_cast<int>(values["panels"]);
  const int unroll = static_cast<int>(values["unroll"]);

  Var po("po"), pi("pi"), ro("ro"), ri("ri");
  s.y.split(s.p, po, pi, panels / pair).split(s.r, ro, ri, rows);
  s.y.reorder(s.n, pi, ri, ro, po).vectorize(s.n).unroll(pi).unroll(ri);

  s.acc.compute_at(s.y, ro).store_in(MemoryType::Register).bound_extent(s.n, 16);
  s.acc.vectorize(s.n).unroll(s.p).unroll(s.r);
  if (s.dot == Dot::None)
    s.acc.update().reorder(s.n, s.p, s.r, s.step);
  else
    s.acc.update().reorder(s.n, s.p, s.r, s.inner, s.step).unroll(s.inner);
  s.acc.update().vectorize(s.n).unroll(s.p).unroll(s.r);
  if (s.weights.defined()) { // a step's weights in f32, each made once for the register tile's rows
    s.acc.update().reorder(s.n, s.p, s.r, s.lane.x, s.lane.y, s.step).unroll(s.lane.x);
    s.weights.compute_at(s.acc, s.step).store_in(kArray).bound_extent(s.b, 4).bound_extent(s.n, 16);
    s.weights.reorder(s.n, s.b, s.quad, s.p).vectorize(s.n).unroll(s.b).reorder_storage(s.n, s.b, s.quad, s.p);
    return;
  }
  if (s.dot == Dot::None) {
    if (kernel.columns >= unroll && unroll > 1)
      s.acc.update().unroll(s.step, unroll, TailStrategy::GuardWithIf);
    return;
  }

  // Codes in registers: a stage of their own keeps the multiply's pattern (inlined, bounds analysis narrows it away).
  s.codes.compute_at(s.acc, s.inner)
      .store_in(MemoryType::Register)
      .bound_extent(s.b, 4)
      .vectorize(s.b)
      .vectorize(s.n)
      .unroll(s.quad)
      .unroll(s.p);

  if (s.dot == Dot::Wide) // an array, so that pairs are broadcast from memory
    s.activations.compute_at(s.acc, s.step)
        .store_in(kArray)
        .bound_extent(s.c, static_cast<int>(kGroup))
        .vectorize(s.c, 16)
        .unroll(s.r);

  const int vector = static_cast<int>(std::min<int64_t>(kernel.columns / kGroup, 16));
  for (Func *rowSums : {&s.offsets, &s.scaled})
    if (rowSums->defined())
      rowSums->compute_root().store_in(kArray).vectorize(s.part, vector, TailStrategy::ShiftInwards);

  s.sums.compute_at(s.acc, s.inner).store_in(MemoryType::Register);
  s.sums.vectorize(s.n).unroll(s.h).unroll(s.p).unroll(s.r);
  for (int u = 0; u < s.sums.num_update_definitions(); ++u) {
    Stage stage = s.sums.update(u);
    const bool reduces = !stage.get_schedule().rvars().empty(); // or scales the sums so far
    if (reduces) {
      std::vector<VarOrRVar> order = {s.lane.x, s.n, s.h, s.p, s.r};
      for (int d = 1; d < s.lane.dimensions(); ++d)
        order.push_back(s.lane[d]);
      stage.reorder(order).atomic().vectorize(s.lane.x);
    }
    stage.vectorize(s.n).unroll(s.h).unroll(s.p).unroll(s.r);
    for (int d = 1; reduces && d < s.lane.dimensions(); ++d)
      stage.unroll(s.lane[d]);
  }
  for (Func &pairs : s.pairs) {
    pairs.compute_at(s.sums, s.r).store_in(MemoryType::Register).bound_extent(s.half, 2);
    pairs.vectorize(s.half).vectorize(s.n).unroll(s.h).unroll(s.p).unroll(s.r);
    for (int u = 0; u < pairs.num_update_definitions(); ++u)
      pairs.update(u)
          .reorder(s.pairLane.x, s.half, s.n, s.h, s.p, s.r, s.pairLane.y)
          .atomic(/*override_associativity_test=*/true) // which knows no saturating_add
          .vectorize(s.pairLane.x)
          .vectorize(s.half)
          .vectorize(s.n)
          .unroll(s.h)
          .unroll(s.p)
          .unroll(s.r)
          .unroll(s.pairLane.y);
  }
}
