//===- Halide.h - the CPU's backend ---------------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_HALIDE_HALIDE_H
#define LATHE_COMPILER_BACKEND_HALIDE_HALIDE_H

#include "compiler/backend/Backend.h"

namespace lathe {

/// Serial tile functions by Halide, one unit a kernel: a position-independent object file that defines one
/// lathe_kernel_function, called by the kernel's symbol and the target. Forms: the loop nest before and after scheduling; assembly,
/// LLVM IR and Halide's statement.
const Backend &halideBackend();

} // namespace lathe

#endif
