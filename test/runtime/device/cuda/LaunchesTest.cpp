// What needs no driver.
#include "runtime/device/cuda/Graphs.h"
#include "runtime/device/cuda/Launches.h"
#include "compiler/layout/Choices.h"
#include <gtest/gtest.h>

namespace lathe::cuda {
namespace {

TEST(Launches, CoverTheChoicesOfAStep) {
  for (int64_t most : {1, 4, 64, 512})
    for (int64_t choices : {1, 2, 4, 8})
      for (int64_t experts : {4, 8, 64, 128}) {
        if (choices > experts)
          continue;
        const ChoiceLayout all = ChoiceLayout::of(most, choices, experts);
        const lathe_choices table{.table = 1, .tile_rows = uint32_t(all.tileRows), .experts = uint32_t(experts)};
        for (int64_t rows = 1; rows <= most; rows += 1 + rows / 8) {
          const ChoiceLayout layout{rows, choices, experts, all.tileRows};
          const uint64_t tiles = choiceTilesOf(uint64_t(rows), uint64_t(most), uint64_t(all.tiles()), table);
          EXPECT_GE(tiles, uint64_t(layout.tiles())) << rows << " rows, " << choices << " of " << experts;
          EXPECT_LE(tiles, uint64_t(all.tiles()));
          if (all.tileRows == 1)
            EXPECT_EQ(tiles, uint64_t(layout.tiles()));
        }
      }
}

static StepKey key(size_t program, size_t rows) {
  return {.program = program, .rows = rows, .logitRows = 1, .splits = 1, .kept = 0, .sums = false};
}

TEST(Graphs, KeepThoseThatWereUsedLatest) {
  Graphs graphs;
  EXPECT_TRUE(graphs.find(key(0, 1)).second);
  EXPECT_FALSE(graphs.find(key(0, 1)).second);
  for (size_t rows = 2; rows <= Graphs::kMost; ++rows)
    EXPECT_TRUE(graphs.find(key(0, rows)).second);
  EXPECT_FALSE(graphs.find(key(0, 1)).second);
  EXPECT_TRUE(graphs.find(key(1, 1)).second) << "takes the place of 2 rows";
  EXPECT_FALSE(graphs.find(key(0, 1)).second);
  EXPECT_FALSE(graphs.find(key(0, 3)).second);
  EXPECT_TRUE(graphs.find(key(0, 2)).second);
}

} // namespace
} // namespace lathe::cuda
