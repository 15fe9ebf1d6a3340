//===- Windows.h - the parts of a text that perplexity is of ------------------------------------------*- C++ -*-===//
//
// As llama.cpp's perplexity tool cuts a text of T tokens, so that numbers can be compared:
//
//   context n               ├──────── n ────────┤├──────── n ────────┤├──────── n ────────┤ … the rest is left out
//                           B    n/2   │ scored  │B   n/2   │ scored │
//
//   context n, stride s     ├────────── n + s/2 ──────────┤
//                           B                   │ s scored │
//                           ── s ──►├────────── n + s/2 ──────────┤ …
//                                   (no B)              │ s scored │
//
// Without a stride, windows of n tokens follow one another. A token is scored where the model has seen more than n/2 of
// its window before it: tokens n/2 + 1 to n - 1 of each, counted from 0. What the tokenizer puts before a text (B: BOS)
// stands in each window in the place of its first tokens.
// With one, windows of n + s/2 tokens begin every s tokens, and the last s of each are scored. Only the first, where
// the text itself begins, has B: llama.cpp means to put it into the others too, but does when they have been computed.
// A text must have two windows' tokens.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_WINDOWS_H
#define LATHE_TOOLS_LATHE_WINDOWS_H

#include <cstddef>

namespace lathe::cli {

class Windows {
public:
  /// `context` from 3; `stride` up to it, 0: none.
  Windows(size_t context, size_t stride)
      : tokens(context + stride / 2), step(stride ? stride : context), stride(stride) {}

  /// Tokens of a window.
  size_t length() const { return tokens; }
  /// Tokens that a text must have.
  size_t least() const { return 2 * tokens; }
  /// Windows in a text of that many.
  size_t count(size_t text) const { return stride ? (text - tokens + stride - 1) / stride : text / tokens; }
  /// Index in the text where a window begins.
  size_t begin(size_t window) const { return window * step; }
  /// Index in a window of the first token that is scored, as all behind it are.
  size_t scoredFrom() const { return stride ? tokens - stride : tokens / 2 + 1; }
  /// Whether each window begins as a text does.
  bool opensEach() const { return stride == 0; }

private:
  size_t tokens, step, stride;
};

} // namespace lathe::cli

#endif
