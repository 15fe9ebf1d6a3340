//===- Llama2cTokenizer.cpp - a TokenizerSource from llama2.c's tokenizer.bin -------------------------------------===//
//
// For each token an f32 score, an i32 length and so many bytes of text, "▁" already a space; before them, in all but
// the first version of the format, the length of the longest (i32). The number of tokens is the model's: it is not in
// the file, which ends with the last one. Source: karpathy/llama2.c, tokenizer.py and run.c.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "compiler/support/Error.h"
#include <cstring>

namespace lathe {

/// The tokens from `at` on, or false where the bytes are something else.
static bool readTokens(llvm::StringRef bytes, size_t at, int32_t longest, TokenizerSource &source) {
  source.tokens.clear();
  source.scores.clear();
  struct {
    float score;
    int32_t length;
  } entry;
  while (at < bytes.size()) {
    if (bytes.size() - at < sizeof entry)
      return false;
    std::memcpy(&entry, bytes.data() + at, sizeof entry);
    at += sizeof entry;
    if (entry.length < 0 || entry.length > longest || size_t(entry.length) > bytes.size() - at)
      return false;
    source.tokens.push_back(bytes.substr(at, entry.length).str());
    source.scores.push_back(entry.score);
    at += entry.length;
  }
  return source.tokens.size() > 3; // <unk>, <s>, </s> and something to write
}

llvm::Expected<TokenizerSource> tokenizerFromLlama2c(llvm::StringRef bytes, llvm::StringRef file) {
  TokenizerSource source;
  source.file = file.str();
  int32_t longest = 0;
  if (bytes.size() >= sizeof longest)
    std::memcpy(&longest, bytes.data(), sizeof longest);
  if (!readTokens(bytes, sizeof longest, longest, source) && !readTokens(bytes, 0, 4096, source))
    return makeError(
        "{0}: is not a tokenizer.bin of llama2.c: its entries (score, length, text) do not end with the file", file);
  source.model = "llama";
  source.unk = 0;
  source.bos = 1;
  source.eos = 2;
  // tokenizer.py writes these two as run.c shows them, with line ends around.
  for (int32_t id : {1, 2})
    source.tokens[id] = llvm::StringRef(source.tokens[id]).trim().str();
  source.opening = {*source.bos};
  SentencePieceNormalizer normalizer;
  normalizer.prefixFlags = LATHE_PREPEND_AT_START;
  addSpaceSteps(source, normalizer);
  return source;
}

} // namespace lathe
