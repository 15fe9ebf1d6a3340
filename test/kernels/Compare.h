//===- Compare.h - a kernel's results beside what they mean -------------------------------------------*- C++ -*-===//
//
// An f32 result may be off by the family's tolerance. An f16 or a byte of the cache is the number that is nearest to
// one that is off by no more, a byte's by 2^-10, for it is a sum's quotient. A quantised row is off by half a step
// more, its largest number of each group by nothing more; its sums are exact. Integers are equal. What is not finite is
// the same.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_COMPARE_H
#define LATHE_TEST_KERNELS_COMPARE_H

#include "test/kernels/Run.h"

namespace lathe::test {

/// The greatest error of many results.
struct Worst {
  double share = 0; ///< of what is tolerated; above 1: too much
  std::string where;

  void add(const Worst &other) {
    if (other.share > share)
      *this = other;
  }
};

/// Compares what a call has left in `run`. The error is of what no tolerance is for.
llvm::Expected<Worst> compare(const KernelRun &run, const Numbers &outputs, Tolerance tolerance);

} // namespace lathe::test

#endif
