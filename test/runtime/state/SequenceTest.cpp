// Pages of the cache: who holds them, when they are copied, when they come back.
#include "runtime/state/Sequence.h"
#include "runtime/device/cpu/CpuDevice.h"
#include <algorithm>
#include <gmock/gmock.h>
#include <random>

namespace lathe {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

/// Pages as the CPU has them.
HostPages &host(const PagePool &pool) { return static_cast<HostPages &>(pool.memory()); }

constexpr PageLayout kLayout{.layers = 3, .pageBytes = 64, .pagePositions = 64, .maxPositions = 640};

/// Pages of 64 positions x 1 byte, so that a position's content can be written and read back.
uint8_t &at(PagePool &pool, const Sequence &sequence, uint32_t layer, uint32_t position) {
  return host(pool)
      .data()[layer * host(pool).layerBytes() + uint64_t(sequence.pages()[position / 64]) * 64 + position % 64];
}

/// Writes positions of a step as kernels would: `value` in layer 0, more in the others.
Result<void> append(PagePool &pool, Sequence &sequence, uint32_t count, uint8_t value) {
  if (Result<void> ready = sequence.prepare(count); !ready)
    return ready;
  for (uint32_t i = 0; i < count; ++i)
    for (uint32_t layer = 0; layer < kLayout.layers; ++layer)
      at(pool, sequence, layer, sequence.length() + i) = uint8_t(value + layer);
  sequence.commit(count);
  return {};
}

TEST(PagePool, GivesEachPageOnce) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 3).take();
  EXPECT_EQ(pool->freePages(), 3u);
  std::vector<int32_t> pages{pool->allocate(), pool->allocate(), pool->allocate()};
  std::ranges::sort(pages);
  EXPECT_THAT(pages, ElementsAreArray({1, 2, 3})); // 0 is the sink
  EXPECT_EQ(pool->allocate(), -1);
  pool->retain(2);
  pool->release(2);
  EXPECT_EQ(pool->freePages(), 0u);
  pool->release(2);
  EXPECT_EQ(pool->freePages(), 1u);
  EXPECT_EQ(pool->allocate(), 2);
}

TEST(PagePool, ClearsPagesThatComeBack) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 1).take();
  std::fill_n(host(*pool).data(), 3 * host(*pool).layerBytes(), 0xff);
  pool->release(pool->allocate());
  const int32_t page = pool->allocate();
  for (uint32_t layer = 0; layer < 3; ++layer)
    EXPECT_EQ(host(*pool).data()[layer * host(*pool).layerBytes() + uint64_t(page) * 64 + 63], 0);
}

TEST(PagePool, IsAddressSpaceUntilUsed) {
  PageLayout big = kLayout;
  big.pageBytes = 1 << 20;
  auto pool = PagePool::create(*cpuDevice(), big, 1 << 16); // 192 GiB
  ASSERT_TRUE(pool) << pool.message();
  host(**pool).data()[2 * host(**pool).layerBytes() + (uint64_t(1 << 16) << 20)] = 1; // the last page of the last layer
}

TEST(PagePool, RefusesCapacitiesThatCannotBe) {
  EXPECT_THAT(PagePool::create(*cpuDevice(), kLayout, 0).message(), HasSubstr("capacity of 0 pages"));
  EXPECT_THAT(PagePool::create(*cpuDevice(), kLayout, ~0u).message(), HasSubstr("31 bits"));
  PageLayout absurd = kLayout;
  absurd.pageBytes = uint64_t(1) << 62;
  EXPECT_THAT(PagePool::create(*cpuDevice(), absurd, 8).message(), HasSubstr("more than an address space"));
}

TEST(Sequence, TakesPagesAsItGrows) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence sequence(pool);
  ASSERT_TRUE(append(*pool, sequence, 63, 1));
  EXPECT_EQ(sequence.pages().size(), 1u);
  ASSERT_TRUE(append(*pool, sequence, 1, 1));
  EXPECT_EQ(sequence.pages().size(), 1u);
  ASSERT_TRUE(append(*pool, sequence, 130, 1));
  EXPECT_EQ(sequence.pages().size(), 4u);
  EXPECT_EQ(sequence.length(), 194u);
  EXPECT_EQ(pool->freePages(), 4u);
}

