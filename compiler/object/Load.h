//===- Load.h - compiled code in this process ---------------------------------------------------------*- C++ -*-===//
//
// For what measures kernels one by one: tests, the micro-benchmark, the tuner.
//
//   llvm::Expected<LoadedCode> code = compileAndLoad({backend, {}, schedule, target}, {});
//   code->function(0)(arguments); // of the schedule's first kernel
//
// All units become one shared library in memory, so that hundreds of kernels cost one run of the linker, and profilers
// know them by their symbols. The code may be for a target that this machine does not run: who calls it has asked
// hostFeatures() before.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_LOAD_H
#define LATHE_COMPILER_OBJECT_LOAD_H

#include "compiler/object/Object.h"
#include "compiler/support/MemoryFile.h"
#include "runtime/abi/model_abi.h"
#include "llvm/ADT/ArrayRef.h"
#include <map>
#include <memory>

namespace lathe {

/// A shared library of units of functions, as the CPU's are, whose names differ; the bytes. The error names the unit, or
/// says what the linker said.
llvm::Expected<std::string> linkUnits(llvm::ArrayRef<CompiledUnit> units);

/// Owns the library; its functions are there as long as it is.
class LoadedCode {
public:
  /// Of linkUnits. Or the error says what the loader said.
  static llvm::Expected<LoadedCode> load(llvm::ArrayRef<CompiledUnit> units);

  /// Of a kernel of the schedule that the units were compiled from.
  lathe_kernel_function function(size_t kernel) const { return functions.at(kernel); }

private:
  struct Library {
    MemoryFile file; ///< open while it is loaded: dlopen knows libraries by their paths
    void *handle = nullptr;
    ~Library();
  };
  std::unique_ptr<Library> library = std::make_unique<Library>();
  std::map<size_t, lathe_kernel_function> functions;
};

/// All kernels of the schedule.
llvm::Expected<LoadedCode> compileAndLoad(const CompileInput &input, const CompileOptions &options);

} // namespace lathe

#endif
