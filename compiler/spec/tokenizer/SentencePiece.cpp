//===- SentencePiece.cpp - what SentencePiece does to text, as steps ----------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"

namespace lathe {

static constexpr llvm::StringLiteral space = "\u2581";

static void addNormalizer(TokenizerSource &source, const SentencePieceNormalizer &normalizer, llvm::StringRef from,
                          llvm::StringRef to) {
  std::vector<TextStep> &steps = source.normalizers;
  if (!normalizer.charsMap.empty())
    steps.push_back({LATHE_STEP_CHARSMAP, 0, normalizer.charsMap});
  if (normalizer.collapse)
    for (const char *pattern : {"\\A +| +\\z", " +"})
      steps.push_back({LATHE_STEP_REPLACE_PATTERN, 0, pattern, pattern[0] == ' ' ? " " : ""});
  if (normalizer.prefix)
    steps.push_back({LATHE_STEP_PREPEND, normalizer.prefixFlags, "", " "});
  steps.push_back({LATHE_STEP_REPLACE, 0, from.str(), to.str()});
  source.stripSpace = normalizer.prefix;
}

void addUnigramSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer) {
  addNormalizer(source, normalizer, " ", space);
}

void addSpaceSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer) {
  addNormalizer(source, normalizer, space, " ");
}

} // namespace lathe