TEST(Sequence, TruncateGivesPagesBack) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence sequence(pool);
  ASSERT_TRUE(append(*pool, sequence, 200, 1));
  sequence.truncate(500);
  EXPECT_EQ(sequence.length(), 200u);
  sequence.truncate(128);
  EXPECT_EQ(sequence.pages().size(), 2u);
  sequence.truncate(65);
  EXPECT_EQ(sequence.pages().size(), 2u);
  sequence.truncate(0);
  EXPECT_EQ(pool->freePages(), 8u);
}

TEST(Sequence, ForksShareUntilTheyWrite) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence a(pool);
  ASSERT_TRUE(append(*pool, a, 100, 10));
  Sequence b = a.fork();
  EXPECT_EQ(pool->freePages(), 6u) << "a fork takes no page";
  EXPECT_THAT(b.pages(), ElementsAreArray(a.pages()));
  const std::vector<int32_t> before(a.pages().begin(), a.pages().end());

  ASSERT_TRUE(append(*pool, b, 1, 50));
  EXPECT_EQ(b.pages()[0], before[0]) << "the full page is shared";
  EXPECT_NE(b.pages()[1], before[1]) << "the partial one was copied";
  for (uint32_t layer = 0; layer < 3; ++layer) {
    EXPECT_EQ(at(*pool, b, layer, 99), 10 + layer);
    EXPECT_EQ(at(*pool, b, layer, 100), 50 + layer);
    EXPECT_EQ(at(*pool, a, layer, 100), 0);
  }
  ASSERT_TRUE(append(*pool, a, 1, 90));
  EXPECT_EQ(a.pages()[1], before[1]) << "nobody else holds it any more";
  EXPECT_EQ(at(*pool, b, 0, 100), 50);
}

TEST(Sequence, RecurrentStateIsOneBlockThatForksCopyWhenTheyGoOn) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  auto states = PagePool::create(*cpuDevice(), {.layers = 2, .pageBytes = 64, .what = "recurrent states"}, 2).take();
  Sequence a(pool, states);
  EXPECT_EQ(a.block(), -1);
  ASSERT_TRUE(append(*pool, a, 10, 1));
  const int32_t block = a.block();
  ASSERT_GT(block, PagePool::kSinkPage);
  host(*states).data()[host(*states).layerBytes() + uint64_t(block) * 64] = 42;
  EXPECT_FALSE(a.canTruncate(9));
  EXPECT_TRUE(a.canTruncate(10) && a.canTruncate(0));

  Sequence b = a.fork();
  EXPECT_EQ(b.block(), block);
  ASSERT_TRUE(append(*pool, b, 1, 1));
  EXPECT_NE(b.block(), block) << "a state of its own";
  EXPECT_EQ(host(*states).data()[host(*states).layerBytes() + uint64_t(b.block()) * 64], 42) << "in every layer";
  EXPECT_EQ(a.block(), block);
  Sequence c(pool, states);
  EXPECT_EQ(c.prepare(1).message(), "no recurrent state is free: all 2 belong to other sequences");
  a.truncate(0);
  EXPECT_EQ(a.block(), -1);
  ASSERT_TRUE(append(*pool, c, 1, 1));
  EXPECT_EQ(c.block(), block);
}

TEST(Sequence, SharesAPrefixByPage) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence a(pool);
  ASSERT_TRUE(append(*pool, a, 200, 1));
  Sequence b = a.fork(128);
  EXPECT_EQ(b.length(), 128u);
  EXPECT_EQ(b.pages().size(), 2u);
  a.truncate(0);
  EXPECT_EQ(pool->freePages(), 6u);
  EXPECT_EQ(at(*pool, b, 0, 127), 1);
  EXPECT_EQ(a.fork(5).length(), 0u);
}

