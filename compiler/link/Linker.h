//===- Linker.h - objects to a shared library or a program --------------------------------------------*- C++ -*-===//
//
// LLVM's ld.lld does the work, as a process of its own. What objects need from outside is checked before, by name, so
// that a missing piece is an error of the compiler and not of the first run.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_LINKER_H
#define LATHE_COMPILER_LINK_LINKER_H

#include "compiler/link/Staging.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

/// An object file in memory.
struct ObjectBytes {
  llvm::StringRef name; ///< for messages
  llvm::StringRef bytes;
};

/// Fails if an object needs a symbol that no other one defines, but for memcpy, memmove and memset, which LLVM calls of
/// its own accord. The error names object and symbol.
llvm::Error checkSymbols(llvm::ArrayRef<ObjectBytes> objects);

/// Links `tables` and those of `kernels` that it needs to the shared library `output`, which exports only the tables'
/// own global symbols. Temporary files go to the staging folder and are removed. Same inputs, same bytes.
llvm::Error linkShared(llvm::StringRef tables, llvm::ArrayRef<ObjectBytes> kernels, StagingFolder &staging,
                       llvm::StringRef output);

} // namespace lathe

#endif
