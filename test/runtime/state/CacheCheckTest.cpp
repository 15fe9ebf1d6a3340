// Which positions of a cache are looked at, and what is found there.
#include "runtime/state/CacheCheck.h"
#include "runtime/device/cpu/CpuDevice.h"
#include <cstring>
#include <gtest/gtest.h>

namespace lathe {
namespace {

constexpr uint32_t kHeads = 2, kHeadSize = 3, kValueSize = 5, kLayers = 2;

class CacheCheck : public testing::TestWithParam<uint8_t> {
protected:
  CacheCheck() {
    cache.layers = kLayers;
    cache.kv_heads = kHeads;
    cache.head_size = kHeadSize;
    cache.value_size = kValueSize;
    cache.type = {LATHE_FLOAT, GetParam(), 1};
    cache.page_bytes = kHeads * (kHeadSize + kValueSize) * 64 * GetParam() / 8;
    pool = PagePool::create(*cpuDevice(), {.layers = kLayers, .pageBytes = cache.page_bytes, .maxPositions = 192}, 4)
               .take();
  }

  /// Puts bits of f32 (or those of the same number in f16) at a place of a page.
  void put(uint32_t layer, int32_t page, size_t element, bool nan) {
    auto &memory = static_cast<HostPages &>(pool->memory());
    uint8_t *at = memory.data() + layer * memory.layerBytes() + uint64_t(page) * cache.page_bytes;
    if (GetParam() == 16) {
      const uint16_t bits = nan ? 0xfe00 : 0x7c00;
      std::memcpy(at + element * 2, &bits, 2);
    } else {
      const uint32_t bits = nan ? 0xffc00000 : 0x7f800000;
      std::memcpy(at + element * 4, &bits, 4);
    }
  }

  lathe_cache cache{};
  std::shared_ptr<PagePool> pool;
};
INSTANTIATE_TEST_SUITE_P(Bits, CacheCheck, testing::Values(16, 32));

TEST_P(CacheCheck, NamesLayerAndPositionOfAKeyOrValue) {
  Sequence sequence(pool);
  ASSERT_TRUE(sequence.prepare(130));
  sequence.commit(130);
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 0, 130));

  constexpr size_t head = (kHeadSize + kValueSize) * 64;
  put(1, sequence.pages()[1], head + 2 * 64 + 7, /*nan=*/false); // component 2 of head 1's key at position 64 + 7
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 0, 71));
  EXPECT_FALSE(findNonFinite(cache, *pool, sequence, 72, 58));
  for (auto [first, count] : {std::pair(0u, 130u), {71u, 1u}, {60u, 70u}}) {
    std::optional<CacheFault> fault = findNonFinite(cache, *pool, sequence, first, count);
    ASSERT_TRUE(fault);
    EXPECT_EQ(std::tuple(fault->layer, fault->position, fault->key, fault->nan), std::tuple(1u, 71u, true, false));
  }

  put(0, sequence.pages()[2], kHeadSize * 64 + 1 * kValueSize + 4, /*nan=*/true); // the last of a value, position 129
  std::optional<CacheFault> fault = findNonFinite(cache, *pool, sequence, 0, 130);
  ASSERT_TRUE(fault);
  EXPECT_EQ(std::tuple(fault->layer, fault->position, fault->key, fault->nan), std::tuple(0u, 129u, false, true));
  EXPECT_EQ(findNonFinite(cache, *pool, sequence, 0, 129)->position, 71u);
}

} // namespace
} // namespace lathe
