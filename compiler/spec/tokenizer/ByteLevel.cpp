//===- ByteLevel.cpp - the alphabet in which byte-level BPE spells bytes ------------------------------------------===//
#include "compiler/spec/tokenizer/ByteLevel.h"
#include <array>

namespace lathe {
namespace {

struct Alphabet {
  std::array<uint16_t, 256> codepoint; ///< of each byte, below U+0144
  std::array<int16_t, 512> byte;       ///< of each code point, or -1
};

constexpr Alphabet makeAlphabet() {
  Alphabet alphabet{};
  alphabet.byte.fill(-1);
  uint16_t next = 256;
  for (int b = 0; b < 256; b++) {
    bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    uint16_t codepoint = printable ? b : next++;
    alphabet.codepoint[b] = codepoint;
    alphabet.byte[codepoint] = b;
  }
  return alphabet;
}
constexpr Alphabet alphabet = makeAlphabet();

} // namespace

std::string spellByte(uint8_t byte) {
  uint16_t codepoint = alphabet.codepoint[byte];
  if (codepoint < 0x80)
    return std::string(1, char(codepoint));
  return {char(0xc0 | codepoint >> 6), char(0x80 | (codepoint & 0x3f))};
}

std::optional<std::string> bytesOfSpelling(llvm::StringRef spelling) {
  std::string bytes;
  for (size_t i = 0; i < spelling.size(); i++) {
    uint8_t lead = spelling[i];
    unsigned codepoint = lead;
    if (lead >= 0x80) {
      // The alphabet ends below U+0800: two bytes are the most a character of it has.
      if ((lead & 0xe0) != 0xc0 || i + 1 == spelling.size() || (uint8_t(spelling[i + 1]) & 0xc0) != 0x80)
        return std::nullopt;
      codepoint = (lead & 0x1f) << 6 | (spelling[++i] & 0x3f);
    }
    if (codepoint >= alphabet.byte.size() || alphabet.byte[codepoint] < 0)
      return std::nullopt;
    bytes.push_back(char(alphabet.byte[codepoint]));
  }
  return bytes;
}

} // namespace lathe
