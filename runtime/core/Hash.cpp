#include "runtime/core/Hash.h"
#include <bit>
#include <cstring>

namespace lathe {

static_assert(std::endian::native == std::endian::little, "bundles are little-endian and used as they are");

uint64_t hashBytes(std::span<const uint8_t> bytes, uint64_t hash) {
  for (uint8_t byte : bytes)
    hash = lathe_fnv_byte(hash, byte);
  return hash;
}

uint64_t hashWords(std::span<const uint8_t> bytes, uint64_t hash) {
  const uint8_t *at = bytes.data(), *end = at + bytes.size() / 8 * 8;
  uint64_t word;
  for (; at != end; at += 8) {
    std::memcpy(&word, at, 8);
    hash = lathe_fnv_word(hash, word);
  }
  if (const size_t rest = bytes.size() % 8) {
    word = 0;
    std::memcpy(&word, at, rest);
    hash = lathe_fnv_word(hash, word);
  }
  return hash;
}

} // namespace lathe
