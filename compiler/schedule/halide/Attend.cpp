//===- Attend.cpp - directives of attention over one split ------------------------------------------------------===//
//
// Both products keep their accumulators in registers: scores as queries x positions of a block, the mix as queries x
// components, up to 4 vectors of them. So each number of the cache is loaded once for all queries of a register tile,
// and FMA latency is hidden. For several rows, keys and values become f32 once for all register tiles: widening uses
// the ports of the FMAs. The operands then come from memory, and of 16 registers 5 x 2 accumulators leave enough for
// them (6 x 2 took a tenth longer, 3 x 4 a third). A call's queries are any number: register tiles are
// rounded up.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// Of a tile in steps of many rows: for more, reading and widening the cache once would gain little, and fewer tiles
/// keep fewer workers busy.
static constexpr int64_t kRows = 16;

void lathe::scheduleKernel(AttendStages &s, const AttendKernel &k, const TargetDesc &target, const Values &values) {
  const int group = static_cast<int>(k.heads / k.kvHeads), all = group * static_cast<int>(k.rows);
  const int queries = static_cast<int>(values["heads"]), most = (all + queries - 1) / queries * queries;
  const int split = static_cast<int>(k.splitPositions), blocks = split / s.block;
  const int size = static_cast<int>(k.headSize), valueSize = static_cast<int>(k.valueSize());
  Var io("io"), ii("ii"), vo("vo"), vi("vi");
  const bool many = k.rows > 1;
  const int vectors = many && target.lanes < 16 ? 2 : 4, positions = vectors * static_cast<int>(target.lanes);
  auto bound = [&](Func f) { many ? f.bound_storage(s.i, most) : f.bound(s.i, 0, group); };

  s.score.compute_root().store_in(kArray).bound(s.v, 0, s.block).bound_storage(s.b, blocks);
  bound(s.score);
  s.score.split(s.i, io, ii, queries, TailStrategy::RoundUp).split(s.v, vo, vi, positions);
  s.score.reorder(vi, ii, vo, io, s.b).vectorize(vi).unroll(ii);
  s.dot.compute_at(s.score, vo).store_in(MemoryType::Register).bound_extent(s.v, positions).bound_extent(s.i, queries);
  s.dot.vectorize(s.v).unroll(s.i);
  s.dot.update().reorder(s.v, s.i, s.component).vectorize(s.v).unroll(s.i);

  if (k.cache == CacheFormat::Q8) {
    s.spreadQuery.compute_root().store_in(kArray).bound(s.c, 0, size);
    bound(s.spreadQuery);
    scheduleSpread(s.spread, k.headSize, target, [&](Func &f) { f.compute_at(s.spreadQuery, s.i); });
    if (int width = vectorFor(k.headSize, target.lanes); width > 1)
      s.spreadQuery.vectorize(s.c, width);
  }

  for (auto [lanes, tree, result] :
       {std::tuple{&s.highLanes, &s.highTree, &s.high}, {&s.sumLanes, &s.sumTree, &s.sum}}) {
    result->compute_root().store_in(kArray);
    bound(*result);
    scheduleTree(*tree, s.block, *result, s.i);
    lanes->compute_at(*result, s.i).store_in(MemoryType::Register).bound(s.v, 0, s.block).vectorize(s.v);
    lanes->update().vectorize(s.v);
  }
  s.weight.compute_root().store_in(kArray).bound(s.v, 0, s.block).bound_storage(s.b, blocks).vectorize(s.v);
  bound(s.weight);

  const int vector = vectorFor(valueSize, target.lanes);
  int components = vectors;
  while (valueSize / vector % components)
    --components;
  if (many && k.cache != CacheFormat::F32) {
    s.key.compute_at(s.score, s.b).store_in(kArray).bound(s.v, 0, s.block).bound(s.c, 0, size).vectorize(s.v);
    s.value.compute_root().store_in(kArray).bound(s.c, 0, valueSize).bound_storage(s.p, split);
    s.value.vectorize(s.c, vector);
  }

  RVar co("co"), ci("ci"), jo("jo"), ji("ji");
  s.partial.bound(s.r, 0, static_cast<int>(k.rows)).bound(s.i, 0, group);
  s.partial.update(0).unscheduled();
  s.partial.update(1).unscheduled();
  s.partial.update(2)
      .split(s.mixedComponent.y, jo, ji, queries)
      .split(s.mixedComponent.x, co, ci, vector * components)
      .reorder(ci, ji, co, jo)
      .vectorize(ci, vector)
      .unroll(ci)
      .unroll(ji);
  s.mixed.compute_at(s.partial, co).store_in(MemoryType::Register).bound_extent(s.c, vector * components);
  s.mixed.bound_extent(s.i, queries).vectorize(s.c, vector).unroll(s.c).unroll(s.i);
  s.mixed.update().reorder(s.c, s.i, s.position).vectorize(s.c, vector).unroll(s.c).unroll(s.i);
}

/// `heads`: queries (heads of rows) whose accumulators are in registers at once.
Space lathe::kernelSpace(const AttendKernel &k, const Grid &grid, const TargetDesc &target) {
  Space space = tilesOfRows(grid);
  const bool chooses = grid.leads && k.takesRows();
  if (chooses)
    space.parameters.front().fallback = vectorFor(grid.rows, kRows);
  const int64_t group = k.heads / k.kvHeads, rows = chooses ? space.parameters.front().fallback : k.rows;
  // One row's heads in whole register tiles; more queries may leave the last tile some to repeat.
  auto fits = [=](int64_t rows, int64_t heads) { return rows > 1 ? heads <= group * rows : group % heads == 0; };
  lathe::Parameter heads{"heads", {}, 1};
  for (int64_t n = 1; n <= 8; ++n) {
    if (chooses || fits(rows, n))
      heads.choices.push_back(n);
    if (fits(rows, n) && n <= (rows > 1 ? (target.lanes == 16 ? 6 : 5) : target.lanes == 16 ? 4 : 3))
      heads.fallback = n;
  }
  space.parameters.push_back(std::move(heads));
  if (chooses)
    space.constraint = [fits](const Values &values) { return fits(values[kTileRows], values["heads"]); };
  return space;
}
