//===- Append.cpp - directives of cache writes ------------------------------------------------------------------===//
//
// The transposed keys' column is scalar. What comes before it is vectors.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

void lathe::scheduleSpread(SpreadStages &s, int64_t size, const TargetDesc &target,
                           const std::function<void(Func &)> &place) {
  const int width = vectorFor(spreadOf(size) / 2, target.lanes);
  for (Func &level : s.levels) {
    place(level);
    level.store_in(kArray).bound(s.c, 0, static_cast<int>(size));
    for (int u : {0, 1}) // each pair has a place of its own, which Halide does not see where there are several runs
      if (width > 1)
        level.update(u).allow_race_conditions().vectorize(s.pair.x, width);
  }
}

static void scheduleBytes(BytesStages &s, int64_t size, const TargetDesc &target) {
  const int width = vectorFor(size, target.lanes);
  for (Func f : {s.largest, s.inverse, s.scale, s.bytes})
    f.compute_root().store_in(kArray);
  s.bytes.bound(s.bytes.args()[0], 0, static_cast<int>(size));
  if (width > 1) {
    s.largest.update().atomic().vectorize(s.within, width);
    s.bytes.vectorize(s.bytes.args()[0], width);
  }
}

void lathe::scheduleKernel(AppendStages &s, const AppendKernel &k, const TargetDesc &target, const Values &values) {
  s.key.compute_root().store_in(kArray).bound(s.c, 0, static_cast<int>(k.headSize));
  if (k.rotation.rotated)
    scheduleRotation(s.turn, k.rotation, {s.qr, s.key}, target);
  if (k.cache == CacheFormat::Q8) {
    scheduleSpread(s.spread, k.headSize, target, [](Func &f) { f.compute_root(); });
    scheduleBytes(s.keyBytes, k.headSize, target);
    scheduleBytes(s.valueBytes, k.valueSize(), target);
  }
  if (int width = vectorFor(k.valueSize(), target.lanes); width > 1)
    s.values.update().vectorize(s.valueComponent.x, width);
}

/// Positions that lie beside one another in a line of transposed keys (f16: 32) are one worker's: two that write to one
/// line in turn took twice the time of one alone.
Space lathe::kernelSpace(const AppendKernel &, const Grid &grid, const TargetDesc &) {
  Space space = tilesOfRows(grid);
  if (grid.leads && !grid.memoryBound)
    space.parameters.front().fallback = vectorFor(grid.fixedRows ? 1 : grid.rows, 32);
  return space;
}
