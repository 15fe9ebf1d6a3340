//===- Utf8.h - where characters begin and end ----------------------------------------------------------*- C++ -*-===//
//
// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_UTF8_H
#define LATHE_RUNTIME_TEXT_UTF8_H

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

/// What the bytes at the front of a text are.
struct Utf8Front {
  enum Kind { Character, Incomplete, Invalid } kind;
  /// Character: its bytes. Incomplete: all of the text, which more bytes could complete. Invalid: how many bytes can
  /// never be part of a character (the longest prefix that a decoder replaces by one U+FFFD).
  size_t bytes;
};
/// `text` is not empty.
Utf8Front utf8Front(std::string_view text);

/// Bytes from the start that are whole characters.
size_t validUtf8Prefix(std::string_view text);

/// `text` with every stretch that is no UTF-8 replaced by U+FFFD.
std::string toValidUtf8(std::string_view text);

/// White space as Jinja's `trim` drops it, ASCII part.
inline bool isAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace lathe

#endif
