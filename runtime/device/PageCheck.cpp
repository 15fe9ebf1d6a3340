#include "runtime/device/PageCheck.h"

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

/// What is wrong with a number that is not finite.
template <typename Bits> CacheFault faultOf(Bits number, size_t position, bool key) {
  return {0, uint32_t(position), key, (number & (kExponent<Bits> ^ Bits(~Bits(0)) >> 1)) != 0};
}

/// Positions begin .. end - 1 of one layer's page: for each head K [headSize][64], V [64][valueSize].
template <typename Bits>
std::optional<CacheFault> lookAt(const lathe_cache &cache, const Bits *page, uint32_t begin, uint32_t end) {
  constexpr size_t positions = LATHE_PAGE_POSITIONS;
  for (uint32_t head = 0; head < cache.kv_heads; ++head) {
    for (uint32_t i = 0; i < cache.head_size; ++i, page += positions)
      if (any(page + begin, end - begin))
        for (size_t p = begin; p < end; ++p)
          if (any(page + p, 1))
            return faultOf(page[p], p, true);
    if (any(page + size_t(begin) * cache.value_size, size_t(end - begin) * cache.value_size))
      for (size_t i = size_t(begin) * cache.value_size;; ++i)
        if (any(page + i, 1))
          return faultOf(page[i], i / cache.value_size, false);
    page += positions * cache.value_size;
  }
  return std::nullopt;
}

/// The same where each head has bytes and then their scales, f32 [2][64].
std::optional<CacheFault> lookAtScales(const lathe_cache &cache, const uint8_t *page, uint32_t begin, uint32_t end) {
  constexpr size_t positions = LATHE_PAGE_POSITIONS;
  for (uint32_t head = 0; head < cache.kv_heads; ++head) {
    page += positions * (size_t(cache.head_size) + cache.value_size);
    const auto *scales = reinterpret_cast<const uint32_t *>(page);
    for (size_t which : {0, 1})
      for (size_t p = begin; p < end; ++p)
        if (const uint32_t scale = scales[which * positions + p]; any(&scale, 1))
          return faultOf(scale, p, which == 0);
    page += 2 * positions * sizeof(float);
  }
  return std::nullopt;
}

} // namespace

std::optional<CacheFault> findNonFinite(const lathe_cache &cache, const uint8_t *page, uint32_t begin, uint32_t end) {
  return cache.type.code == LATHE_INT  ? lookAtScales(cache, page, begin, end)
         : cache.type.bits == 16 ? lookAt(cache, reinterpret_cast<const uint16_t *>(page), begin, end)
                                 : lookAt(cache, reinterpret_cast<const uint32_t *>(page), begin, end);
}

} // namespace lathe
