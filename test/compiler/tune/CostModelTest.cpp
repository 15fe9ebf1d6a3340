//===- CostModelTest.cpp - what is tried first --------------------------------------------------------------------===//
#include "compiler/tune/CostModel.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::tune;

namespace {

class Cost : public testing::Test {
protected:
  double seconds(int64_t tileRows, int64_t tileColumns, int64_t rows, int64_t panels) const {
    const Grid grid = {.rows = gridRows, .columns = 96, .memoryBound = gridRows <= 8, .leads = true};
    const double work = double(stepRows) * 2 * 576 * 96 * 16;
    return estimateSeconds({.kernel = kernel,
                            .grid = grid,
                            .target = target,
                            .rows = stepRows,
                            .bytes = 96.0 * 16 * 576 / 2,
                            .operations = work,
                            .operationRate = 200e9,
                            .readRate = 20e9,
                            .threads = 2},
                           {{kTileRows, tileRows}, {kTileColumns, tileColumns}, {"rows", rows}, {"panels", panels}});
  }

  const KernelDesc kernel =
      LinearKernel{.format = PackedFormat::Q4_1, .input = ActFormat::Q16, .columns = 576, .outputStride = 1536};
  TargetDesc target = {.name = "t", .lanes = 8};
  int64_t gridRows = 192, stepRows = 192;
};

} // namespace

TEST_F(Cost, RowsThatAreNotThereAreComputedToo) {
  gridRows = 8, stepRows = 1;
  EXPECT_LT(seconds(1, 4, 1, 1), seconds(8, 4, 2, 1));
}

TEST_F(Cost, UnpackingIsSharedByRowsUntilRegistersEnd) {
  EXPECT_LT(seconds(24, 4, 2, 1), seconds(24, 4, 1, 1));
  EXPECT_LT(seconds(24, 4, 2, 1), seconds(24, 4, 12, 4));
}

TEST_F(Cost, OneTileLeavesWorkersIdleAndManyAreCalledOften) {
  EXPECT_LT(seconds(24, 4, 2, 1), seconds(192, 96, 2, 1));
  EXPECT_LT(seconds(24, 4, 1, 1), seconds(1, 1, 1, 1));
}

TEST_F(Cost, ReadsBoundWhatHasFewOperations) {
  gridRows = stepRows = 1;
  EXPECT_GE(seconds(1, 4, 1, 1), 96.0 * 16 * 576 / 2 / 20e9);
}
