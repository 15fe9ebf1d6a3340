//===- Ptx.h - from kernels' MLIR to PTX, and to a cubin -------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_NVVM_PTX_H
#define LATHE_COMPILER_BACKEND_NVVM_PTX_H

#include "compiler/backend/Emitted.h"
#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace lathe {

/// The PTX of a module of kernels (gpu::kernelModule): arith, scf and cf are lowered in place, then LLVM optimises and
/// writes. Floating point is strict: nothing is fused that is not a fused op.
Emitted ptxOf(mlir::ModuleOp module, const TargetDesc &target);

/// The cubin that ptxas makes of PTX, and what it says of registers and spills where `report` is given. Fails where there
/// is no ptxas (findPtxas), or it refuses the text.
Emitted cubinOf(const std::string &ptx, const TargetDesc &target, std::string *report = nullptr);

/// The path of ptxas: $LATHE_PTXAS, else the one that tools/setup.sh has put into .venv, else that of the PATH. Empty: none.
std::string findPtxas();

/// What ptxas says that a kernel needs: registers of a thread, bytes of a thread or of a block.
struct Usage {
  std::string entry;
  int64_t registers = 0, spilled = 0, stack = 0;
  int64_t shared = 0; ///< beside what a launch asks for
};
/// Of each kernel that a report of cubinOf has.
std::vector<Usage> usagesIn(const std::string &report);

/// A cubin's instructions, as nvdisasm prints them. Fails where there is none: $LATHE_NVDISASM, or that of the PATH.
Emitted sassOf(const std::string &cubin);

} // namespace lathe

#endif
