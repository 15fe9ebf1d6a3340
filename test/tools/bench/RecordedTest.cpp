// From records of steps to phases, workers and barriers; ratios of two bundles.
#include "tools/lathe/bench/Recorded.h"
#include <cmath>
#include <gmock/gmock.h>
#include <thread>

namespace lathe::bench {
namespace {

using std::chrono::microseconds;

/// A program of two layers' "a" and a head, whose records are made by hand.
class Program : public testing::Test {
protected:
  lathe_kernel kernels[3] = {
      {"norm_x", "fallback", nullptr}, {"linear_y", "tuned", nullptr}, {"attend_z", "nearest k", nullptr}};
  lathe_call calls[4] = {{0, 0, 1, 0, 0, 0}, {1, 0, 1, 0, 0, 0}, {2, 0, 1, 0, 0, 0}, {0, 0, 1, 0, 0, 0}};
  lathe_phase phases[3] = {phase("layers.0.a", 0, 2), phase("layers.1.a", 0, 2), phase("head", 2, 2)};
  lathe_program program = {"decode", 1, 1, 0, 0, 3, 0, 0};
  lathe_variant variant{};
  MachineLimits limits{.machine = "",
                       .threads = 2,
                       .readBytesPerSecond = 1e9,
                       .f32OperationsPerSecond = 1e9,
                       .dot4OperationsPerSecond = 0,
                       .f32Form = "",
                       .dot4Form = ""};

  Program() {
    variant.kernels = kernels;
    variant.calls = calls;
    variant.phases = phases;
  }

  static lathe_phase phase(const char *name, uint32_t call, uint32_t calls) {
    lathe_phase phase{};
    phase.name = name;
    phase.first_call = call, phase.n_calls = calls;
    phase.work.weight_bytes = 1000; // 1 us
    phase.work.operations = 500;    // half as much
    return phase;
  }

  /// Adds a step of one row: worker 0 works 2 us in each phase, worker 1 `slow`, and both go on half of one later.
  void step(StepRecord &record, microseconds slow) {
    record.beginStep(program, 1, 2);
    auto at = record.steps().back().begin;
    for (const lathe_phase &phase : phases) {
      const auto begin = at + std::chrono::nanoseconds(500);
      record.lane(0).spans.push_back({begin, begin + microseconds(2)});
      record.lane(1).spans.push_back({begin, begin + slow});
      record.add(phase, 1);
      at = begin + std::max(slow, microseconds(2));
    }
    record.endStep();
  }
};

TEST_F(Program, GroupsLayersAndTakesMediansAtEachPlace) {
  StepRecord record;
  for (int slow : {900, 3, 3, 3, 800})
    step(record, microseconds(slow));
  Recorded recorded(variant, 1, 0, /*goesOn=*/true);
  recorded.add(record, 1, 1); // the first is not taken
  StepResult result;
  recorded.fill(result, limits);
  ASSERT_EQ(result.phases.size(), 2u);
  EXPECT_EQ(result.phases[0].name, "a");
  EXPECT_EQ(result.phases[0].count, 2);
  EXPECT_NEAR(result.phases[0].seconds, 7e-6, 1e-9); // twice 0.5 + 3: the disturbed run decides nothing
  EXPECT_NEAR(result.phases[0].limitSeconds, 2e-6, 1e-12);
  EXPECT_NEAR(result.phases[0].ofLimit(), 2.0 / 7, 1e-3);
  EXPECT_EQ(result.phases[0].bound, Bound::Reading);
  EXPECT_EQ(result.phases[0].schedule, "tuned"); // its linear's, not its norm's
  EXPECT_EQ(result.phases[1].scheduleKind(), ScheduleKind::Nearest);
  EXPECT_NEAR(result.seconds, 10.5e-6, 1e-9);
  EXPECT_EQ(recorded.bytes(), 3000);
}

TEST_F(Program, TellsImbalanceFromBarriers) {
  StepRecord record;
  for (int i = 0; i < 4; ++i)
    step(record, microseconds(6));
  Recorded recorded(variant, 1, 0, /*goesOn=*/true);
  recorded.add(record, 0, 1);
  StepResult result;
  recorded.fill(result, limits);
  ASSERT_EQ(result.workers.size(), 2u);
  EXPECT_NEAR(result.workers[0].working, 6e-6, 1e-9);
  EXPECT_NEAR(result.workers[0].imbalance, 12e-6, 1e-9);
  EXPECT_NEAR(result.workers[1].imbalance, 0, 1e-9);
  EXPECT_NEAR(result.workers[1].barrier, 1.5e-6, 1e-9);
  EXPECT_EQ(result.barriers.count, 3);
  EXPECT_NEAR(result.barriers.nanoseconds.median, 500, 1);
  EXPECT_EQ(result.timeline.phases.size(), 3u);
  EXPECT_EQ(result.timeline.phases[2].group, 1u);
}

TEST_F(Program, CountsPositionsThatEachRunSees) {
  for (lathe_phase &phase : phases)
    phase.work = {}, phase.work.cache_bytes = 10;
  StepRecord record;
  for (int i = 0; i < 3; ++i)
    step(record, microseconds(2));
  Recorded onward(variant, 1, 100, /*goesOn=*/true), anew(variant, 1, 100, /*goesOn=*/false);
  onward.add(record, 1, 1);
  anew.add(record, 0, 1);
  EXPECT_EQ(onward.bytes(), 3 * 10 * 102.5); // 102 and 103 positions
  EXPECT_EQ(anew.bytes(), 3 * 10 * 101);
}

TEST_F(Program, LeavesOutARunThatIsAnother) {
  StepRecord record;
  step(record, microseconds(2));
  record.beginStep(program, 1, 2);
  record.lane(0).begin(), record.lane(1).begin(), record.lane(0).end(), record.lane(1).end();
  record.add(phases[2], 1);
  record.endStep();
  Recorded recorded(variant, 1, 0, /*goesOn=*/true);
  recorded.add(record, 0, 1);
  EXPECT_EQ(recorded.works().size(), 3u);
  StepResult result;
  recorded.fill(result, limits);
  EXPECT_EQ(result.barriers.count, 3);
}

TEST(Ratio, HasAnIntervalWhereThereArePairsEnough) {
  std::vector<double> a, b;
  for (int i = 0; i < 8; ++i)
    a.push_back(100 + i), b.push_back((100 + i) * (1.10 + 0.01 * (i % 2)));
  const Ratio ratio = ratioOf(a, b);
  EXPECT_EQ(ratio.pairs, 8u);
  EXPECT_NEAR(ratio.ratio, 1.105, 1e-3);
  EXPECT_NEAR(ratio.low, 1.10, 1e-9);
  EXPECT_NEAR(ratio.high, 1.11, 1e-9);
  const Ratio few = ratioOf({1, 2, 3}, {2, 4, 6});
  EXPECT_NEAR(few.ratio, 2, 1e-9);
  EXPECT_EQ(few.low, 0);
  EXPECT_TRUE(std::isinf(few.high));
}

} // namespace
} // namespace lathe::bench
