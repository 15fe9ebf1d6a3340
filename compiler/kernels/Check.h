//===- Check.h - proves that programs stay inside their memory ------------------------------------------*- C++ -*-===//
//
// A program is executed without bounds checks, so every view is checked here, once, on the plain data that the link
// stage writes: describe() checks what it makes, and so may any stage that changes tiles.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_CHECK_H
#define LATHE_COMPILER_KERNELS_CHECK_H

#include "compiler/kernels/Program.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Checks for each program of `set`, with its present tile sizes, that
///  - tile sizes divide the grid, and each call has one view for each argument;
///  - every view, moved to the last row, column and split, stays inside arena, scratch, weight, page, input or logits,
///    and within the 2^31 elements that a kernel can index;
///  - tiles of a phase write disjoint bytes, no two outputs of a phase overlap, and what a phase reads from the arena
///    it does not write, but for a residual that each tile replaces by its own result.
/// The error names program, phase, kernel and argument.
llvm::Error check(const ProgramSet &set);

} // namespace lathe

#endif
