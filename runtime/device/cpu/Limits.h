//===- Limits.h - what this machine's processor can do at most ------------------------------------------*- C++ -*-===//
//
// All threads together read from memory and from caches, and make multiply-adds in f32 and in u8 * i8 -> i32 groups of
// four, which is what quantised kernels use. runtime/device/Limits.h says what limits are.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_LIMITS_H
#define LATHE_RUNTIME_DEVICE_CPU_LIMITS_H

#include "runtime/device/Limits.h"
#include "runtime/device/cpu/WorkerPool.h"
#include <memory>

namespace lathe {

class MachineMeter final : public Meter {
public:
  /// `footprints`: bytes that steps read, whose rates are wanted too. Fails where the system has not so many threads.
  static Result<MachineMeter> create(unsigned threads, std::vector<uint64_t> footprints = {});

  /// Takes about a second and a quarter GB of memory (1 GB where the last cache is as large, less where memory is short).
  Result<void> measure() override;

private:
  MachineMeter() = default;
  Result<void> measureReads(bool smallPages);
  Result<void> measureOperations();

  uint64_t cachePerThread = 0; ///< the L2
  std::unique_ptr<WorkerPool> workers;
};

/// Of memory, measured once.
Result<MachineLimits> measureMachine(unsigned threads);

} // namespace lathe

#endif
