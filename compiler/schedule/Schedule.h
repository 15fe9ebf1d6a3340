//===- Schedule.h - the stage that chooses how kernels run --------------------------------------------*- C++ -*-===//
//
// For each phase: the tile of its linear and the values of its kernels' schedules, from an exact record, else from the
// nearest one, else from the fallback. Which one it was stays with the kernel as its tag, down to the bundle.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_SCHEDULE_H
#define LATHE_COMPILER_SCHEDULE_SCHEDULE_H

#include "compiler/kernels/Program.h"
#include "compiler/kernels/halide/Registry.h"
#include "compiler/schedule/Records.h"

namespace lathe {

/// A kernel and how to compile it.
struct Scheduled {
  KernelDesc kernel;
  Values values;    ///< one for each parameter of the family's space
  std::string tag;  ///< "tuned", "nearest KEY" (the record's) or "fallback"
  int schedule = 0; ///< which of the kernel's, in the order of first use

  std::string symbol() const { return lathe::symbol(kernel, schedule); }
};

/// Gives each linear phase of `set` its tile, each call the number of its kernel's schedule, and returns each kernel
/// once for each choice of values, in the order of first use. Phases that end with the same kernel and values share it;
/// its tag is then the best that one of them has. Fails only where `set` leaves its memory (Check.h).
llvm::Expected<std::vector<Scheduled>> scheduleProgram(ProgramSet &set, const TargetDesc &target,
                                                       const RecordBook &records);

/// One line a kernel: symbol, tag, values. What --emit=schedule prints.
std::string print(const std::vector<Scheduled> &kernels);

} // namespace lathe

#endif
