//===- Compile.h - compiling from the command line ----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_COMPILE_H
#define LATHE_TOOLS_LATHE_COMPILE_H

#include "compiler/pipeline/Pipeline.h"
#include "tools/lathe/Console.h"
#include <CLI/CLI.hpp>

namespace lathe::cli {

/// How the program is to be built, whatever the model.
struct ProgramFlags {
  std::string cache;       ///< --kv: a name of CacheFormat, or "" for what fits the weights
  std::string activations; ///< --activations: a name of ActFormat, or "" for the target's choice
};

void addProgramFlags(CLI::App &command, ProgramFlags &program);

/// A usage error that names an option of compilations that was given for a bundle, which is compiled already.
llvm::Error refuseFlags(llvm::StringRef bundle, const InputOptions &input, const ProgramFlags &program);

/// What every compilation from the command line shares: the user's kernel cache, a progress line.
PipelineOptions pipelineOptions(const InputOptions &input, const ProgramFlags &program, unsigned jobs,
                                Progress &progress);

} // namespace lathe::cli

#endif
