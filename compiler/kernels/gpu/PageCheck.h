//===- PageCheck.h - is a page of the cache finite? ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_GPU_PAGECHECK_H
#define LATHE_COMPILER_KERNELS_GPU_PAGECHECK_H

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe::gpu {

/// Writes a kernel into the module (kernelModule): LATHE_PAGE_CHECK_ENTRY of runtime/abi/model_abi.h, which says what its
/// grid and its parameters are. A block of kThreads takes `blockWords` words.
void writePageCheck(mlir::ModuleOp module, const char *entry, int64_t blockWords, const TargetDesc &target);

} // namespace lathe::gpu

#endif
