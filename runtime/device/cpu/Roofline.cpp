#include "runtime/device/cpu/Roofline.h"
#include <algorithm>

namespace lathe {

PhaseWork workOf(const PhaseEvent &event, const StepShape &step) {
  const lathe_work &work = event.table->work;
  const bool logits = event.table->rows == LATHE_ROWS_LOGITS; // of each sequence the last row's
  const double sequences = step.sequences;
  const double wanted = !event.tiles                           ? 0
                        : event.table->rows == LATHE_ROWS_ONCE ? 1
                        : logits                               ? sequences
                                                               : step.rows * sequences;
  // An expert's weights are read for each of its tiles: few rows' tiles mostly have different experts.
  const double reads = event.table->rows == LATHE_ROWS_CHOICES ? double(event.tiles) / event.table->column_tiles : 1;
  double seen = 0; // positions, by all rows of a sequence
  for (uint64_t sees = step.length - step.rows + 1; sees <= step.length; ++sees)
    seen += double(work.window ? std::min<uint64_t>(sees, work.window) : sees);
  // What the cache holds of a sequence is read once for the rows of a chunk. Activations stay in cache.
  return {(wanted ? reads * double(work.weight_bytes) : 0) + sequences * seen / step.rows * double(work.cache_bytes),
          wanted * double(work.operations) + sequences * seen * double(work.position_operations), work.rate};
}

double operationsPerSecond(uint32_t rate, const MachineLimits &limits) {
  const double dot4 = limits.dot4OperationsPerSecond;
  return rate == LATHE_RATE_F32 || !dot4 ? limits.f32OperationsPerSecond
         : rate == LATHE_RATE_DOT4_TWICE ? dot4 / 2
                                         : dot4;
}

double limitSeconds(const PhaseWork &work, const MachineLimits &limits) {
  return std::max(work.bytes / limits.readBytesPerSecond, work.operations / operationsPerSecond(work.rate, limits));
}

} // namespace lathe
