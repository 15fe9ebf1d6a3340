//===- Unigram.h - the likeliest way to write a piece ---------------------------------------------------*- C++ -*-===//
//
// Kudo 2018, Subword Regularization: a token's score is the logarithm of its probability, and of all ways to write a
// piece as tokens the one with the highest sum wins (Viterbi, left to right). A character that no token writes costs
// ten less than the worst token.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_UNIGRAM_H
#define LATHE_RUNTIME_TEXT_UNIGRAM_H

#include "runtime/text/Fallback.h"
#include "runtime/text/TokenizerView.h"
#include <cstdint>
#include <string_view>
#include <vector>

namespace lathe {

/// What the vocabulary says as a whole: found once, when a tokenizer is opened.
struct UnigramTable {
  explicit UnigramTable(const TokenizerView &view);

  double unknownScore = 0;
  uint32_t longest[256] = {}; ///< bytes of the longest token that starts with a byte
};

/// Working memory, reused over the pieces of one text. One thread at a time.
class Unigram {
public:
  Unigram(const TokenizerView &view, const UnigramTable &table) : view(view), table(table), fallback(view) {}

  /// Appends the tokens of one piece.
  void encode(std::string_view piece, std::vector<int32_t> &out);

private:
  /// The best way to write what stands before a place.
  struct Best {
    double score;
    uint32_t begin; ///< of its last token
    int32_t id;     ///< -1: a character that has none; -2: nothing ends here
  };

  const TokenizerView &view;
  const UnigramTable &table;
  Fallback fallback;
  std::vector<Best> best; ///< by end
  std::vector<uint32_t> path;
};

} // namespace lathe

#endif
