//===- SentencePiece.h - what SentencePiece does to text, as steps --------------------------------------*- C++ -*-===//
//
// SentencePiece (Kudo and Richardson 2018) maps characters, may collapse white space, puts a space before the text and
// writes spaces as U+2581. Its parameters come from a .model file or from GGUF.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_SENTENCEPIECE_H
#define LATHE_COMPILER_SPEC_TOKENIZER_SENTENCEPIECE_H

#include "compiler/spec/tokenizer/TokenizerBlob.h"

namespace lathe {

struct SentencePieceNormalizer {
  std::string charsMap;         ///< normalizer_spec.precompiled_charsmap; "": none
  bool prefix = true;           ///< add_dummy_prefix
  bool collapse = false;        ///< remove_extra_whitespaces
  uint32_t prefixFlags = 0;     ///< lathe_prepend_flag
  bool keepUserDefined = false; ///< the map leaves user-defined tokens alone
};

/// Steps after which spaces are U+2581, for a vocabulary spelled so.
void addUnigramSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer);

/// Steps after which U+2581 is a space, for "llama" models.
void addSpaceSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer);

/// A .model file of SentencePiece, unigram or BPE. Errors name `file`.
llvm::Expected<TokenizerSource> tokenizerFromSentencePiece(llvm::StringRef bytes, llvm::StringRef file);

/// llama2.c's tokenizer.bin, with or without the length of the longest token in front. Errors name `file`.
llvm::Expected<TokenizerSource> tokenizerFromLlama2c(llvm::StringRef bytes, llvm::StringRef file);

} // namespace lathe

#endif
