//===- HandOver.h - lathe becomes lathe-compiler ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_HANDOVER_H
#define LATHE_TOOLS_LATHE_HANDOVER_H

#include "llvm/Support/Error.h"

namespace lathe::cli {

/// Makes this process `lathe-compiler`, the program beside this one, with the same command line: process, terminal,
/// signals, working folder and open files stay. Returns only where that fails.
llvm::Error handOver(int argc, char **argv);

} // namespace lathe::cli

#endif
