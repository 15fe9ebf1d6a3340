//===- Case.h - kernels to test and to measure, as data -----------------------------------------------*- C++ -*-===//
//
// A case is a kernel's description and which numbers it is called with; what it must give is not written down anywhere,
// but follows from what the description means in ops (Meaning.h). So a family needs a list of cases and no test of its
// own:
//
//   std::vector<KernelCase> lathe::test::NormCases() {
//     std::vector<KernelCase> cases;
//     for (int64_t columns : {1, 15, 16, 17, 577})
//       cases.push_back({.kernel = NormKernel{.kind = NormKind::RMS, .columns = columns, .eps = 1e-5}});
//     return cases;
//   }
//
// Shapes are those where code changes: 1, a vector or a tile less one, a whole one, one more, a prime. Every option and
// every number format is in a case. KernelsTest runs all of them on every target of every backend that this machine
// has; lathe-kernels measures those that are benchmarks.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_CASE_H
#define LATHE_TEST_KERNELS_CASE_H

#include "compiler/kernels/Kernel.h"
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::test {

/// How inputs are drawn.
enum class Fill {
  Normal,   ///< standard normal, * spread + shift
  Integers, ///< of few bits, so that sums of products are exact
  Infinite, ///< Normal, but for an infinity of either sign in every seventh place
};

struct KernelCase {
  KernelDesc kernel;
  /// A call for each. embed: ids; norm that gathers: the row; rotate, append, attend, combine: the row's position (of
  /// append and attend in every split; attend of several rows: the positions of tile after tile, with a call for each
  /// run of them that follow one another); conv and scan: positions of a sequence's rows, in order; assign: how many
  /// rows the step has.
  std::vector<int64_t> at = {0};
  int64_t length = 0; ///< of the row's sequence, for rotations that depend on it
  Fill fill = Fill::Normal;
  double spread = 1, shift = 0;
  bool exact = false;     ///< the result has no rounding: nothing is tolerated
  bool schedules = false; ///< also in the other schedules of its space, whose bits must be the same
  bool benchmark = false; ///< of a real model's size: to be measured, and not run as a test
  uint64_t seed = 1;
  const char *note = ""; ///< what the case is there for, where its numbers do not say so
};

// NormCases(), …: a family without cases is an error of the linker.
#define LATHE_FAMILY(Name, ...) std::vector<KernelCase> Name##Cases();
#include "compiler/kernels/Families.def"

/// Of all families, in the list's order.
std::vector<std::vector<KernelCase>> allCases();

} // namespace lathe::test

#endif
