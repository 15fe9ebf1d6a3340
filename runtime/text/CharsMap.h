//===- CharsMap.h - SentencePiece's precompiled normalization -------------------------------------------*- C++ -*-===//
//
// A map from strings to strings, longest match first: u32 bytes of the trie, the trie (a double array of u32 units as
// github.com/s-yata/darts-clone lays them out), then the NUL-terminated replacements that its values are offsets into.
// Source: sentencepiece, src/normalizer.cc.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_CHARSMAP_H
#define LATHE_RUNTIME_TEXT_CHARSMAP_H

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

/// Any bytes make a map; a damaged one maps less.
class CharsMap {
public:
  /// Refers to `blob`.
  explicit CharsMap(std::string_view blob);
  /// `byGraphemes`: as github.com/huggingface/tokenizers has it (normalizers/precompiled.rs), which looks a grapheme of
  /// up to five bytes up as a whole, any other character by character, and takes the shortest match for all of it.
  std::string apply(std::string_view text, bool byGraphemes = false) const;

private:
  struct Match {
    size_t bytes; ///< 0: none
    std::string_view replacement;
  };
  Match match(std::string_view text, bool longest) const;
  uint32_t unit(size_t index) const;

  std::string_view trie, replacements;
};

} // namespace lathe

#endif
