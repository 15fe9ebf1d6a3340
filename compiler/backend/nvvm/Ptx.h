//===- Ptx.h - from kernels' MLIR to PTX, and to a cubin -------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_NVVM_PTX_H
#define LATHE_COMPILER_BACKEND_NVVM_PTX_H

#include "compiler/backend/Emitted.h"
#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// The PTX of a module of kernels (gpu::kernelModule): arith, scf and cf are lowered in place, then LLVM optimises and
/// writes. Floating point is strict: nothing is fused that is not a fused op.
Emitted ptxOf(mlir::ModuleOp module, const TargetDesc &target);

/// The cubin that ptxas makes of PTX, and what it says of registers and spills where `report` is given. Fails where there
/// is no ptxas (findPtxas), or it refuses the text, or a kernel spills.
Emitted cubinOf(const std::string &ptx, const TargetDesc &target, std::string *report = nullptr);

/// The path of ptxas: $LATHE_PTXAS, else the one that tools/setup.sh has put into .venv, else that of the PATH. Empty: none.
std::string findPtxas();

} // namespace lathe

#endif
