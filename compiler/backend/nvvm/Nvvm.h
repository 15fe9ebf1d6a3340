//===- Nvvm.h - the backend of CUDA devices --------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_NVVM_NVVM_H
#define LATHE_COMPILER_BACKEND_NVVM_NVVM_H

#include "compiler/backend/Backend.h"

namespace lathe {

/// Makes MLIR of each phase (compiler/kernels/gpu), of that PTX, and where ptxas is found a cubin.
const Backend &nvvmBackend();

} // namespace lathe

#endif
