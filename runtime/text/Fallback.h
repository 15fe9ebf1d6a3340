//===- Fallback.h - text that no symbol writes ----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_FALLBACK_H
#define LATHE_RUNTIME_TEXT_FALLBACK_H

#include "runtime/text/TokenizerView.h"
#include <algorithm>
#include <vector>

namespace lathe {

/// Writes characters that have no symbol: as the tokens of their bytes, or as the token for what is missing.
class Fallback {
public:
  explicit Fallback(const TokenizerView &view) : view(view) {}

  /// Whether all of it has tokens, be it the one for what is missing.
  bool writes(std::string_view bytes) const {
    auto written = [&](char c) { return view.byteSymbol(c) >= 0; };
    return view.header().missing >= 0 || std::all_of(bytes.begin(), bytes.end(), written);
  }
  /// One character or symbol that is no token.
  void write(std::string_view bytes, std::vector<int32_t> &out) {
    size_t before = out.size();
    bool missing = false;
    for (char c : bytes) {
      int32_t id = view.byteSymbol(c);
      if (id >= 0 && uint32_t(id) < view.header().n_tokens)
        out.push_back(id);
      else
        missing = true;
    }
    int32_t unknown = view.header().missing;
    if (missing && unknown >= 0) {
      out.resize(before); // all bytes or none
      if (!afterMissing || !view.has(LATHE_TOKENIZER_FUSE_UNKNOWN))
        out.push_back(unknown);
    }
    afterMissing = missing;
  }
  /// A token was written, or a new piece begins.
  void reset() { afterMissing = false; }

private:
  const TokenizerView &view;
  bool afterMissing = false;
};

} // namespace lathe

#endif
