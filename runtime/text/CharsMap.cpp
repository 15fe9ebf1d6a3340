//===- CharsMap.cpp - SentencePiece's precompiled normalization ---------------------------------------------------===//
#include "runtime/text/CharsMap.h"
#include "runtime/text/Unicode.h"
#include "runtime/text/Utf8.h"
#include <algorithm>
#include <cstring>

namespace lathe {
namespace {

/// Far above Unicode's longest compatibility mapping, 18 characters.
constexpr size_t maxReplacement = 256;
constexpr size_t wholeGrapheme = 5;

// A unit of the double array: a label or, below a unit that has a leaf, a value.
bool hasLeaf(uint32_t unit) { return unit >> 8 & 1; }
uint32_t valueOf(uint32_t unit) { return unit & 0x7fffffff; }
uint32_t labelOf(uint32_t unit) { return unit & 0x800000ff; }
uint32_t offsetOf(uint32_t unit) { return unit >> 10 << ((unit & 1 << 9) >> 6); }

} // namespace

CharsMap::CharsMap(std::string_view blob) {
  uint32_t trieBytes = 0;
  if (blob.size() < sizeof(trieBytes))
    return;
  std::memcpy(&trieBytes, blob.data(), sizeof(trieBytes));
  blob.remove_prefix(sizeof(trieBytes));
  if (trieBytes > blob.size())
    return;
  trie = blob.substr(0, trieBytes);
  replacements = blob.substr(trieBytes);
}

/// Zero, which leads nowhere, outside the trie.
uint32_t CharsMap::unit(size_t index) const {
  uint32_t value = 0;
  if (index < trie.size() / sizeof(value))
    std::memcpy(&value, trie.data() + index * sizeof(value), sizeof(value));
  return value;
}

CharsMap::Match CharsMap::match(std::string_view text, bool longest) const {
  Match match{0, {}};
  size_t node = offsetOf(unit(0));
  for (size_t i = 0; i < text.size(); i++) {
    uint8_t byte = text[i];
    node ^= byte;
    uint32_t here = unit(node);
    if (byte == 0 || labelOf(here) != byte)
      break;
    node ^= offsetOf(here);
    size_t value = hasLeaf(here) ? valueOf(unit(node)) : replacements.size();
    if (value < replacements.size()) {
      std::string_view rest = replacements.substr(value);
      match = {i + 1, rest.substr(0, std::min(rest.find('\0'), maxReplacement))};
      if (!longest)
        break;
    }
  }
  return match;
}

std::string CharsMap::apply(std::string_view text, bool byGraphemes) const {
  std::string out;
  for (size_t grapheme = 0; !text.empty();) {
    size_t bytes = utf8Front(text).bytes;
    Match found;
    if (byGraphemes) {
      bool first = grapheme == 0; // of a grapheme's characters
      if (first)
        grapheme = graphemeBytes(text);
      found = first && grapheme <= wholeGrapheme ? match(text.substr(0, grapheme), false) : Match{0, {}};
      if (found.bytes)
        bytes = grapheme;
      else
        found = match(text.substr(0, bytes), false);
      grapheme -= bytes;
    } else {
      found = match(text, true);
      bytes = found.bytes ? found.bytes : bytes;
    }
    out += found.bytes ? found.replacement : text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out;
}

} // namespace lathe
