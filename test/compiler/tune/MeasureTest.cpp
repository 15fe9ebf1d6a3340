//===- MeasureTest.cpp - when a candidate replaces the incumbent, with pretended measurements ---------------------===//
#include "compiler/tune/Measure.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using namespace lathe::tune;

namespace {

/// Times of ln-speed `speeds[key][values]` with noise as machines make it, and a bias of each process's layout.
class Pretence : public Rounds {
public:
  explicit Pretence(uint64_t seed) : random(seed) {}

  Result screen(llvm::ArrayRef<Challenge> challenges, size_t rounds) override {
    ++screenings;
    return run(challenges, rounds);
  }
  Result confirm(llvm::ArrayRef<Challenge> challenges, size_t rounds, bool) override {
    ++confirmations;
    return run(challenges, rounds);
  }

  std::map<std::string, double> speeds;    ///< ln of a time; 0 where there is none
  std::map<std::string, Outcome> failures; ///< of candidates
  double noise = 0.03, disturbance = 0.05;
  size_t screenings = 0, confirmations = 0;

private:
  Result run(llvm::ArrayRef<Challenge> challenges, size_t rounds) {
    Result result;
    for (const Challenge &challenge : challenges)
      if (auto found = failures.find(challenge.candidate.print()); found != failures.end()) {
        result.failure = found->second;
        result.detail = "as it was told";
        return result;
      }
    std::exponential_distribution<double> waits(1 / noise);
    std::bernoulli_distribution disturbed(disturbance);
    for (const Challenge &challenge : challenges) {
      TrialResult::Times times(2);
      for (size_t round = 0; round < rounds; ++round)
        for (size_t library : {0, 1}) {
          const Values &values = library ? challenge.candidate : challenge.incumbent;
          times[library].push_back(1e-3 * std::exp(speeds[values.print()]) *
                                   (1 + waits(random) + (disturbed(random) ? 2 : 0)));
        }
      result.trial.groups.push_back(std::move(times));
    }
    return result;
  }

  std::mt19937_64 random;
};

const Values kOld = {{"v", 1}}, kNew = {{"v", 2}}, kOther = {{"v", 3}};

} // namespace

TEST(Measure, AFasterCandidateWins) {
  Pretence rounds(1);
  rounds.speeds["v=2"] = std::log(0.8);
  const Finding finding = measure(rounds, {{0, kNew, kOld}}).front();
  EXPECT_EQ(finding.measurement.outcome, Outcome::Won);
  EXPECT_NEAR(std::exp(finding.measurement.change), 0.8, 0.04);
  EXPECT_EQ(finding.measurement.pairs % rounds.confirmRounds, 0u) << "those of the screening don't count";
  EXPECT_LT(finding.againstFallback.high, 0);
  EXPECT_GT(finding.fallbackNanoseconds, finding.measurement.nanoseconds);
}

TEST(Measure, ASmallGainTakesMoreRounds) {
  size_t won = 0, most = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Pretence rounds(seed);
    rounds.speeds["v=2"] = std::log(0.97);
    const Finding finding = measure(rounds, {{0, kNew, kOld}}).front();
    won += finding.measurement.outcome == Outcome::Won;
    most = std::max(most, finding.measurement.pairs);
  }
  EXPECT_GT(won, 20u) << "of 50";
  EXPECT_EQ(most, kLooks * Pretence(1).confirmRounds);
}

TEST(Measure, ASlowerOneIsGivenUpInTheScreening) {
  Pretence rounds(1);
  rounds.speeds["v=2"] = std::log(1.5);
  EXPECT_EQ(measure(rounds, {{0, kNew, kOld}}).front().measurement.outcome, Outcome::NoBetter);
  EXPECT_EQ(rounds.confirmations, 0u);
}

TEST(Measure, AGainBelowTheLeastIsNone) {
  Pretence rounds(1);
  rounds.noise = 1e-6;
  rounds.speeds["v=2"] = -kLeastGain / 2;
  EXPECT_EQ(measure(rounds, {{0, kNew, kOld}}).front().measurement.outcome, Outcome::NoBetter);
}

TEST(Measure, TheIncumbentStaysUnderPureNoise) {
  // A key is challenged 30 times by what is no faster; at most 1 % of keys may end with another incumbent.
  constexpr int kKeys = 1000;
  int changed = 0, confirmed = 0;
  for (int key = 0; key < kKeys; ++key) {
    Pretence rounds(uint64_t(key) + 1);
    size_t confirmations = 0;
    for (int candidate = 0; candidate < 30; ++candidate) {
      const Finding finding = measure(rounds, {{0, kNew, kOld, confirmations}}).front();
      confirmations += finding.measurement.confirmation;
      if (finding.measurement.outcome == Outcome::Won) {
        ++changed;
        break;
      }
    }
    confirmed += confirmations > 0;
  }
  EXPECT_GT(confirmed, kKeys / 2) << "or the test tests nothing";
  EXPECT_LE(changed, kKeys / 100) << "of " << kKeys;
}

TEST(Measure, LaterConfirmationsNeedMore) {
  Comparison comparison = {.change = -0.1, .chance = 0.0015};
  EXPECT_TRUE(accepts(comparison, 1));
  EXPECT_FALSE(accepts(comparison, 2));
  comparison.chance = 0.0001;
  EXPECT_TRUE(accepts(comparison, 2));
}

TEST(Measure, FailuresAreToldApartFromThoseThatWereMeasuredWithThem) {
  for (Outcome outcome : {Outcome::Crashed, Outcome::TimedOut, Outcome::Failed, Outcome::OtherBits}) {
    Pretence rounds(1);
    rounds.failures["v=3"] = outcome;
    rounds.speeds["v=2"] = std::log(0.7);
    const std::vector<Finding> findings = measure(rounds, {{0, kOther, kOld}, {1, kNew, kOld}});
    EXPECT_EQ(findings[0].measurement.outcome, outcome);
    EXPECT_EQ(findings[0].measurement.detail, "as it was told");
    EXPECT_FALSE(findings[0].measurement.ran());
    EXPECT_EQ(findings[1].measurement.outcome, Outcome::Won);
  }
}

TEST(Measure, AStopSaysNothing) {
  struct Stops : Pretence {
    using Pretence::Pretence;
    Result confirm(llvm::ArrayRef<Challenge>, size_t, bool) override {
      return {.failure = {}, .stopped = true, .detail = {}, .trial = {}};
    }
  } rounds(1);
  rounds.speeds["v=2"] = std::log(0.5);
  EXPECT_TRUE(measure(rounds, {{0, kNew, kOld}}).front().stopped);
}
