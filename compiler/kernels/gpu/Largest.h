//===- Largest.h - the largest logits of a row -----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_GPU_LARGEST_H
#define LATHE_COMPILER_KERNELS_GPU_LARGEST_H

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe::gpu {

/// Writes a kernel into the module (kernelModule): LATHE_LARGEST_LOGITS_ENTRY of runtime/abi/model_abi.h, or with
/// `fromKeys` LATHE_LARGEST_KEYS_ENTRY. A block of kThreads takes `blockNumbers`: a power of two, at least two a thread.
void writeLargest(mlir::ModuleOp module, const char *entry, bool fromKeys, int64_t blockNumbers,
                  const TargetDesc &target);

} // namespace lathe::gpu

#endif
