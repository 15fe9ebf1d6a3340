//===- Code.h - compiled kernels that can be called -------------------------------------------------*- C++ -*-===//
//
//   Code code = must(Code::of({copy}, platform));
//   must(run.call(code.function(0)));
//
// Of a CUDA target the functions launch kernels (Launched.h). Of a target for another processor the functions are called in a program of that processor, which qemu runs
// (ForeignServer.cpp): arguments go there through a pipe, and come back.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_CODE_H
#define LATHE_TEST_KERNELS_CODE_H

#include "compiler/object/Load.h"
#include "test/kernels/Launched.h"
#include "test/kernels/Platforms.h"
#include <functional>

namespace lathe::test {

/// A lathe_kernel_function, wherever it runs.
using KernelFunction = std::function<int(void **arguments)>;

class Code {
public:
  static llvm::Expected<Code> of(const std::vector<Scheduled> &schedule, const Platform &platform);
  /// Each in the fallback's schedule.
  static llvm::Expected<Code> of(const std::vector<KernelDesc> &kernels, const Platform &platform);

  /// Of the schedule's i-th kernel, for as long as this lives.
  KernelFunction function(size_t i) const;

private:
  class Foreign;
  std::shared_ptr<const LoadedCode> own;
  std::shared_ptr<const Launched> launched;
  std::shared_ptr<Foreign> foreign;
  std::map<size_t, std::string> names; ///< of foreign functions
};

} // namespace lathe::test

#endif
