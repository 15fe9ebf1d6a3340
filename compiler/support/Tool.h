//===- Tool.h - programs that the compiler runs -------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_TOOL_H
#define LATHE_COMPILER_SUPPORT_TOOL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

/// Runs a program, waits, and returns what it wrote to stdout. Fails with its first lines of stderr if it cannot be run or
/// ends with another status than 0.
llvm::Expected<std::string> runTool(llvm::StringRef program, llvm::ArrayRef<std::string> arguments);

/// Runs LLVM's ld.lld, wherever it is installed; with "-o", "-" the result is what it links.
llvm::Expected<std::string> runLinker(llvm::ArrayRef<std::string> arguments);

} // namespace lathe

#endif
