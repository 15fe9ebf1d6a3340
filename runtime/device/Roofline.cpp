#include "runtime/device/Roofline.h"
#include <algorithm>

namespace lathe {

PhaseWork workOf(const lathe_phase &phase, size_t tiles, const StepShape &step) {
  const lathe_work &work = phase.work;
  const bool logits = phase.rows == LATHE_ROWS_LOGITS; // of each sequence the last row's
  const double sequences = step.sequences;
  const double wanted = !tiles ? 0 : phase.rows == LATHE_ROWS_ONCE ? 1 : logits ? sequences : step.rows * sequences;
  // An expert's weights are read for each of its tiles: few rows' tiles mostly have different experts.
  const double reads = phase.rows == LATHE_ROWS_CHOICES ? double(tiles) / phase.column_tiles : 1;
  double seen = 0; // positions, by all rows of a sequence
  for (uint64_t sees = step.length - step.rows + 1; sees <= step.length; ++sees)
    seen += double(work.window ? std::min<uint64_t>(sees, work.window) : sees);
  // What the cache holds of a sequence is read once for the rows of a chunk. Activations stay in cache.
  return {(wanted ? reads * double(work.weight_bytes) : 0) + sequences * seen / step.rows * double(work.cache_bytes),
          wanted * double(work.operations) + sequences * seen * double(work.position_operations), work.rate};
}

Roof::Kind operationsRoof(uint32_t rate, const MachineLimits &limits) {
  if (rate == LATHE_RATE_HALF)
    return limits.halfOperationsPerSecond ? Roof::Kind::Half : Roof::Kind::F32;
  return rate == LATHE_RATE_F32 || !limits.dot4OperationsPerSecond ? Roof::Kind::F32 : Roof::Kind::Dot4;
}

double operationsPerSecond(uint32_t rate, const MachineLimits &limits) {
  switch (operationsRoof(rate, limits)) {
  case Roof::Kind::Half:
    return limits.halfOperationsPerSecond;
  case Roof::Kind::Dot4:
    return limits.dot4OperationsPerSecond / (rate == LATHE_RATE_DOT4_TWICE ? 2 : 1);
  default:
    return limits.f32OperationsPerSecond;
  }
}

double readSeconds(const PhaseWork &work, const MachineLimits &limits) {
  return work.bytes / limits.readBytesPerSecond;
}

double operationSeconds(const PhaseWork &work, const MachineLimits &limits) {
  return work.operations / operationsPerSecond(work.rate, limits);
}

double limitSeconds(const PhaseWork &work, const MachineLimits &limits) {
  return std::max(readSeconds(work, limits), operationSeconds(work, limits));
}

} // namespace lathe
