//===- Key.h - what a schedule may depend on ----------------------------------------------------------*- C++ -*-===//
//
// A key is a kernel as schedule records see it: its family, the words and the sizes with which it names itself
// (compiler/kernels/Naming.h), and the phase that it is called in:
//
//   m   rows of a step
//   n   columns of the phase: rows of a linear's matrix, KV heads of attention, …
//
// The tile is no part of it: it is what a schedule chooses.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_KEY_H
#define LATHE_COMPILER_SCHEDULE_KEY_H

#include "compiler/backend/Space.h"
#include "compiler/kernels/Program.h"
#include <string>
#include <utility>
#include <vector>

namespace lathe {

struct ScheduleKey {
  std::string family, types; ///< types: the words
  std::vector<std::pair<std::string, int64_t>> sizes;

  /// "linear q4_1 q16 m=1 n=960 k=576"; sizes of 0 say that there is no such thing, and are left out.
  std::string print() const;
};

/// The key of a kernel that a phase like `grid` calls.
ScheduleKey keyOf(const KernelDesc &kernel, const Grid &grid);
/// The names of a family's sizes; empty for a family that does not exist.
std::vector<std::string> sizeNames(const std::string &family);

/// A phase of `program` as schedules see it, for a kernel that does not lead it.
Grid gridOf(const Program &program, const Phase &phase);

} // namespace lathe

#endif
