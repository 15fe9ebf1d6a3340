// Mixtures of experts on numbers small enough to check by hand.
#include "test/compiler/reference/Evaluate.h"
#include <cmath>
#include <gmock/gmock.h>

using namespace lathe;
using namespace lathe::test;
using testing::DoubleNear;
using testing::ElementsAre;

namespace {

auto near(double value) { return DoubleNear(value, 1e-6); } // logits are written as f32

/// Experts, then weights, that lathe.route with the attributes `how` gives one row of logits.
std::vector<double> routed(const std::string &how, const std::vector<float> &logits, int choices,
                           const std::vector<float> &bias = {0}) {
  const std::string rows = llvm::formatv("tensor<?x{0}xf32>", logits.size());
  Evaluation evaluation(function(llvm::formatv("%r = lathe.route {0} : {1} -> tensor<?x{2}x!lathe.route>\n"
                                               "%y = lathe.scale %x by 1.0 : {1}",
                                               how, rows, choices),
                                 logits.size(), logits.size()),
                        {{"x", {logits}}, {"bias", {bias}}});
  std::vector<double> result;
  evaluation.interpreter->observe([&](mlir::OpResult value, const reference::Matrix<double> &numbers) {
    if (llvm::isa<ir::RouteOp>(value.getOwner()))
      result = numbers.values;
  });
  evaluation.run({0});
  EXPECT_EQ(evaluation.error, "");
  return result;
}

float logOf(double x) { return float(std::log(x)); }

TEST(Experts, RoutesToTheHighestScores) {
  const std::vector<float> logits = {logOf(1), logOf(4), logOf(2), logOf(3)}; // softmax: tenths
  EXPECT_THAT(routed("softmax %x", logits, 2), ElementsAre(1, 3, near(0.4), near(0.3)));
  EXPECT_THAT(routed("softmax %x normalize", logits, 2), ElementsAre(1, 3, near(4 / 7.0), near(3 / 7.0)));
  EXPECT_THAT(routed("softmax %x scale 2.5", logits, 1), ElementsAre(1, near(1)));
  EXPECT_THAT(routed("sigmoid %x", logits, 2), ElementsAre(1, 3, near(0.8), near(0.75))); // x / (1 + x)
  EXPECT_THAT(routed("softmax %x", logits, 4), ElementsAre(0, 1, 2, 3, near(0.1), near(0.4), near(0.2), near(0.3)));
}

TEST(Experts, OfEqualScoresTheFirstIsChosen) {
  EXPECT_THAT(routed("softmax %x", {0, 1, 0, 1, 1}, 2)[0], 1);
  EXPECT_THAT(routed("softmax %x", {0, 1, 0, 1, 1}, 2)[1], 3);
  EXPECT_THAT(routed("sigmoid %x", {0, 0, 0}, 2), ElementsAre(0, 1, 0.5, 0.5));
}

TEST(Experts, ABiasChoosesAndDoesNotWeigh) {
  EXPECT_THAT(routed("sigmoid %x bias @bias", {0, logOf(3), logOf(9)}, 1, {0.5, 0.125, 0}), ElementsAre(0, 0.5));
  EXPECT_THAT(routed("sigmoid %x bias @bias normalize", {0, logOf(3), logOf(9)}, 2, {0.5, 0, -0.5}),
              ElementsAre(0, 1, near(0.4), near(0.6)));
}

TEST(Experts, GroupsAreComparedByTheirTwoBest) {
  // Best experts: 0 (0.9) alone in its group, 2 and 3 together (0.75 + 0.75).
  const std::vector<float> logits = {logOf(9), logOf(0.01), logOf(3), logOf(3), logOf(1), logOf(1)};
  EXPECT_THAT(routed("sigmoid %x groups 3 keep 1", logits, 2), ElementsAre(2, 3, near(0.75), near(0.75)));
  EXPECT_THAT(routed("sigmoid %x groups 3 keep 2", logits, 2), ElementsAre(2, 3, near(0.75), near(0.75)));
  EXPECT_THAT(routed("sigmoid %x groups 2 keep 1", logits, 2), ElementsAre(0, 2, near(0.9), near(0.75)));
}

TEST(Experts, EachRowMeetsItsExperts) {
  // Two experts of two rows: [1 0; 0 1] * 10 and [0 1; 1 0]; routes by the sign of x0.
  Evaluation evaluation(function(R"(
      %l = lathe.linear %x, [@router] : tensor<?x2xf32> -> tensor<?x2xf32>
      %r = lathe.route softmax %l normalize : tensor<?x2xf32> -> tensor<?x1x!lathe.route>
      %c = lathe.assign %r experts 2 : tensor<?x1x!lathe.route>
      %d = lathe.dispatch %x, %c : tensor<?x2xf32>
      %u = lathe.linear %d, [@w] bias [@b] of %c experts 2 : tensor<?x2xf32> -> tensor<?x2xf32>
      %y = lathe.collect %u, %c, %r : tensor<?x2xf32>, tensor<?x1x!lathe.route>)",
                                 2, 2),
                        {{"x", {{1, 2}, {-3, 4}, {5, 6}}},
                         {"router", {{1, 0}, {-1, 0}}},
                         {"w", {{10, 0}, {0, 10}, {0, 1}, {1, 0}}},
                         {"b", {{1, 2, 3, 4}}}});
  EXPECT_THAT(evaluation.run({0, 1, 2}), ElementsAre(ElementsAre(11, 22), ElementsAre(7, 1), ElementsAre(51, 62)));
}

