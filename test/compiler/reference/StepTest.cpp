// Attention, the cache, phases, and inputs of a step that are wrong.
#include "test/compiler/reference/Evaluate.h"
#include <cmath>
#include <gmock/gmock.h>

using namespace lathe::test;
using testing::DoubleNear;
using testing::ElementsAre;

namespace {

auto near(double value) { return DoubleNear(value, 1e-12); }

/// Two query heads of one component share a KV head: x = {q0, q1, k, v}.
std::string attention(const std::string &attributes) {
  return R"(%q = lathe.slice %x offset 0 : tensor<?x4xf32> -> tensor<?x2xf32>
            %k = lathe.slice %x offset 2 : tensor<?x4xf32> -> tensor<?x1xf32>
            %v = lathe.slice %x offset 3 : tensor<?x4xf32> -> tensor<?x1xf32>
            )" +
         attributes;
}

const std::string kWhole =
    "%y = lathe.attention %q, %k, %v, %positions, %slots layer 0 heads 2 kv_heads 1 head_size 1 ";
const std::string kTypes = " : tensor<?x2xf32>, tensor<?x1xf32>";
// Scores of row 1 are q * {ln 2, 0} * scale: weights 2 : 1 where q * scale is 1.
const Rows kRows = {{0, 0, float(std::log(2.0)), 3}, {1, 0, 0, 9}, {0, 1, 0, 30}};
const double kLog2 = float(std::log(2.0));

TEST(Step, attentionSeesItsSequenceUpToItself) {
  Evaluation evaluation(function(attention(kWhole + "scale 1.0" + kTypes), 4, 2), {{"x", kRows}});
  const double w = std::exp(kLog2);
  auto expected = ElementsAre(ElementsAre(3, 3), ElementsAre(near((3 * w + 9) / (w + 1)), 6));
  EXPECT_THAT(evaluation.run({0, 1}, {0, 1}), expected);
  // One after the other, and in another slot at the same time.
  evaluation.interpreter->reset();
  EXPECT_THAT(evaluation.run({0, 2}, {0, 0}, {7, 8}), ElementsAre(ElementsAre(3, 3), ElementsAre(30, 30)));
  EXPECT_THAT(evaluation.run({1, 1}, {1, 1}, {7, 8}),
              ElementsAre(ElementsAre(near((3 * w + 9) / (w + 1)), 6), ElementsAre(19.5, 19.5)));
}

TEST(Step, positionsMayBeReplacedButNotSkipped) {
  Evaluation evaluation(function(attention(kWhole + "scale 1.0" + kTypes), 4, 2), {{"x", kRows}});
  evaluation.run({0, 1}, {0, 1});
  EXPECT_THAT(evaluation.run({2}, {0}), ElementsAre(ElementsAre(30, 30)));
  evaluation.run({0}, {3});
  EXPECT_EQ(evaluation.error, "positions[0] = 3 does not follow sequence 0, which has 2 positions in layer 0");
  evaluation.run({0}, {-1});
  EXPECT_EQ(evaluation.error, "positions[0] = -1 does not follow sequence 0, which has 2 positions in layer 0");
}

TEST(Step, windowLeavesEarlierPositionsOut) {
  Evaluation evaluation(function(attention(kWhole + "scale 1.0 window 2" + kTypes), 4, 2), {{"x", kRows}});
  auto rows = evaluation.run({0, 1, 2}, {0, 1, 2});
  EXPECT_THAT(rows[2], ElementsAre(19.5, 19.5)); // 9 and 30 alone, keys 0
}

TEST(Step, alibiLowersScoresByDistance) { // head 0: scores -2 ln 2, -ln 2, 0; head 1: ln 2, 0, 0
  Evaluation evaluation(function(attention(kWhole + "scale 1.0 alibi [0.69314718055994530942, 0.0]" + kTypes), 4, 2),
                        {{"x", kRows}});
  const double w = std::exp(kLog2);
  EXPECT_THAT(evaluation.run({0, 1, 2}, {0, 1, 2})[2],
              ElementsAre(near((3 * 1 + 9 * 2 + 30 * 4) / 7.0), near((3 * w + 9 + 30) / (w + 2))));
}

