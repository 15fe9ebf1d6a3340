//===- Llvm.h - the processors that LLVM makes code for -------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_TARGET_LLVM_H
#define LATHE_COMPILER_TARGET_LLVM_H

#include "llvm/Support/TargetSelect.h"

namespace lathe {

/// Makes LLVM know the processors of all CPU targets, once a process, for who asks it for a TargetMachine. Thread-safe.
inline void registerLlvmTargets() {
  static const bool registered = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    return true;
  }();
  (void)registered;
}

} // namespace lathe

#endif
