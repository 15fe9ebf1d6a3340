//===- Utf8.cpp - where characters begin and end ------------------------------------------------------------------===//
#include "runtime/text/Utf8.h"
#include <cstdint>

namespace lathe {

Utf8Front utf8Front(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t first = byte(0);
  if (first < 0x80)
    return {Utf8Front::Character, 1};
  if (first < 0xc2 || first > 0xf4)
    return {Utf8Front::Invalid, 1};
  size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < length; i++) {
    if (i == text.size())
      return {Utf8Front::Incomplete, i};
    // The second byte's range shuts out overlong forms, surrogates and what lies past U+10FFFF.
    uint8_t low = 0x80, high = 0xbf;
    if (i == 1) {
      low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
      high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    }
    if (byte(i) < low || byte(i) > high)
      return {Utf8Front::Invalid, i};
  }
  return {Utf8Front::Character, length};
}

size_t validUtf8Prefix(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    if (static_cast<uint8_t>(text[position]) < 0x80) {
      position++;
      continue;
    }
    Utf8Front front = utf8Front(text.substr(position));
    if (front.kind != Utf8Front::Character)
      break;
    position += front.bytes;
  }
  return position;
}

std::string toValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t valid = validUtf8Prefix(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty())
      break;
    text.remove_prefix(utf8Front(text).bytes);
    out += "\xef\xbf\xbd";
  }
  return out;
}

} // namespace lathe
