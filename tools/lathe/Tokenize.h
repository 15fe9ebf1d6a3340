//===- Tokenize.h - lathe tokenize, in either program -------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_TOKENIZE_H
#define LATHE_TOOLS_LATHE_TOKENIZE_H

#include "tools/lathe/Command.h"

namespace lathe::cli {

/// The tokenizer of a checkpoint's file or folder, as a bundle has it (runtime/abi/tokenizer_abi.h); empty where it
/// carries none.
using CheckpointTokenizer = llvm::Expected<std::string>(const std::string &source);

/// `ofCheckpoint` is null in a program without the compiler.
void addTokenize(CLI::App &app, Outcome &outcome, CheckpointTokenizer *ofCheckpoint);

} // namespace lathe::cli

#endif
