//===- Vocabularies.h - tokenizers for tests ------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_RUNTIME_TEXT_VOCABULARIES_H
#define LATHE_TEST_RUNTIME_TEXT_VOCABULARIES_H

#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "runtime/text/Tokenizer.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

/// A tokenizer and the blob it reads, 8-aligned.
struct Loaded {
  std::vector<uint64_t> words;
  size_t bytes = 0;
  std::unique_ptr<Tokenizer> tokenizer;
  std::string error;

  const Tokenizer *operator->() const { return tokenizer.get(); }
  const Tokenizer &operator*() const { return *tokenizer; }
};

/// Copies a blob into aligned memory and opens it.
Loaded open(const std::string &blob);
/// Builds the blob of a source and opens it.
Loaded open(const TokenizerSource &source);

/// The tokenizer of a GGUF file, as the compiler reads it.
TokenizerSource readGguf(const std::string &path);

/// Every byte as a token in GPT-2's spelling, ids by byte; then "h e", "l l", "he ll", "hell o" merged (256 "he",
/// 257 "ll", 258 "hell", 259 "hello"); then control tokens 260 "<|a|>", 261 "<|ab|>", 262 "<|end|>", and the
/// user-defined 263 "<<x>>".
TokenizerSource tinyByteLevel();

/// <unk>, <s>, </s>, the 256 byte tokens from id 3, then "▁" 259, "a" 260, "b" 261, "▁a" 262, "ab" 263, "▁ab" 264.
TokenizerSource tinySpm();

/// Replaces a source's splits by those of a pre-tokeniser of GGUF's.
void setPreTokenizer(TokenizerSource &source, llvm::StringRef name);

std::string readFile(const std::string &path);

/// Test strings and expected ids of one of llama.cpp's vocabularies.
struct Conformance {
  std::vector<std::string> inputs;
  std::vector<std::vector<int32_t>> ids;
};
Conformance readConformance(const std::string &gguf);

} // namespace lathe::test

#endif
