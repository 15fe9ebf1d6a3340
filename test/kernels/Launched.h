//===- Launched.h - kernels on a CUDA device -----------------------------------------------------------*- C++ -*-===//
//
// A kernel is a phase of one call here, with an array of its own for each argument. What a lathe_kernel_function finds in
// its `tile` is where the block is in the grid: the blocks before it run too, with outputs of their own.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_LAUNCHED_H
#define LATHE_TEST_KERNELS_LAUNCHED_H

#include "compiler/backend/Backend.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>
#include <optional>

namespace lathe::test {

/// The target of the first device of the driver that there is (LATHE_CUDA_DRIVER may name one): none without.
std::optional<TargetDesc> deviceTarget();

/// Whether the device's programs have such a kernel.
bool isLaunched(const KernelDesc &kernel);

/// The kernel alone in a program, as a phase.
Program programOf(const KernelDesc &kernel);

/// Each kernel's phase in one module.
struct LaunchedModule {
  std::string ptx;
  std::vector<Launch> launches; ///< of the schedule's kernels
};
llvm::Expected<LaunchedModule> launchedModule(const std::vector<Scheduled> &schedule, const TargetDesc &target);

/// A module on the device.
class Launched {
public:
  static llvm::Expected<std::shared_ptr<const Launched>> of(const std::vector<Scheduled> &schedule,
                                                            const TargetDesc &target);
  ~Launched();
  /// Like a lathe_kernel_function of the schedule's i-th kernel. Says on stderr why it fails.
  int call(size_t i, void **arguments) const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace lathe::test

#endif
