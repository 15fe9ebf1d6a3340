//===- Rotations.h - rotations for the tests of kernels that turn heads -------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_KERNELS_ROTATIONS_H
#define LATHE_TEST_COMPILER_KERNELS_ROTATIONS_H

#include "test/compiler/kernels/HalideHarness.h"

namespace lathe::test {

/// Fills the tables that a kernel has for `rotation`: frequencies theta^(-2i/rotated), and longer waves by its rule in
/// a sequence of `length`, which is known.
void fillRotation(KernelRun &run, const Rotation &rotation, int64_t maxPages, int64_t length);

/// What these tables make of heads of `headSize` components, one after another, at `position`.
std::vector<double> rotatedHeads(const Rotation &rotation, int64_t headSize, const std::vector<double> &heads,
                                 int64_t position, int64_t length);

} // namespace lathe::test

#endif
