//===- Object.h - the stage that makes native code ----------------------------------------------------*- C++ -*-===//
//
// The backend says which pieces of code a schedule becomes and makes them; this stage makes them in parallel and keeps
// them in a cache keyed by all that decides their bytes. The CPU's are ELF objects that define a lathe_kernel_function
// for each kernel and need nothing but memcpy, memmove and memset.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_OBJECT_H
#define LATHE_COMPILER_OBJECT_OBJECT_H

#include "compiler/backend/Backend.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>
#include <string>
#include <vector>

namespace lathe {

/// A scheduled program set and what compiles it; all of it outlives the call that gets it.
struct CompileInput {
  const Backend &backend;
  const ProgramSet &set;
  const std::vector<Scheduled> &schedule;
  const TargetDesc &target;
};

/// One unit's code, without the cache. Errors name the unit. Thread-safe.
llvm::Expected<std::string> compileUnit(const CompileInput &input, const CodeUnit &unit);
/// The code as text, each piece under its name. Errors name the piece.
llvm::Error printForm(const CompileInput &input, const Backend::Form &form, llvm::raw_ostream &out);

struct CompileOptions {
  unsigned jobs = 0;          ///< threads; 0: one for each processor
  std::string cacheDirectory; ///< of KernelCache; empty: no cache
  /// Called after each unit, from any thread but never from two at once.
  std::function<void(size_t done, size_t total, const std::string &unit)> progress;
};

struct CompiledUnit {
  CodeUnit unit;
  std::string code;
};

struct CompiledCode {
  std::vector<CompiledUnit> units;
  size_t fromCache = 0;
  std::string cacheProblem; ///< why the cache could not be written, once; the code is good all the same
};

/// All units, in parallel. Fails with the error of the first unit (in the backend's order) that has one.
llvm::Expected<CompiledCode> compileAll(const CompileInput &input, const CompileOptions &options);

} // namespace lathe

#endif
