//===- PreTokenizer.h - the pieces that no merge may cross ----------------------------------------------*- C++ -*-===//
//
// Splits text by the patterns of a tokenizer blob, one after the other: each match is a piece, each stretch between
// matches is a piece, and the next pattern splits those. Patterns see each piece as if it were a text of its own.
//
//   "Hello, y'all 33"  --'s|'t|…| ?\p{L}+| ?\p{N}+|…-->  "Hello" "," " y" "'" "all" " 33"
//
// Bytes that are no UTF-8 are never part of a match; each such stretch is a piece.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_PRETOKENIZER_H
#define LATHE_RUNTIME_TEXT_PRETOKENIZER_H

#include "runtime/core/Result.h"
#include "runtime/text/TokenizerView.h"
#include <memory>
#include <string_view>
#include <vector>

namespace lathe {

/// Immutable once made: several threads may split at once.
class PreTokenizer {
public:
  /// Compiles the patterns; the error names the pattern and where in it PCRE2 stopped.
  static Result<std::unique_ptr<PreTokenizer>> create(const TokenizerView &view);
  ~PreTokenizer();

  /// Replaces `pieces` by the pieces of `text`, in order; together they are `text`. Fails if a pattern needs more
  /// backtracking than PCRE2 allows.
  Result<void> split(std::string_view text, std::vector<std::string_view> &pieces) const;

private:
  struct Patterns; // keeps pcre2.h out of this header
  explicit PreTokenizer(std::unique_ptr<Patterns> patterns);
  std::unique_ptr<Patterns> patterns;
};

} // namespace lathe

#endif
