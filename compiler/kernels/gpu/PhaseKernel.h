//===- PhaseKernel.h - a phase as one kernel of a GPU ----------------------------------------------------*- C++ -*-===//
//
// A tile is a block: it finds where it is in the grid, runs the prologue's calls and then its own, with a barrier between
// calls, each written by its family (Kernel.h). Parameters and grid are those of lathe_launch (runtime/abi/model_abi.h).
// Phases that differ only in where their views start, as those of two layers do, are one kernel.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_PHASEKERNEL_H
#define LATHE_COMPILER_KERNELS_GPU_PHASEKERNEL_H

#include "compiler/backend/Space.h"
#include "compiler/kernels/Program.h"
#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace lathe::gpu {

/// The values of a call's schedule.
using ValuesOf = std::function<const Values &(const Call &call)>;

/// The kernel's name: that of its leading call, and a hash of all that decides its code. Equal names, equal code.
std::string entryOf(const Phase &phase, const ValuesOf &values);

/// Writes the kernel `entryOf` into the module (prepareModule). Gives the bytes of shared memory that it needs.
int64_t writePhaseKernel(mlir::ModuleOp module, const Phase &phase, const ValuesOf &values,
                         const TargetDesc &target);

/// A module for kernels: the dialects, the block's shared memory.
mlir::OwningOpRef<mlir::ModuleOp> kernelModule(mlir::MLIRContext &context);

} // namespace lathe::gpu

#endif
