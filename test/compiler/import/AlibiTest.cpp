// Slopes by the rule of arXiv:2108.12409 and its authors' code.
#include "compiler/import/Alibi.h"
#include <gmock/gmock.h>

using lathe::alibiSlopes;
using testing::ElementsAre;

TEST(Alibi, powersOfTwo) {
  EXPECT_THAT(alibiSlopes(4, 8, 1), ElementsAre(0.25, 0.0625, 0.015625, 0.00390625));
  EXPECT_THAT(alibiSlopes(1, 8, 1), ElementsAre(0.00390625));
  EXPECT_THAT(alibiSlopes(4, 4, 0.5), ElementsAre(0.25, 0.125, 0.0625, 0.03125));
}

TEST(Alibi, othersTakeEverySecondSlopeOfTheNextPower) {
  EXPECT_THAT(alibiSlopes(6, 8, 1), ElementsAre(0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125));
  EXPECT_THAT(alibiSlopes(3, 8, 1), ElementsAre(0.0625, 0.00390625, 0.25));
}
