//===- Pattern.h - a PCRE2 pattern ----------------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_PATTERN_H
#define LATHE_RUNTIME_TEXT_PATTERN_H

#include "runtime/core/Result.h"
#include <functional>
#include <memory>
#include <string_view>

namespace lathe {

/// Compiled once, with UTF and UCP; several threads may search with it at once.
class Pattern {
public:
  /// The error says where in the pattern PCRE2 stopped.
  static Result<Pattern> compile(std::string_view pattern);
  Pattern(Pattern &&) noexcept;
  Pattern &operator=(Pattern &&) noexcept;
  ~Pattern();

  /// Calls `visit(begin, end)` for each match in order, none overlapping another, begin <= end. Bytes that are no UTF-8
  /// are never part of one: each stretch between them is searched as a text of its own. Fails if a match needs more
  /// backtracking than PCRE2 allows.
  Result<void> forEachMatch(std::string_view text, const std::function<void(size_t, size_t)> &visit) const;

private:
  struct Code; // keeps pcre2.h out of this header
  explicit Pattern(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code;
};

} // namespace lathe

#endif
