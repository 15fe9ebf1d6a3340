//===- Vocabulary.h - a source's tokens, resolved -------------------------------------------------------*- C++ -*-===//
//
// The middle of buildTokenizerBlob: what each token stands for, what kind it is, and merges as symbols. Symbols are
// explained in runtime/abi/tokenizer_abi.h.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_VOCABULARY_H
#define LATHE_COMPILER_SPEC_TOKENIZER_VOCABULARY_H

#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "runtime/abi/tokenizer_abi.h"
#include <array>

namespace lathe {

struct Vocabulary {
  lathe_tokenizer_kind kind;
  size_t tokens;                   ///< symbols from here on are strings that merges pass through
  bool byteLevel = false;          ///< BPE from bytes
  std::vector<std::string> bytes;  ///< of each symbol
  std::vector<std::string> keys;   ///< of each symbol
  std::vector<uint8_t> types;      ///< of each token
  std::vector<double> scores;      ///< of each token; SPM, unigram
  std::vector<lathe_merge> merges; ///< BPE only
  std::array<int32_t, 256> byteSymbols;

  lathe_token_type type(size_t token) const { return lathe_token_type(types[token] & LATHE_TOKEN_TYPE_MASK); }
  void makeControl(size_t token) {
    types[token] = uint8_t(LATHE_TOKEN_CONTROL | (types[token] & ~LATHE_TOKEN_TYPE_MASK));
  }
  /// The token spelled so, of a type that templates name (any but normal and byte tokens if there is a choice), or -1.
  int32_t findSpecial(llvm::StringRef text) const;
};

/// Checks the source and resolves it; errors name the file and the entry.
llvm::Expected<Vocabulary> resolveVocabulary(const TokenizerSource &source);

} // namespace lathe

#endif
