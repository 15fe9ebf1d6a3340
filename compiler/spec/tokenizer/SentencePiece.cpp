//===- SentencePiece.cpp - what SentencePiece does to text, as steps ----------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"

namespace lathe {

static constexpr llvm::StringLiteral space = "\u2581";

static void addNormalizer(TokenizerSource &source, const SentencePieceNormalizer &normalizer, llvm::StringRef from,
                          llvm::StringRef to) {
  std::vector<TextStep> &steps = source.normalizers;
  // The prefix comes first: it goes before a text of which the map leaves nothing, too.
  if (normalizer.prefix)
    steps.push_back({LATHE_STEP_PREPEND, normalizer.prefixFlags, "", " "});
  if (!normalizer.charsMap.empty())
    steps.push_back({LATHE_STEP_CHARSMAP, uint32_t(normalizer.keepUserDefined) << 1, normalizer.charsMap});
  if (normalizer.collapse) {
    if (!normalizer.prefix)
      steps.push_back({LATHE_STEP_REPLACE_PATTERN, 0, "\\A +", ""});
    steps.push_back({LATHE_STEP_REPLACE_PATTERN, 0, " +", " "});
    // The look-behind keeps the search for the end linear.
    steps.push_back({LATHE_STEP_REPLACE_PATTERN, 0, "(?<![ \\x{2581}])[ \\x{2581}]++\\z", ""});
  }
  steps.push_back({LATHE_STEP_REPLACE, 0, from.str(), to.str()});
  source.stripSpace = normalizer.prefix || normalizer.collapse;
}

void addUnigramSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer) {
  addNormalizer(source, normalizer, " ", space);
}

void addSpaceSteps(TokenizerSource &source, const SentencePieceNormalizer &normalizer) {
  addNormalizer(source, normalizer, space, " ");
}

} // namespace lathe