TEST(Experts, CollectWeighsAllChoicesOfARow) {
  Evaluation evaluation(function(R"(
      %r = lathe.route sigmoid %x : tensor<?x2xf32> -> tensor<?x2x!lathe.route>
      %c = lathe.assign %r experts 2 : tensor<?x2x!lathe.route>
      %d = lathe.dispatch %x, %c : tensor<?x2xf32>
      %u = lathe.linear %d, [@w] of %c experts 2 : tensor<?x2xf32> -> tensor<?x1xf32>
      %y = lathe.collect %u, %c, %r : tensor<?x1xf32>, tensor<?x2x!lathe.route>)",
                                 2, 1),
                        {{"x", {{0, logOf(3)}}}, {"w", {{1, 0}, {2, 0}}}});
  EXPECT_THAT(evaluation.run({0}), ElementsAre(ElementsAre(0)));
  evaluation.numbers["w"] = {{0, 1}, {0, 2}};
  EXPECT_THAT(evaluation.run({0}), ElementsAre(ElementsAre(near((0.5 + 2 * 0.75) * std::log(3)))));
}

TEST(Experts, AGateHasOneNumberARow) {
  Evaluation evaluation(function(R"(
      %g = lathe.slice %x offset 1 : tensor<?x2xf32> -> tensor<?x1xf32>
      %y = lathe.gate %x by %g : tensor<?x2xf32>, tensor<?x1xf32>)",
                                 2, 2),
                        {{"x", {{8, 0}, {4, logOf(3)}}}});
  EXPECT_THAT(evaluation.run({0, 1}), ElementsAre(ElementsAre(4, 0), ElementsAre(near(3), near(0.75 * std::log(3)))));
}

TEST(Experts, PackedPartsAreThoseOfTheirSources) {
  const std::map<std::string, Rows> weights = {{"x", {{1, 2}, {-3, 4}}},   {"router", {{1, 0}, {-1, 0}}},
                                               {"gate", {{1, 0}, {0, 1}}}, {"up", {{10, 0}, {0, 10}}},
                                               {"gate.bias", {{1, 2}}},    {"up.bias", {{3, 4}}}};
  auto run = [&](const std::string &symbols, const std::string &linear) {
    Evaluation evaluation(symbols + function(R"(
      %l = lathe.linear %x, [@router] : tensor<?x2xf32> -> tensor<?x2xf32>
      %r = lathe.route softmax %l normalize : tensor<?x2xf32> -> tensor<?x1x!lathe.route>
      %c = lathe.assign %r experts 2 : tensor<?x1x!lathe.route>
      %d = lathe.dispatch %x, %c : tensor<?x2xf32>
      %u = )" + linear + R"( of %c experts 2 : tensor<?x2xf32> -> tensor<?x2xf32>
      %y = lathe.collect %u, %c, %r : tensor<?x2xf32>, tensor<?x1x!lathe.route>)",
                                             2, 2),
                          weights);
    return evaluation.run({0, 1});
  };
  const auto apart = run("", "lathe.linear %d, [@gate, @up] bias [@gate.bias, @up.bias]");
  EXPECT_THAT(apart, ElementsAre(ElementsAre(2, 13), ElementsAre(6, 44)));
  EXPECT_EQ(run("lathe.packed @p \"f32\" interleave experts 2 [@gate, @up]\n"
                "lathe.packed @b \"f32\" interleave experts 2 [@gate.bias, @up.bias]\n",
                "lathe.linear %d, [@p] bias [@b]"),
            apart);
}

TEST(Experts, AnotherMayDecide) {
  Evaluation evaluation(function("%r = lathe.route sigmoid %x : tensor<?x3xf32> -> tensor<?x1x!lathe.route>\n"
                                 "%y = lathe.scale %x by 1.0 : tensor<?x3xf32>",
                                 3, 3),
                        {{"x", {{0, 2, 1}}}});
  std::vector<double> result;
  evaluation.interpreter->decide(
      [](ir::RouteOp, int64_t row, const std::vector<double> &wanted, std::vector<int64_t> chosen) {
        EXPECT_EQ(row, 0);
        EXPECT_THAT(chosen, ElementsAre(1));
        EXPECT_EQ(wanted.size(), 3u);
        return std::vector<int64_t>{0};
      });
  evaluation.interpreter->observe([&](mlir::OpResult value, const reference::Matrix<double> &numbers) {
    if (llvm::isa<ir::RouteOp>(value.getOwner()))
      result = numbers.values;
  });
  evaluation.run({0});
  EXPECT_THAT(result, ElementsAre(0, 0.5));
}

} // namespace
