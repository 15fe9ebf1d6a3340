//===- Adapt.h - a module made for one machine, for another ---------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_LLVM_ADAPT_H
#define LATHE_COMPILER_BACKEND_LLVM_ADAPT_H

#include "compiler/target/Target.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Gives every function the target's instructions, whatever it was made for. An intrinsic wider than the target's
/// vectors becomes two of half the width. An error where the module needs an instruction that the target has not: LLVM
/// would end the process.
llvm::Error adapt(llvm::Module &module, const TargetDesc &target);

} // namespace lathe

#endif
