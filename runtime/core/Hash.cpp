#include "runtime/core/Hash.h"
#include <bit>
#include <cstring>

namespace lathe {

static_assert(std::endian::native == std::endian::little, "bundles are little-endian and used as they are");

uint64_t hashBytes(std::span<const uint8_t> bytes, uint64_t hash) {
  for (uint8_t byte : bytes)
    hash = (hash ^ byte) * kFnvPrime;
  return hash;
}

uint64_t hashWords(std::span<const uint8_t> bytes, uint64_t hash) {
  const uint8_t *at = bytes.data(), *end = at + bytes.size() / 8 * 8;
  uint64_t word;
  for (; at != end; at += 8) {
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * kFnvPrime;
  }
  if (const size_t rest = bytes.size() % 8) {
    word = 0;
    std::memcpy(&word, at, rest);
    hash = (hash ^ word) * kFnvPrime;
  }
  return hash;
}

} // namespace lathe
