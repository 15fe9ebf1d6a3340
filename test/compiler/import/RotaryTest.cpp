// Frequencies by the formulas of their sources.
#include "compiler/import/Rotary.h"
#include <cmath>
#include <gmock/gmock.h>
#include <numbers>

using namespace lathe;
using testing::DoubleEq;
using testing::ElementsAre;

namespace {

spec::Rotary rotary() {
  spec::Rotary r;
  r.set_theta(10000);
  r.set_dims(8);
  return r;
}

TEST(Rotary, plain) {
  EXPECT_THAT(rotaryFrequencies(rotary()).frequencies, ElementsAre(1, DoubleEq(0.1), DoubleEq(0.01), DoubleEq(0.001)));
}

TEST(Rotary, linear) {
  spec::Rotary r = rotary();
  r.mutable_scaling()->mutable_linear()->set_factor(4);
  EXPECT_THAT(rotaryFrequencies(r).frequencies,
              ElementsAre(0.25, DoubleEq(0.025), DoubleEq(0.0025), DoubleEq(0.00025)));
}

TEST(Rotary, divisors) {
  spec::Rotary r = rotary();
  for (double divisor : {1, 2, 4, 8})
    r.mutable_scaling()->mutable_divisors()->add_divisor(divisor);
  EXPECT_THAT(rotaryFrequencies(r).frequencies, ElementsAre(1, DoubleEq(0.05), DoubleEq(0.0025), DoubleEq(0.000125)));
}

spec::Rotary yarnOf(double fast, double slow, bool untruncated = false) {
  spec::Rotary r = rotary();
  r.set_dims(16); // theta^(-1/8) a pair
  auto *yarn = r.mutable_scaling()->mutable_yarn();
  yarn->set_factor(4);
  yarn->set_original_context(256);
  yarn->set_beta_fast(fast);
  yarn->set_beta_slow(slow);
  yarn->set_untruncated(untruncated);
  return r;
}

TEST(Rotary, aTableStandsBesideAKind) {
  spec::Rotary r = rotary();
  for (double divisor : {1, 2, 4, 8})
    r.mutable_scaling()->mutable_divisors()->add_divisor(divisor);
  r.mutable_scaling()->mutable_linear()->set_factor(4);
  EXPECT_THAT(rotaryFrequencies(r).frequencies,
              ElementsAre(0.25, DoubleEq(0.0125), DoubleEq(0.000625), DoubleEq(0.00003125)));

  // YaRN mixes each quotient with its own part; which pairs mix, theta says alone.
  r = yarnOf(32, 1);
  for (int i = 0; i < 8; ++i)
    r.mutable_scaling()->mutable_divisors()->add_divisor(i + 1);
  const std::vector<double> plain = rotaryFrequencies(yarnOf(32, 1)).frequencies,
                            both = rotaryFrequencies(r).frequencies;
  for (int i = 0; i < 8; ++i)
    EXPECT_DOUBLE_EQ(both[i], plain[i] / (i + 1)) << i;
}

TEST(Rotary, ntkStretchesTheLongestWaveByTheFactor) {
  spec::Rotary r = rotary();
  r.mutable_scaling()->mutable_ntk()->set_factor(4);
  const std::vector<double> frequencies = rotaryFrequencies(r).frequencies;
  EXPECT_DOUBLE_EQ(frequencies[0], 1);
  EXPECT_NEAR(frequencies[1], 0.1 * std::pow(4, -1.0 / 3), 1e-15);
  EXPECT_NEAR(frequencies[3], 0.001 / 4, 1e-18);
}

TEST(Rotary, yarnMixesByPair) {
  // Pair i makes 256 / (2 pi) * 10^(-i/2) turns: 40.7 / 12.9 / 4.07 / 1.29 / 0.41. So pair 0.21 makes 32 and pair 3.22
  // makes 1: rounded away from each other, pairs 0 and 4.
  const std::vector<double> frequencies = rotaryFrequencies(yarnOf(32, 1)).frequencies;
  for (int i = 0; i < 8; ++i) {
    const double kept = i < 4 ? 1 - i / 4.0 : 0, plain = std::pow(10, -i / 2.0);
    EXPECT_NEAR(frequencies[i], plain * kept + plain / 4 * (1 - kept), 1e-15) << i;
  }
}

TEST(Rotary, yarnMayMixFromPartOfAPairAndWithOtherTurns) {
  const double low = 2 * std::log10(128 / std::numbers::pi / 10), high = 2 * std::log10(128 / std::numbers::pi / 2);
  const std::vector<double> exact = rotaryFrequencies(yarnOf(10, 2, true)).frequencies; // from pair 1.22 to pair 2.62
  const double kept = 1 - (2 - low) / (high - low);
  EXPECT_NEAR(exact[1], std::pow(10, -0.5), 1e-15);
  EXPECT_NEAR(exact[2], 0.1 * kept + 0.025 * (1 - kept), 1e-15);
  EXPECT_NEAR(exact[3], std::pow(10, -1.5) / 4, 1e-15);
  // No pair between them: a step.
  const std::vector<double> step = rotaryFrequencies(yarnOf(4, 4, true)).frequencies;
  EXPECT_NEAR(step[2], 0.1, 1e-15);
  EXPECT_NEAR(step[3], std::pow(10, -1.5) / 4, 1e-15);
}

TEST(Rotary, yarnRaisesTheMagnitude) {
  spec::Rotary r = yarnOf(32, 1);
  auto *yarn = r.mutable_scaling()->mutable_yarn();
  EXPECT_DOUBLE_EQ(rotaryFrequencies(r).magnitude, 0.1 * std::log(4) + 1);
  yarn->set_mscale(0.5);
  EXPECT_DOUBLE_EQ(rotaryFrequencies(r).magnitude, 0.1 * std::log(4) + 1); // both or none
  yarn->set_mscale_all_dims(2);
  r.mutable_scaling()->set_magnitude(3);
  EXPECT_DOUBLE_EQ(rotaryFrequencies(r).magnitude, 3 * (0.05 * std::log(4) + 1) / (0.2 * std::log(4) + 1));
  yarn->set_magnitude(1.5);
  EXPECT_EQ(rotaryFrequencies(r).magnitude, 4.5);
  yarn->set_magnitude(0);
  yarn->set_factor(0.5);
  EXPECT_EQ(rotaryFrequencies(r).magnitude, 3);
}

TEST(Rotary, dynamicNtkGrowsBeyondTheOriginalContext) {
  spec::Rotary r = rotary();
  EXPECT_FALSE(dependsOnLength(r));
  r.mutable_scaling()->mutable_dynamic_ntk()->set_factor(4);
  r.mutable_scaling()->mutable_dynamic_ntk()->set_original_context(32);
  const RotaryFrequencies rotation = rotaryFrequencies(r);
  EXPECT_TRUE(dependsOnLength(r));
  EXPECT_EQ(rotation.limit, 32u);
  EXPECT_EQ(rotation.growth, 4);
  EXPECT_THAT(rotation.frequencies, ElementsAre(1, DoubleEq(0.1), DoubleEq(0.01), DoubleEq(0.001)));
}

TEST(Rotary, longropeHasTwoListsOfFactors) {
  spec::Rotary r = rotary();
  auto *longrope = r.mutable_scaling()->mutable_longrope();
  for (double factor : {1, 2, 4, 8}) {
    longrope->add_short_factor(factor);
    longrope->add_long_factor(10 * factor);
  }
  longrope->set_original_context(4096);
  longrope->set_extended_context(131072);
  RotaryFrequencies rotation = rotaryFrequencies(r);
  EXPECT_TRUE(dependsOnLength(r));
  EXPECT_THAT(rotation.frequencies, ElementsAre(1, DoubleEq(0.05), DoubleEq(0.0025), DoubleEq(0.000125)));
  EXPECT_THAT(rotation.longFrequencies, ElementsAre(0.1, DoubleEq(0.005), DoubleEq(0.00025), DoubleEq(0.0000125)));
  EXPECT_EQ(rotation.limit, 4096u);
  EXPECT_DOUBLE_EQ(rotation.magnitude, std::sqrt(1 + 5.0 / 12)); // ln 32 / ln 4096
  EXPECT_DOUBLE_EQ(rotation.longMagnitude, std::sqrt(1 + 5.0 / 12));
  longrope->set_factor(2);
  longrope->set_long_magnitude(1.25);
  rotation = rotaryFrequencies(r);
  EXPECT_DOUBLE_EQ(rotation.magnitude, std::sqrt(1 + 1.0 / 12));
  EXPECT_EQ(rotation.longMagnitude, 1.25);
  longrope->clear_long_factor();
  r.mutable_scaling()->mutable_linear()->set_factor(2);
  r.mutable_scaling()->set_magnitude(3);
  rotation = rotaryFrequencies(r);
  EXPECT_THAT(rotation.frequencies, ElementsAre(0.5, DoubleEq(0.025), DoubleEq(0.00125), DoubleEq(0.0000625)));
  EXPECT_THAT(rotation.longFrequencies, ElementsAre(0.5, DoubleEq(0.05), DoubleEq(0.005), DoubleEq(0.0005)));
  EXPECT_EQ(rotation.longMagnitude, 3.75);
}

TEST(Rotary, llama3KeepsShortWavesAndStretchesLongOnes) {
  spec::Rotary r = rotary();
  auto *scaling = r.mutable_scaling()->mutable_llama3();
  scaling->set_factor(8);
  scaling->set_low_freq_factor(1);
  scaling->set_high_freq_factor(4);
  scaling->set_original_context(128); // turns in it: 20.4, 2.04, 0.204, 0.0204
  const double kept = (128 * 0.1 / (2 * std::numbers::pi) - 1) / 3;
  EXPECT_THAT(rotaryFrequencies(r).frequencies,
              ElementsAre(1, DoubleEq(kept * 0.1 + (1 - kept) * 0.1 / 8), DoubleEq(0.01 / 8), DoubleEq(0.001 / 8)));
}

} // namespace
