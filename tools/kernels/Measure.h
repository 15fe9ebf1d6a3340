//===- Measure.h - how long a call of a kernel takes ------------------------------------------------*- C++ -*-===//
//
// One thread calls one kernel over and over. What a step reads once, panels of weights and pages of the cache, is there
// in as many copies as fill a good part of memory, and the calls go through them in turn: so a row that is bound by
// memory is measured so, as it runs. All else stays in the caches, as it does in a step.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_KERNELS_MEASURE_H
#define LATHE_TOOLS_KERNELS_MEASURE_H

#include "compiler/backend/Backend.h"
#include "test/kernels/Case.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

struct MeasureOptions {
  double seconds = 0.2;   ///< for each kernel; 0: each of its calls once
  int64_t megabytes = 64; ///< of the copies
  std::string cacheDirectory;
};

struct Measurement {
  const char *family;
  std::string symbol, target;
  Values values;
  double nanoseconds = 0;           ///< a call: the median of many rounds
  double bytes = 0, operations = 0; ///< of a call, as Work.h counts them
};

/// Compiles the case's kernel for the target with these values, compares what it computes with what it means, and
/// measures it. Fails where the results are wrong.
llvm::Expected<Measurement> measure(const test::KernelCase &kernelCase, const TargetDesc &target, const Values &values,
                                    const MeasureOptions &options);

} // namespace lathe

#endif
