//===- Emit.h - one kernel through Halide's code generator --------------------------------------------*- C++ -*-===//
//
// The part of the object stage that includes Halide and so can't include LLVM (whose RTTI setting differs): Object.h is
// what other stages use.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_EMIT_H
#define LATHE_COMPILER_OBJECT_EMIT_H

#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/halide/Registry.h"
#include <string>

namespace lathe {

/// What a kernel is compiled to.
enum class ObjectForm {
  Object,   ///< ELF .o that exports the symbol + "_argv"
  Assembly, ///< its text
  LLVM,     ///< LLVM IR as text
  Stmt,     ///< Halide's lowered statement
};

struct Emitted {
  std::string bytes;
  std::string error; ///< empty: it went well
};

/// Under the name `symbol`. Thread-safe.
Emitted emit(const KernelDesc &kernel, const Values &values, const TargetDesc &target, ObjectForm form,
             const std::string &symbol);

} // namespace lathe

#endif
