//===- StatisticsTest.cpp - paired comparisons --------------------------------------------------------------------===//
#include "compiler/tune/Statistics.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe::tune;

TEST(Comparison, KnowsTheSignTestsChances) {
  EXPECT_NEAR(compare(std::vector{-1.0, -2.0, -3.0}, 0.99).chance, 1.0 / 8, 1e-12);
  EXPECT_NEAR(compare(std::vector{1.0, -2.0, -3.0, -4.0}, 0.99).chance, 5.0 / 16, 1e-12);
  EXPECT_NEAR(compare(std::vector{1.0, 2.0, 3.0}, 0.99).chance, 1.0, 1e-12);
}

TEST(Comparison, TakesItsIntervalFromTheOrderedPairs) {
  std::vector<double> x;
  for (int i = 1; i <= 20; ++i)
    x.push_back(i);
  const Comparison result = compare(x, 0.99); // at most 3 of 20 heads: 0.13 %; 4: 0.59 %
  EXPECT_DOUBLE_EQ(result.low, 4);
  EXPECT_DOUBLE_EQ(result.high, 17);
  EXPECT_DOUBLE_EQ(result.change, 10.5);
}

TEST(Comparison, TiesSpeakAgainstTheCandidate) {
  EXPECT_DOUBLE_EQ(compare(std::vector<double>(10, 0.0), 0.99).chance, 1.0);
  EXPECT_DOUBLE_EQ(compare(std::vector<double>(10, 0.0), 0.99).change, 0.0);
}

TEST(Comparison, EstimatesWithoutRegardToDisturbedPairs) {
  std::vector<double> x(20, -0.05);
  x[7] = 3, x[9] = 3, x[11] = -3;
  const Comparison result = compare(x, 0.99);
  EXPECT_NEAR(result.change, -0.05, 1e-9);
  EXPECT_LE(result.low, result.change);
  EXPECT_LE(result.change, result.high);
  EXPECT_LT(result.high, 0);
}

TEST(Comparison, SaysWhenThereAreTooFewPairs) {
  const Comparison result = compare(std::vector{-1.0, -1.0, -1.0}, 0.99);
  EXPECT_TRUE(std::isinf(result.low) && std::isinf(result.high));
  EXPECT_EQ(compare({}, 0.99).pairs, 0u);
}

// Noise as machines make it: mostly small, now and then very large, never negative.
TEST(Comparison, IntervalsHoldTheTruthAsOftenAsTheySay) {
  std::mt19937_64 random(1);
  std::exponential_distribution<double> noise(20);
  std::bernoulli_distribution disturbed(0.1);
  int held = 0, falselySure = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> x;
    for (int i = 0; i < 20; ++i) {
      auto time = [&] { return std::log(1 + noise(random) + (disturbed(random) ? 2 : 0)); };
      x.push_back(-0.03 + time() - time());
    }
    const Comparison result = compare(x, 0.99);
    held += result.low <= -0.03 && -0.03 <= result.high;
    for (double &value : x)
      value += 0.03; // no faster
    falselySure += compare(x, 0.99).chance <= 0.01;
  }
  EXPECT_GE(held, kRuns * 0.985);
  EXPECT_LE(falselySure, kRuns * 0.016);
}

TEST(Quantile, LiesBetweenValues) {
  EXPECT_DOUBLE_EQ(median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(quantile({0, 1, 2, 3, 4}, 0.25), 1);
  EXPECT_DOUBLE_EQ(spread({0, 1, 2, 3, 4}), 2);
  EXPECT_DOUBLE_EQ(median({}), 0);
}
