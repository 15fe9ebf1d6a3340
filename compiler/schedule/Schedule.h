//===- Schedule.h - the stage that chooses how kernels run ----------------------------------------------*- C++ -*-===//
//
// For each phase: its tile, which the kernel that leads it chooses, and the values of its kernels' schedules, from an
// exact record, else from the nearest one, else from the backend's fallback. Which one it was stays with the kernel as
// its tag, down to the bundle.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_SCHEDULE_H
#define LATHE_COMPILER_SCHEDULE_SCHEDULE_H

#include "compiler/backend/Backend.h"
#include "compiler/schedule/Records.h"

namespace lathe {

/// Gives each phase of `set` its tile, each call the number of its kernel's schedule, and returns each kernel once for
/// each choice of values, in the order of first use. Phases that end with the same kernel and values share it; its tag
/// is then the best that one of them has. Fails where a record that is for one of the kernels asks for what it does not
/// have, and where `set` leaves its memory (Check.h).
llvm::Expected<std::vector<Scheduled>> scheduleProgram(ProgramSet &set, const Backend &backend,
                                                       const TargetDesc &target, const RecordBook &records);

/// One line a kernel: symbol, tag, values. What --emit=schedule prints.
std::string print(const std::vector<Scheduled> &kernels);
/// One line a key that records may be for: the key, the tile where its kernel leads a phase, how many calls have it. What
/// --emit=schedule,keys prints.
std::string printKeys(const ProgramSet &set);

} // namespace lathe

#endif
