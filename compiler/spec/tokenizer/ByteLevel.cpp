//===- ByteLevel.cpp - the alphabet in which byte-level BPE spells bytes ------------------------------------------===//
#include "compiler/spec/tokenizer/ByteLevel.h"
#include "runtime/abi/tokenizer_abi.h"

namespace lathe {

std::string spellByte(uint8_t byte) {
  uint32_t codepoint = lathe_spelling_of_byte(byte);
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
    int32_t byte = lathe_byte_of_spelling(codepoint);
    if (byte < 0)
      return std::nullopt;
    bytes.push_back(char(byte));
  }
  return bytes;
}

} // namespace lathe
