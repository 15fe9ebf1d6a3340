//===- PreTokenizers.h - BPE's pre-tokenisers by name ---------------------------------------------------*- C++ -*-===//
//
// GGUF names a pre-tokeniser (`tokenizer.ggml.pre`) where tokenizer.json spells its patterns out. This table gives each
// name the patterns of the models it stands for, in PCRE2's syntax, one split after the other.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_PRETOKENIZERS_H
#define LATHE_COMPILER_SPEC_TOKENIZER_PRETOKENIZERS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe {

struct PreTokenizerRecord {
  llvm::ArrayRef<llvm::StringLiteral> names;
  llvm::ArrayRef<llvm::StringLiteral> splits;
  bool ignoreMerges = false; ///< a pre-token that is a token stays whole
  bool addBos = false;       ///< unless the file says otherwise
  bool characters = false;   ///< merges start from characters, U+2581 for spaces; byte tokens write the others
};

/// Null if the name is unknown.
const PreTokenizerRecord *findPreTokenizer(llvm::StringRef name);

/// All names, for messages: "gpt-2, llama-bpe, …".
std::string preTokenizerNames();

} // namespace lathe

#endif