TEST(Step, softcapBendsScores) {
  Evaluation evaluation(function(attention(kWhole + "scale 4.0 softcap 0.5" + kTypes), 4, 2), {{"x", kRows}});
  const double w = std::exp(0.5 * std::tanh(4 * kLog2 / 0.5));
  EXPECT_THAT(evaluation.run({0, 1}, {0, 1})[1], ElementsAre(near((3 * w + 9) / (w + 1)), 6));
}

TEST(Step, convolutionSeesItsSequenceUpToItself) {
  Evaluation evaluation(function("%y = lathe.conv %x, %positions, %slots, @w bias @b layer 0 : tensor<?x2xf32>", 2, 2),
                        {{"x", {{1, 10}, {2, 20}, {3, 30}}}, {"w", {{100, 10, 1}, {0, 1, 0}}}, {"b", {{0, 5}}}});
  EXPECT_THAT(evaluation.run({0, 1, 2}, {0, 1, 2}),
              ElementsAre(ElementsAre(1, 5), ElementsAre(12, 15), ElementsAre(123, 25)));
  // Two sequences side by side; the first goes on, the second begins anew.
  EXPECT_THAT(evaluation.run({0, 1}, {3, 0}, {0, 1}), ElementsAre(ElementsAre(231, 35), ElementsAre(2, 5)));
  evaluation.run({0}, {7}, {1});
  EXPECT_EQ(evaluation.error, "positions[0] = 7 does not follow sequence 1, which has 1 positions in layer 0");
}

TEST(Step, scanDecaysAndAdds) {
  // dt_bias makes the step ln(1 + e^0) = ln 2, so a decay of -1 halves: two heads, of two channels each.
  const std::string body = R"(
    %in = lathe.slice %x offset 0 : tensor<?x8xf32> -> tensor<?x4xf32>
    %dt = lathe.slice %x offset 4 : tensor<?x8xf32> -> tensor<?x2xf32>
    %b = lathe.slice %x offset 6 : tensor<?x8xf32> -> tensor<?x1xf32>
    %c = lathe.slice %x offset 7 : tensor<?x8xf32> -> tensor<?x1xf32>
    %y = lathe.scan %in, %dt, %b, %c, %positions, %slots a @a d @d dt_bias @bias layer 0 groups 1
      : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x1xf32>)";
  Evaluation evaluation(function(body, 8, 4), {{"x", {{1, 2, 3, 4, -1, -1, 1, 1}, {0, 0, 0, 1, -1, -1, 1, 2}}},
                                               {"a", {{-1, 0}}},
                                               {"d", {{0, 10}}},
                                               {"bias", {{1, 1}}}});
  const double t = std::log(2.0);
  auto first = ElementsAre(near(t), near(2 * t), near(30 + 3 * t), near(40 + 4 * t));
  auto second = ElementsAre(near(t), near(2 * t), near(6 * t), near(10 + 2 * (4 * t + t)));
  EXPECT_THAT(evaluation.run({0, 1}, {0, 1}), ElementsAre(first, second));
  EXPECT_THAT(evaluation.run({0}, {0}), ElementsAre(first));
  EXPECT_THAT(evaluation.run({1}, {1}), ElementsAre(second));
}

TEST(Step, scanOfChannelsKeepsItsStepWithinLimits) {
  const std::string body = R"(
    %b = lathe.slice %x offset 0 : tensor<?x2xf32> -> tensor<?x2xf32>
    %y = lathe.scan %x, %x, %b, %b, %positions, %slots a @a d @d dt_bias @bias layer 0 groups 1 dt_min 1.0 dt_max 2.0
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)";
  Evaluation evaluation(function(body, 2, 2),
                        {{"x", {{1, 100}}}, {"a", {{0, 0}, {0, -1}}}, {"d", {{0, 0}}}, {"bias", {{-100, 0}}}});
  // State = step * b * x, y = c . state: channel 0 has the step 1, channel 1 the step 2.
  EXPECT_THAT(evaluation.run({0}, {0}), ElementsAre(ElementsAre(near(10001), near(200 * 10001.0))));
}

