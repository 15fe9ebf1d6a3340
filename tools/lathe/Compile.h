//===- Compile.h - compiling from the command line ----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_COMPILE_H
#define LATHE_TOOLS_LATHE_COMPILE_H

#include "compiler/pipeline/Pipeline.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"

namespace lathe::cli {

/// What every compilation from the command line shares: the user's kernel cache, a progress line.
PipelineOptions pipelineOptions(const InputOptions &input, const ProgramFlags &program, unsigned jobs,
                                Progress &progress);

} // namespace lathe::cli

#endif
