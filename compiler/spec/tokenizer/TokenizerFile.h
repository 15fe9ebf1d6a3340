//===- TokenizerFile.h - the files that carry a vocabulary alone ----------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERFILE_H
#define LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERFILE_H

#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include <memory>

namespace lathe {

/// A tokenizer.json, a SentencePiece .model or a llama2.c tokenizer.bin, by the end of its name; null for a file that
/// is none (a .bin that does not read as a tokenizer may be a checkpoint).
llvm::Expected<std::shared_ptr<TokenizerSource>> readTokenizerFile(llvm::StringRef path);

/// The tokenizer of a Hugging Face folder: tokenizer.json with the files beside it, else tokenizer.model; null where
/// there is neither.
llvm::Expected<std::shared_ptr<TokenizerSource>> readTokenizerFolder(llvm::StringRef folder);

} // namespace lathe

#endif