TEST(Step, splitsCombineToTheWhole) {
  const std::string split = R"(
    lathe.append %k, %v, %positions, %slots layer 0 kv_heads 1 head_size 1 : tensor<?x1xf32>
    %p = lathe.attend %q, %positions, %slots layer 0 heads 2 kv_heads 1 head_size 1 scale 1.0 window 3 split 2
      : tensor<?x2xf32> -> tensor<?x?x6xf32>
    %y = lathe.combine %p, %positions heads 2 head_size 1 : tensor<?x?x6xf32> -> tensor<?x2xf32>)";
  Evaluation whole(function(attention(kWhole + "scale 1.0 window 3" + kTypes), 4, 2), {{"x", kRows}});
  Evaluation parts(function(attention(split), 4, 2), {{"x", kRows}});
  std::vector<int32_t> ids, positions;
  for (int i = 0; i < 11; ++i) {
    ids.push_back(i % 3);
    positions.push_back(i);
  }
  auto expected = whole.run(ids, positions), found = parts.run(ids, positions);
  ASSERT_EQ(found.size(), 11u) << parts.error;
  for (size_t r = 0; r < found.size(); ++r)
    EXPECT_THAT(found[r], ElementsAre(near(expected[r][0]), near(expected[r][1]))) << "row " << r;
}

TEST(Step, phasesPassTheirResultsOn) {
  const std::string body = R"(
    %a:2 = lathe.phase "two" (%in = %x : tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
      %twice = lathe.scale %in by 2.0 : tensor<?x2xf32>
      %last = lathe.slice %in offset 1 : tensor<?x2xf32> -> tensor<?x1xf32>
      lathe.yield %twice, %last : tensor<?x2xf32>, tensor<?x1xf32>
    }
    %y = lathe.phase "take" (%in = %a#0 : tensor<?x2xf32>, %which = %rows : tensor<?xi32>) -> tensor<?x2xf32> rows logits {
      %t = lathe.take_rows %in, %which : tensor<?x2xf32>
      lathe.yield %t : tensor<?x2xf32>
    })";
  Evaluation evaluation(function(body, 2, 2), {{"x", {{1, 2}, {3, 4}}}});
  std::vector<std::string> seen;
  evaluation.interpreter->observe([&](mlir::OpResult result, const lathe::reference::Matrix<double> &value) {
    if (auto phase = llvm::dyn_cast<lathe::ir::PhaseOp>(result.getOwner()))
      seen.push_back(llvm::formatv("{0}#{1} {2}x{3} {4}", phase.getName(), result.getResultNumber(), value.rows,
                                   value.columns, value.values.back())
                         .str());
  });
  EXPECT_THAT(evaluation.run({0, 1}, {}, {}, {1}), ElementsAre(ElementsAre(6, 8)));
  EXPECT_THAT(seen, ElementsAre("two#0 2x2 8.00", "two#1 2x1 4.00", "take#0 1x2 8.00"));
}

TEST(Step, namesWhatIsWrongWithItsInputs) {
  Evaluation evaluation(function("%y = lathe.scale %x by 1.0 : tensor<?x1xf32>", 1, 1), {{"x", {{1}}}});
  evaluation.run({0}, {0, 1});
  EXPECT_EQ(evaluation.error, "a step of 1 ids has 2 positions, 1 slots and 0 lengths; one each");
  auto missing = evaluation.interpreter->step("g", {});
  EXPECT_EQ(llvm::toString(missing.takeError()), "the module has no function @g");
  EXPECT_THAT(evaluation.run({}), ElementsAre()); // no rows are no mistake
  EXPECT_EQ(evaluation.error, "");
}

TEST(Step, checksWeightsAgainstTheirDeclaration) {
  Evaluation evaluation(function("%y = lathe.norm rms %x, @w eps 1.0 : tensor<?x2xf32>", 2, 2),
                        {{"x", {{1, 2}}}, {"w", {{1, 1}}}});
  evaluation.numbers["w"] = {{1, 1, 1}};
  evaluation.run({0});
  EXPECT_EQ(evaluation.error, "weight w is [1, 3]; the module declares [1, 2]");
  evaluation.numbers.erase("w");
  evaluation.run({0});
  EXPECT_EQ(evaluation.error, "no weight w");
}

} // namespace
