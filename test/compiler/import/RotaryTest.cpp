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
  EXPECT_THAT(rotaryFrequencies(rotary()), ElementsAre(1, DoubleEq(0.1), DoubleEq(0.01), DoubleEq(0.001)));
}

TEST(Rotary, linear) {
  spec::Rotary r = rotary();
  r.mutable_scaling()->mutable_linear()->set_factor(4);
  EXPECT_THAT(rotaryFrequencies(r), ElementsAre(0.25, DoubleEq(0.025), DoubleEq(0.0025), DoubleEq(0.00025)));
}

TEST(Rotary, divisors) {
  spec::Rotary r = rotary();
  for (double divisor : {1, 2, 4, 8})
    r.mutable_scaling()->mutable_divisors()->add_divisor(divisor);
  EXPECT_THAT(rotaryFrequencies(r), ElementsAre(1, DoubleEq(0.05), DoubleEq(0.0025), DoubleEq(0.000125)));
}

TEST(Rotary, llama3KeepsShortWavesAndStretchesLongOnes) {
  spec::Rotary r = rotary();
  auto *scaling = r.mutable_scaling()->mutable_llama3();
  scaling->set_factor(8);
  scaling->set_low_freq_factor(1);
  scaling->set_high_freq_factor(4);
  scaling->set_original_context(128); // turns in it: 20.4, 2.04, 0.204, 0.0204
  const double kept = (128 * 0.1 / (2 * std::numbers::pi) - 1) / 3;
  EXPECT_THAT(rotaryFrequencies(r),
              ElementsAre(1, DoubleEq(kept * 0.1 + (1 - kept) * 0.1 / 8), DoubleEq(0.01 / 8), DoubleEq(0.001 / 8)));
}

} // namespace
