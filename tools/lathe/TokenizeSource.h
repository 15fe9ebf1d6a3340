//===- TokenizeSource.h - the tokenizer of a checkpoint -----------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_TOKENIZESOURCE_H
#define LATHE_TOOLS_LATHE_TOKENIZESOURCE_H

#include "tools/lathe/Tokenize.h"

namespace lathe::cli {

CheckpointTokenizer tokenizerOfCheckpoint;

} // namespace lathe::cli

#endif