TEST(Sequence, WritingBackIntoASharedPageCopiesIt) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence a(pool);
  ASSERT_TRUE(append(*pool, a, 64, 1));
  Sequence b = a.fork();
  b.truncate(10);
  ASSERT_TRUE(append(*pool, b, 1, 77));
  EXPECT_EQ(at(*pool, a, 0, 10), 1);
  EXPECT_EQ(at(*pool, b, 0, 10), 77);
}

TEST(Sequence, FailsWithoutChangeWhenFull) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 2).take();
  Sequence a(pool);
  ASSERT_TRUE(append(*pool, a, 100, 1));
  Sequence b = a.fork();
  const Result<void> full = b.prepare(1); // needs a copy of the partial page
  ASSERT_FALSE(full);
  EXPECT_EQ(full.message(), "KV cache full: 1 more pages are needed and 0 of 2 are free (a page holds 64 positions)");
  EXPECT_EQ(b.length(), 100u);
  EXPECT_THAT(b.pages(), ElementsAreArray(a.pages()));
  EXPECT_TRUE(a.fork().prepare(0));

  auto big = PagePool::create(*cpuDevice(), kLayout, 100).take();
  Sequence c(big);
  ASSERT_TRUE(append(*big, c, 640, 1));
  EXPECT_EQ(c.room(), 0u);
  EXPECT_EQ(c.prepare(1).message(), "sequence full: it has 640 of 640 positions and 1 more are asked for");
}

TEST(Sequence, MovesItsPages) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 8).take();
  Sequence a(pool);
  ASSERT_TRUE(append(*pool, a, 100, 1));
  Sequence b(std::move(a));
  EXPECT_EQ(b.length(), 100u);
  b = Sequence(pool);
  EXPECT_EQ(pool->freePages(), 8u);
}

// Sequences against plain vectors, over a long random life.
TEST(Sequence, BehavesAsAVector) {
  auto pool = PagePool::create(*cpuDevice(), kLayout, 24).take();
  std::mt19937 random(1);
  std::vector<Sequence> sequences;
  std::vector<std::vector<uint8_t>> expected;
  const auto pick = [&](uint32_t below) { return uint32_t(random() % below); };
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const uint32_t choice = pick(10);
    if (sequences.empty() || (choice == 0 && sequences.size() < 6)) {
      sequences.emplace_back(pool);
      expected.emplace_back();
    }
    const uint32_t i = pick(uint32_t(sequences.size()));
    if (choice == 1 && sequences.size() < 6) {
      const uint32_t length = pick(sequences[i].length() + 1);
      sequences.push_back(sequences[i].fork(length));
      expected.emplace_back(expected[i].begin(), expected[i].begin() + length);
    } else if (choice == 2) {
      const uint32_t length = pick(sequences[i].length() + 1);
      sequences[i].truncate(length);
      expected[i].resize(length);
    } else if (choice == 3 && pick(2) == 0) {
      sequences.erase(sequences.begin() + i);
      expected.erase(expected.begin() + i);
    } else {
      const uint32_t count = 1 + pick(40);
      const auto value = uint8_t(pick(200));
      if (append(*pool, sequences[i], count, value))
        expected[i].insert(expected[i].end(), count, value);
      else
        ++refused;
    }
    std::vector<uint32_t> holders(25);
    for (size_t k = 0; k < sequences.size(); ++k) {
      ASSERT_EQ(sequences[k].length(), expected[k].size());
      for (int32_t page : sequences[k].pages())
        ++holders[size_t(page)];
      for (uint32_t p = 0; p < expected[k].size(); ++p)
        ASSERT_EQ(at(*pool, sequences[k], 1, p), uint8_t(expected[k][p] + 1)) << "round " << round;
    }
    for (int32_t page = 1; page <= 24; ++page)
      ASSERT_EQ(pool->referenceCount(page), holders[size_t(page)]);
    ASSERT_EQ(pool->freePages(),
              24u - uint32_t(std::count_if(holders.begin(), holders.end(), [](uint32_t n) { return n; })));
  }
  EXPECT_GT(refused, 0) << "the pool was never full: the test is too kind";
}

} // namespace
} // namespace lathe
