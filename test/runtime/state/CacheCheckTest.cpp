// Which positions of a cache are looked at, and what is found there.
#include "runtime/state/CacheCheck.h"
#include "runtime/device/cpu/CpuDevice.h"
#include <cstring>
#include <gtest/gtest.h>

namespace lathe {
namespace {

constexpr uint32_t kHeads = 2, kHeadSize = 3, kValueSize = 5, kLayers = 2;

/// Of 8 bits, whose scales are looked at; of 16 or 32.
class CacheCheck : public testing::TestWithParam<uint8_t> {
protected:
  CacheCheck() {
    cache.layers = kLayers;
    cache.kv_heads = kHeads;
    cache.head_size = kHeadSize;
    cache.value_size = kValueSize;
    cache.type = {uint8_t(bytes() ? LATHE_INT : LATHE_FLOAT), GetParam(), 1};
    cache.page_bytes = kHeads * headBytes();
    pool = PagePool::create(*cpuDevice(), {.layers = kLayers, .pageBytes = cache.page_bytes, .maxPositions = 192}, 4)
               .take();
  }

  static bool bytes() { return GetParam() == 8; }
  static size_t headBytes() {
    return (kHeadSize + kValueSize) * 64 * GetParam() / 8 + (bytes() ? 2 * 64 * sizeof(float) : 0);
  }

  /// Makes one component of a head's key or value at a position of a page what it must not be; of bytes their scale.
  void put(uint32_t layer, int32_t page, uint32_t head, bool key, size_t component, size_t position, bool nan) {
    auto &memory = static_cast<HostPages &>(pool->memory());
    uint8_t *at = memory.data() + layer * memory.layerBytes() + uint64_t(page) * cache.page_bytes + head * headBytes();
    const size_t element = key ? component * 64 + position : kHeadSize * 64 + position * kValueSize + component;
    const uint32_t wide = nan ? 0xffc00000 : 0x7f800000;
    if (GetParam() == 16) {
      const uint16_t bits = nan ? 0xfe00 : 0x7c00;
      std::memcpy(at + element * 2, &bits, 2);
    } else if (bytes()) {
      std::memset(at, 0xff, (kHeadSize + kValueSize) * 64); // any byte is a number
      std::memcpy(at + (kHeadSize + kValueSize) * 64 + ((key ? 0 : 64) + position) * 4, &wide, 4);
    } else {
      std::memcpy(at + element * 4, &wide, 4);
    }
  }

  lathe_cache cache{};
  std::shared_ptr<PagePool> pool;
};
INSTANTIATE_TEST_SUITE_P(Bits, CacheCheck, testing::Values(8, 16, 32));

TEST_P(CacheCheck, NamesLayerAndPositionOfAKeyOrValue) {
  Sequence sequence(pool);
  ASSERT_TRUE(sequence.prepare(130));
  sequence.commit(130);
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 0, 130));

  put(1, sequence.pages()[1], /*head=*/1, /*key=*/true, 2, 7, /*nan=*/false);
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 0, 71));
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 72, 58));
  for (auto [first, count] : {std::pair(0u, 130u), {71u, 1u}, {60u, 70u}}) {
    std::optional<CacheFault> fault = findNonFinite(cache, *pool, sequence, first, count);
    ASSERT_TRUE(fault);
    EXPECT_EQ(std::tuple(fault->layer, fault->position, fault->key, fault->nan), std::tuple(1u, 71u, true, false));
  }

  put(0, sequence.pages()[2], /*head=*/0, /*key=*/false, kValueSize - 1, 1, /*nan=*/true);
  std::optional<CacheFault> fault = findNonFinite(cache, *pool, sequence, 0, 130);
  ASSERT_TRUE(fault);
  EXPECT_EQ(std::tuple(fault->layer, fault->position, fault->key, fault->nan), std::tuple(0u, 129u, false, true));
  EXPECT_EQ(findNonFinite(cache, *pool, sequence, 0, 129)->position, 71u);
}

} // namespace
} // namespace lathe
