#include "runtime/state/CacheCheck.h"
#include <algorithm>

namespace lathe {
namespace {

/// Bits of a cached number, and its exponent's.
template <typename Bits> constexpr Bits kExponent = sizeof(Bits) == 2 ? Bits(0x7c00) : Bits(0x7f800000);

/// Whether one of `count` numbers is not finite. Without a branch, so that it runs as vectors.
template <typename Bits> bool any(const Bits *numbers, size_t count) {
  unsigned found = 0;
  for (size_t i = 0; i < count; ++i)
    found |= (numbers[i] & kExponent<Bits>) == kExponent<Bits>;
  return found != 0;
}

/// Positions begin .. end - 1 of one layer's page: for each head K [headSize][64], V [64][valueSize].
template <typename Bits>
std::optional<CacheFault> lookAt(const lathe_cache &cache, const Bits *page, uint32_t begin, uint32_t end) {
  constexpr size_t positions = LATHE_PAGE_POSITIONS;
  auto fault = [](const Bits *number, size_t position, bool key) {
    const bool nan = (*number & (kExponent<Bits> ^ Bits(~Bits(0)) >> 1)) != 0;
    return CacheFault{0, uint32_t(position), key, nan};
  };
  for (uint32_t head = 0; head < cache.kv_heads; ++head) {
    for (uint32_t i = 0; i < cache.head_size; ++i, page += positions)
      if (any(page + begin, end - begin))
        for (size_t p = begin; p < end; ++p)
          if (any(page + p, 1))
            return fault(page + p, p, true);
    if (any(page + size_t(begin) * cache.value_size, size_t(end - begin) * cache.value_size))
      for (size_t i = size_t(begin) * cache.value_size;; ++i)
        if (any(page + i, 1))
          return fault(page + i, i / cache.value_size, false);
    page += positions * cache.value_size;
  }
  return std::nullopt;
}

} // namespace

std::optional<CacheFault> findNonFinite(const lathe_cache &cache, KvPool &pool, const Sequence &sequence,
                                        uint32_t first, uint32_t count) {
  if (cache.type.code != LATHE_FLOAT || (cache.type.bits != 16 && cache.type.bits != 32))
    return std::nullopt;
  for (uint32_t layer = 0; layer < cache.layers; ++layer)
    for (uint32_t at = first, next; at < first + count; at = next) {
      const uint32_t logical = at / LATHE_PAGE_POSITIONS, start = logical * LATHE_PAGE_POSITIONS;
      next = std::min(first + count, start + LATHE_PAGE_POSITIONS);
      const uint8_t *page =
          pool.data() + layer * pool.layerBytes() + uint64_t(sequence.pages()[logical]) * cache.page_bytes;
      std::optional<CacheFault> fault =
          cache.type.bits == 16 ? lookAt(cache, reinterpret_cast<const uint16_t *>(page), at - start, next - start)
                                : lookAt(cache, reinterpret_cast<const uint32_t *>(page), at - start, next - start);
      if (fault) {
        fault->layer = layer;
        fault->position += start;
        return fault;
      }
    }
  return std::nullopt;
}

} // namespace lathe
