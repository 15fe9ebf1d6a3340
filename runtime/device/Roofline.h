//===- Roofline.h - a phase's work, and the time that this machine needs for it at least ----------------*- C++ -*-===//
//
// Williams et al. 2009: a phase takes at least the time of its bytes at memory's rate and that of its operations at
// theirs. The work per row and position stands in the program's tables (lathe_work); here it becomes that of a step.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_ROOFLINE_H
#define LATHE_RUNTIME_DEVICE_ROOFLINE_H

#include "runtime/abi/model_abi.h"
#include "runtime/device/Limits.h"
#include <cstddef>
#include <cstdint>

namespace lathe {

/// What the rows of a step are: `rows` of each of `sequences` sequences, which then have `length` positions.
struct StepShape {
  uint32_t rows = 1;
  uint64_t length = 1;
  uint32_t sequences = 1;
};

struct PhaseWork {
  double bytes = 0, operations = 0;
  uint32_t rate = LATHE_RATE_F32; ///< lathe_rate
};

/// What a phase of so many tiles read and computed in a step.
PhaseWork workOf(const lathe_phase &phase, size_t tiles, const StepShape &step);

/// The machine's rate of such operations; the time that a phase's bytes take at least, its operations, and both.
double operationsPerSecond(uint32_t rate, const MachineLimits &limits);
double readSeconds(const PhaseWork &work, const MachineLimits &limits);
double operationSeconds(const PhaseWork &work, const MachineLimits &limits);
double limitSeconds(const PhaseWork &work, const MachineLimits &limits);
/// The roof that such operations are under.
Roof::Kind operationsRoof(uint32_t rate, const MachineLimits &limits);

} // namespace lathe

#endif
