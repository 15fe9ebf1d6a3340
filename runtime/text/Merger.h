//===- Merger.h - from a piece of text to its tokens ----------------------------------------------------*- C++ -*-===//
//
// Byte-pair encoding (Sennrich et al. 2016) and SentencePiece's form of it (Kudo and Richardson 2018). A piece starts
// as a list of symbols, one a byte or a character; the best pair of neighbours that may merge does so, until none may.
// Which pair is best: the lowest rank in the list of merges (BPE), or the highest score of the token it makes (SPM);
// among equals the leftmost. With the list linked and the pairs in a heap this takes O(n log n).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_MERGER_H
#define LATHE_RUNTIME_TEXT_MERGER_H

#include "runtime/text/Fallback.h"
#include "runtime/text/TokenizerView.h"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Working memory for merging, reused over the pieces of one text. One thread at a time.
class Merger {
public:
  explicit Merger(const TokenizerView &view) : view(view), fallback(view) {}

  /// Appends the tokens of one piece. At most INT32_MAX bytes.
  void encode(std::string_view piece, std::vector<int32_t> &out);

private:
  /// A stretch of the piece. Symbols form a list; one that was merged into its left neighbour has no bytes.
  struct Symbol {
    int32_t id; ///< -1: these bytes have no symbol
    uint32_t start, bytes;
    int32_t previous, next; ///< -1: none
  };
  /// Two neighbours that may merge. Outdated once either has changed, which shows in their bytes: symbols only grow.
  struct Pair {
    uint32_t priority; ///< lowest first
    int32_t left;
    uint32_t result, bytes;
  };

  void splitBytes();
  void splitCharacters();
  void append(int32_t id, uint32_t start, uint32_t bytes);
  void offer(int32_t left, int32_t right);
  void merge();

  const TokenizerView &view;
  Fallback fallback;
  std::string_view piece;
  std::vector<Symbol> symbols;
  std::string spelled; ///< of one character, where keys mark its place
  std::vector<Pair> heap;
};

} // namespace lathe

#endif
