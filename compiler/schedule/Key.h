//===- Key.h - what a schedule may depend on ----------------------------------------------------------*- C++ -*-===//
//
// A key is a kernel as schedule records see it: family, number formats and kind, and the sizes that decide what is
// fast.
//
//   family    types                                   sizes
//   embed     "q4_1"                                  k columns
//   norm      "rms q16"                                k columns
//   linear    "q4_1 q16", gated: "q4_1 q16 gated"       m rows of a step, n rows of the matrix, k columns
//   append    "f16 half_split", "f16 interleaved"     d head size, g query heads a KV head
//   attend    "f16"                                   d, g, s positions of a split
//   combine   "q16"                                    d, h heads of one call
//   conv      "f32"                                   c channels of one call, w width
//   scan      "channel", "head"                       h heads of one call, d, n numbers of a state
//   route     "f32"                                    e experts
//   assign    "i32"                                    e
//   collect   "f32", "q16"                             k columns
//   pointwise "f32", "q16"                             k columns
//   rotate    "half_split", "interleaved"             d, h heads of one call
//
// A linear's m and n are those of its phase, not of its tile: the tile is part of what a schedule chooses.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_KEY_H
#define LATHE_COMPILER_SCHEDULE_KEY_H

#include "compiler/kernels/Program.h"
#include <string>
#include <utility>
#include <vector>

namespace lathe {

struct ScheduleKey {
  std::string family, types;
  std::vector<std::pair<std::string, int64_t>> sizes;

  /// "linear q4_1 q16 m=1 n=960 k=576".
  std::string print() const;
};

/// The key of a kernel that `phase` of `program` calls.
ScheduleKey keyOf(const KernelDesc &kernel, const Program &program, const Phase &phase);
/// The names of a family's sizes; empty for a family that does not exist.
std::vector<std::string> sizeNames(const std::string &family);

} // namespace lathe

#endif
