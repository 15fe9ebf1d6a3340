//===- Object.h - the stage that makes native code ----------------------------------------------------*- C++ -*-===//
//
// Each scheduled kernel becomes one ELF object that exports its symbol() + "_argv" (a lathe_kernel_function) and
// needs nothing but memcpy, memmove and memset. Objects are kept in a cache keyed by all that decides their bytes.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_OBJECT_H
#define LATHE_COMPILER_OBJECT_OBJECT_H

#include "compiler/object/Emit.h"
#include "compiler/schedule/Schedule.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <string>
#include <vector>

namespace lathe {

/// One kernel in any form, without the cache. Errors name the kernel's symbol. Thread-safe.
llvm::Expected<std::string> compileKernel(const Scheduled &kernel, const TargetDesc &target, ObjectForm form);

struct CompileOptions {
  unsigned jobs = 0;          ///< threads; 0: one for each processor
  std::string cacheDirectory; ///< of KernelCache; empty: no cache
  /// Called after each kernel, from any thread but never from two at once.
  std::function<void(size_t done, size_t total, const std::string &symbol)> progress;
};

struct CompiledKernels {
  std::vector<std::string> objects; ///< in the order of the kernels
  size_t fromCache = 0;
  std::string cacheProblem; ///< why the cache could not be written, once; the objects are good all the same
};

/// All kernels as objects, in parallel. Fails with the error of the first kernel (in the list's order) that has one.
llvm::Expected<CompiledKernels> compileAll(llvm::ArrayRef<Scheduled> kernels, const TargetDesc &target,
                                           const CompileOptions &options);

} // namespace lathe

#endif
