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
  Values values;   ///< one for each parameter of the family's space
  std::string tag; ///< "tuned", "nearest KEY" (the record's) or "fallback"
};

/// Gives each linear phase of `set` its tile and returns each distinct kernel once, in the order of first use. Phases
/// that end with the same kernel share it, scheduled as for the first. Fails only where `set` leaves its memory
/// (Check.h).
llvm::Expected<std::vector<Scheduled>> scheduleProgram(ProgramSet &set, const TargetDesc &target,
                                                       const RecordBook &records);

/// One line a kernel: symbol, tag, values. What --emit=schedule prints.
std::string print(const std::vector<Scheduled> &kernels);

} // namespace lathe

#endif
