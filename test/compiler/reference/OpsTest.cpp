// Every op on numbers small enough to check by hand.
#include "test/compiler/reference/Evaluate.h"
#include <cmath>
#include <gmock/gmock.h>

using namespace lathe::test;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

constexpr double kTiny = 1e-12, kFloat = 1e-6; // kFloat: constants of the text are f32 in weights

auto near(double value, double tolerance = kTiny) { return DoubleNear(value, tolerance); }

std::vector<std::vector<double>> one(const std::string &body, const Rows &x, int64_t resultWidth,
                                     std::map<std::string, Rows> weights = {}, const std::string &symbols = "") {
  weights["x"] = x;
  Evaluation evaluation(symbols + function(body, x[0].size(), resultWidth), weights);
  std::vector<int32_t> ids(x.size());
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = int32_t(i);
  auto result = evaluation.run(ids);
  EXPECT_EQ(evaluation.error, "");
  return result;
}

TEST(Ops, embedScalesRows) {
  Evaluation evaluation(R"(
    func.func @f(%ids: tensor<?xi32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %r: tensor<?xi32>) -> tensor<?x2xf32> {
      %y = lathe.embed %ids, @x scale 3.0 : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })",
                        {{"x", {{1, 2}, {3, 4}}}});
  EXPECT_THAT(evaluation.run({1, 0, 1}), ElementsAre(ElementsAre(9, 12), ElementsAre(3, 6), ElementsAre(9, 12)));
}

TEST(Ops, embedFromPackedCountsThroughItsSources) {
  Evaluation evaluation(R"(
    lathe.packed @both "f32" [@a, @b]
    func.func @f(%ids: tensor<?xi32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %r: tensor<?xi32>) -> tensor<?x2xf32> {
      %y = lathe.embed %ids, @both : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })",
                        {{"a", {{1, 2}, {3, 4}}}, {"b", {{5, 6}}}});
  EXPECT_THAT(evaluation.run({2, 1}), ElementsAre(ElementsAre(5, 6), ElementsAre(3, 4)));
  evaluation.run({3});
  EXPECT_EQ(evaluation.error, "ids[0] = 3 is not a row of both");
  evaluation.run({0, -1});
  EXPECT_EQ(evaluation.error, "ids[1] = -1 is not a row of both");
}

TEST(Ops, embedOfPositionsFromAnOffset) {
  Evaluation evaluation(R"(
    func.func @f(%ids: tensor<?xi32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %r: tensor<?xi32>) -> tensor<?x2xf32> {
      %y = lathe.embed %p, @x scale 2.0 offset 2 : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })",
                        {{"x", {{0, 0}, {0, 0}, {1, 2}, {3, 4}}}});
  EXPECT_THAT(evaluation.run({0, 0}, {1, 0}), ElementsAre(ElementsAre(6, 8), ElementsAre(2, 4)));
  evaluation.run({0}, {2});
  EXPECT_EQ(evaluation.error, "ids[0] = 2 is not a row of x");
}

TEST(Ops, takeRows) {
  Evaluation evaluation(function("%y = lathe.take_rows %x, %rows : tensor<?x2xf32>", 2, 2), {{"x", {{1, 2}, {3, 4}}}});
  EXPECT_THAT(evaluation.run({0, 1}, {}, {}, {1, 1, 0}),
              ElementsAre(ElementsAre(3, 4), ElementsAre(3, 4), ElementsAre(1, 2)));
  EXPECT_THAT(evaluation.run({0, 1}, {}, {}, {}), ElementsAre());
  evaluation.run({0, 1}, {}, {}, {0, 2});
  EXPECT_EQ(evaluation.error, "logit_rows[1] = 2; the step has 2 rows");
}

TEST(Ops, rmsNorm) { // mean square of {3, 5, -1, 1} is 9, with eps 16: root 5
  auto y = one("%y = lathe.norm rms %x, @w eps 16.0 : tensor<?x4xf32>", {{3, 5, -1, 1}}, 4, {{"w", {{1, 2, 5, 0}}}});
  EXPECT_THAT(y, ElementsAre(ElementsAre(near(0.6), near(2), near(-1), near(0))));
}

TEST(Ops, rmsNormWithOffsetFromOne) {
  auto y = one("%y = lathe.norm rms %x, @w eps 16.0 unit_offset : tensor<?x4xf32>", {{3, 5, -1, 1}}, 4,
               {{"w", {{0, 1, 4, -1}}}});
  EXPECT_THAT(y, ElementsAre(ElementsAre(near(0.6), near(2), near(-1), near(0))));
}

TEST(Ops, layerNorm) { // mean 2, variance 5 (deviations 1, 3, -3, -1), eps 4: root 3
  auto y = one("%y = lathe.norm layer %x, @w bias @b eps 4.0 : tensor<?x4xf32>", {{3, 5, -1, 1}}, 4,
               {{"w", {{3, 1, 1, 6}}}, {"b", {{10, 20, 30, 40}}}});
  EXPECT_THAT(y, ElementsAre(ElementsAre(near(11), near(21), near(29), near(38))));
}

TEST(Ops, normOfGroups) { // mean squares 9 and 0; with eps 16, roots 5 and 4
  auto y = one("%y = lathe.norm rms %x, @w eps 16.0 group 2 : tensor<?x4xf32>", {{3, -3, 0, 0}, {0, 0, -3, 3}}, 4,
               {{"w", {{5, 10}}}});
  EXPECT_THAT(y, ElementsAre(ElementsAre(near(3), near(-6), 0, 0), ElementsAre(0, 0, near(-3), near(6))));
}

TEST(Ops, normWithoutWeight) { // mean 2, variance 5, eps 4: root 3
  auto y = one("%y = lathe.norm layer %x eps 4.0 : tensor<?x4xf32>", {{3, 5, -1, 1}}, 4);
  EXPECT_THAT(y, ElementsAre(ElementsAre(near(1 / 3.0), near(1), near(-1), near(-1 / 3.0))));
}

TEST(Ops, linearStacksWeightsAndAddsBiases) {
  auto y = one("%y = lathe.linear %x, [@a, @b] bias [@ab, @bb] : tensor<?x2xf32> -> tensor<?x3xf32>", {{1, 2}, {-1, 0}},
               3, {{"a", {{1, 1}, {2, 0}}}, {"b", {{0, 3}}}, {"ab", {{10, 20}}}, {"bb", {{30}}}});
  EXPECT_THAT(y, ElementsAre(ElementsAre(13, 22, 36), ElementsAre(9, 18, 30)));
}

TEST(Ops, linearOfPackedIsThatOfItsSourcesInOrder) {
  const std::map<std::string, Rows> weights = {
      {"a", {{1, 1}, {2, 0}}}, {"b", {{0, 3}, {1, 0}}}, {"ab", {{10, 20}}}, {"bb", {{30, 40}}}};
  for (const char *layout : {"", "interleave "}) { // where rows lie in memory is not what they mean
    auto y = one("%y = lathe.linear %x, [@m] bias [@v] : tensor<?x2xf32> -> tensor<?x4xf32>", {{1, 2}}, 4, weights,
                 std::string("lathe.packed @m \"f32\" ") + layout + "[@a, @b]\nlathe.packed @v \"f32\" " + layout +
                     "[@ab, @bb]\n");
    EXPECT_THAT(y, ElementsAre(ElementsAre(13, 22, 36, 41))) << layout;
  }
}

TEST(Ops, ropeHalfSplit) { // pair (0, 2) by 2 * 0.5 radians, pair (1, 3) by 2 * 0.25; components 4, 5 stay; two heads
  Evaluation evaluation(
      "lathe.rotation @r [0.5, 0.25]\n" +
          function("%y = lathe.rope half_split %x, %positions, @r head_size 6 : tensor<?x12xf32>", 12, 12),
      {{"x", {{1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 0, 7}}}});
  const double c = std::cos(1.0), s = std::sin(1.0), d = std::cos(0.5), t = std::sin(0.5);
  EXPECT_THAT(evaluation.run({0}, {2}),
              ElementsAre(ElementsAre(near(c - 3 * s), near(2 * d - 4 * t), near(s + 3 * c), near(2 * t + 4 * d), 5, 6,
                                      near(c), 0, near(s), 0, 0, 7)));
}

TEST(Ops, ropeInterleavedWithMagnitude) {
  Evaluation evaluation(
      "lathe.rotation @r [0.5, 0.25] magnitude 2.0\n" +
          function("%y = lathe.rope interleaved %x, %positions, @r head_size 4 : tensor<?x4xf32>", 4, 4),
      {{"x", {{1, 2, 3, 4}}}});
  const double c = std::cos(1.0), s = std::sin(1.0), d = std::cos(0.5), t = std::sin(0.5);
  EXPECT_THAT(evaluation.run({0, 0}, {2, 0}),
              ElementsAre(ElementsAre(near(2 * (c - 2 * s)), near(2 * (s + 2 * c)), near(2 * (3 * d - 4 * t)),
                                      near(2 * (3 * t + 4 * d))),
                          ElementsAre(2, 4, 6, 8)));
}

TEST(Ops, ropeByTheSequencesLength) {
  auto rope = [](const std::string &rotation) {
    return "lathe.rotation @r " + rotation + R"(
    func.func @f(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>,
                 %lengths: tensor<?xi32>) -> tensor<?x4xf32> {
      %x = lathe.embed %ids, @x : tensor<?x4xf32>
      %y = lathe.rope interleaved %x, %positions lengths %lengths, @r head_size 4 : tensor<?x4xf32>
      return %y : tensor<?x4xf32>
    })";
  };
  auto turned = [](double first, double second, double magnitude) {
    return ElementsAre(near(magnitude * std::cos(first)), near(magnitude * std::sin(first)),
                       near(magnitude * std::cos(second)), near(magnitude * std::sin(second)));
  };
  // Sequence 0 ends at position 3: length 4. Sequence 1 has 9 tokens.
  const std::vector<int32_t> ids = {0, 0, 0}, positions = {2, 3, 8}, slots = {0, 0, 1};
  const std::map<std::string, Rows> ones = {{"x", {{1, 0, 1, 0}}}};
  Evaluation longrope(rope("[0.5, 0.25] magnitude 2.0 limit 4 beyond [0.1, 0.05] long_magnitude 3.0"), ones);
  EXPECT_THAT(longrope.run(ids, positions, slots),
              ElementsAre(turned(1, 0.5, 2), turned(1.5, 0.75, 2), turned(0.8, 0.4, 3)));
  // 1 + 4 * (9 - 4) / 4 = 6, to the power of -i / (2 - 1)
  Evaluation dynamic(rope("[0.5, 0.25] limit 4 growth 4.0"), ones);
  EXPECT_THAT(dynamic.run(ids, positions, slots),
              ElementsAre(turned(1, 0.5, 1), turned(1.5, 0.75, 1), turned(4, 2.0 / 6, 1)));
}

// Two keys (1, 0) and (0, 1), values 10 and 20 in their first component, the second zero; query (2, 4).
std::vector<double> attended(const std::string &attributes, const Rows &numbers = {{0, 0}}) {
  Evaluation evaluation(
      function("%q = lathe.embed %ids, @q : tensor<?x2xf32>\n%v = lathe.embed %ids, @v : tensor<?x2xf32>\n"
               "%y = lathe.attention %q, %x, %v, %positions, %slots layer 0 heads 1 kv_heads 1 head_size 2 scale 0.5 " +
                   attributes + " : tensor<?x2xf32>, tensor<?x2xf32>",
               2, 2),
      {{"x", {{1, 0}, {0, 1}}}, {"q", {{2, 4}, {2, 4}}}, {"v", {{10, 0}, {20, 0}}}, {"n", {{numbers[0][0]}}}});
  return evaluation.run({0, 1}, {0, 1}).at(1);
}
/// What scores a, b and a sink of weight `sink` give.
double mixed(double a, double b, double sink = 0) {
  return (10 * std::exp(a) + 20 * std::exp(b)) / (std::exp(a) + std::exp(b) + sink);
}

TEST(Ops, attentionMayHaveSinksAndScales) {
  EXPECT_THAT(attended(""), ElementsAre(near(mixed(1, 2)), 0));
  EXPECT_THAT(attended("sinks @n", {{1.5}}), ElementsAre(near(mixed(1, 2, std::exp(1.5))), 0));
  EXPECT_THAT(attended("sinks @n", {{300}}), ElementsAre(near(0), 0)); // it takes all
  EXPECT_THAT(attended("scales @n", {{-0.5}}), ElementsAre(near(mixed(-0.5, -1)), 0));
  EXPECT_THAT(attended("softcap 3.0 scales @n", {{2}}),
              ElementsAre(near(mixed(3 * std::tanh(2.0 / 3), 3 * std::tanh(4.0 / 3))), 0));
  const double hot = 1 + 0.25 * std::log(3); // position 1: (1 + 1) / 1 = 2
  EXPECT_THAT(attended("temperature 0.25 every 1"), ElementsAre(near(mixed(hot, 2 * hot)), 0));
  EXPECT_THAT(attended("temperature 0.25 every 3"), ElementsAre(near(mixed(1, 2)), 0));
}

TEST(Ops, aCacheOfHalvesRoundsOnlyWhenAsked) {
  auto attend = [](float key, float value, lathe::reference::Options options) {
    Evaluation evaluation(
        function(
            "%q = lathe.embed %ids, @q : tensor<?x1xf32>\n%v = lathe.embed %ids, @v : tensor<?x1xf32>\n"
            "%y = lathe.attention %q, %x, %v, %positions, %slots layer 3 heads 1 kv_heads 1 head_size 1 scale 1.0 : "
            "tensor<?x1xf32>, tensor<?x1xf32>",
            1, 1),
        {{"x", {{key}}}, {"q", {{1}}}, {"v", {{value}}}}, options);
    auto rows = evaluation.run({0});
    return std::pair(rows.empty() || rows[0].empty() ? 0 : rows[0][0], evaluation.error);
  };
  EXPECT_THAT(attend(1, 0.1f, {}).first, near(0.1, kFloat));
  EXPECT_EQ(attend(1, 0.1f, {.cache = lathe::CacheFormat::F16}).first, 0.0999755859375); // 1638 / 16384
  EXPECT_EQ(attend(1, 65519, {.cache = lathe::CacheFormat::F16}).first, 65504);
  EXPECT_EQ(attend(1, 65520, {}).first, 65520);
  EXPECT_THAT(attend(1, 65520, {.cache = lathe::CacheFormat::F16}).second,
              HasSubstr("a value is 6.55e+04, which an f16 cache cannot hold; --kv f32 would be right"));
  EXPECT_THAT(attend(-7e4f, 1, {.cache = lathe::CacheFormat::F16}).second, HasSubstr("a key is -7.00e+04"));
}

TEST(Ops, aCacheOfBytesHasAScaleForEachHead) {
  auto attend = [](const std::vector<float> &key, const std::vector<float> &value) {
    Evaluation evaluation(
        function(
            "%q = lathe.embed %ids, @q : tensor<?x4xf32>\n%v = lathe.embed %ids, @v : tensor<?x4xf32>\n"
            "%y = lathe.attention %q, %x, %v, %positions, %slots layer 3 heads 2 kv_heads 2 head_size 2 scale 1.0 : "
            "tensor<?x4xf32>, tensor<?x4xf32>",
            4, 4),
        {{"x", {key}}, {"q", {{0, 0, 0, 0}}}, {"v", {value}}}, {.cache = lathe::CacheFormat::Q8});
    auto rows = evaluation.run({0});
    return std::pair(rows.empty() ? std::vector<double>() : rows[0], evaluation.error);
  };
  EXPECT_THAT(attend({1, 1, 1, 1}, {127, 0.75f, 1270, 14}).first, ElementsAre(127, 1, 1270, 10));
  EXPECT_THAT(attend({1, 1, 1, 1}, {0, 0, 1e-38f, 0}).first, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(attend({1, 1, 1, 1}, {1e38f, 0, 0, 0}).second, "");
  EXPECT_THAT(attend({1, 1, 2e38f, -2e38f}, {0, 0, 0, 0}).second,
              HasSubstr("a key is 2.00e+38, which a q8 cache cannot hold; --kv f32 would be right"));
}

// A key's numbers: H [5, 3] = [8, 2], of which 8 / 127 is the step.
TEST(Ops, keysOfBytesAreSpread) {
  const auto bytes = lathe::reference::bytesOf<double>({5, 3}, 2);
  ASSERT_TRUE(bytes);
  EXPECT_THAT(bytes->numbers, ElementsAre(near(127), near(31.75)));
  EXPECT_THAT(bytes->scale, near(8.0 / 254));
}

TEST(Ops, activations) {
  const Rows x = {{-2, 0, 1}};
  auto of = [&](const std::string &kind) {
    return one("%y = lathe.activation " + kind + " %x : tensor<?x3xf32>", x, 3)[0];
  };
  EXPECT_THAT(of("silu"), ElementsAre(near(-2 / (1 + std::exp(2.0))), 0, near(1 / (1 + std::exp(-1.0)))));
  EXPECT_THAT(of("gelu_erf"), ElementsAre(near(-0.0455002638963584), 0, near(0.841344746068543))); // x * Phi(x)
  EXPECT_THAT(of("gelu_tanh"), ElementsAre(near(-0.0454023059, 1e-9), 0, near(0.8411919906, 1e-9)));
  EXPECT_THAT(of("relu"), ElementsAre(0, 0, 1));
  EXPECT_THAT(one("%y = lathe.activation relu_squared %x : tensor<?x3xf32>", {{-3, 0, 3}}, 3)[0], ElementsAre(0, 0, 9));
}

TEST(Ops, activationsHaveASlope) {
  const float x = 0.75f, slope = 1.702f;
  EXPECT_THAT(one("%y = lathe.activation silu %x slope 1.702 : tensor<?x1xf32>", {{x}}, 1)[0],
              ElementsAre(near(x / (1 + std::exp(-slope * x)), kFloat)));
}

TEST(Ops, xieluHasANumberForEachSide) {
  EXPECT_THAT(one("%y = lathe.activation xielu %x positive @p negative @n : tensor<?x2xf32>", {{-2, 3}}, 2,
                  {{"p", {{0.5}}}, {"n", {{0.25}}}})[0],
              ElementsAre(near(0.75 * (std::exp(-2) + 1) - 1), near(6)));
}

TEST(Ops, gluClampsBothAndAddsToUp) {
  const std::string unit = R"(%g = lathe.slice %x offset 0 : tensor<?x4xf32> -> tensor<?x2xf32>
                  %u = lathe.slice %x offset 2 : tensor<?x4xf32> -> tensor<?x2xf32>
                  %y = lathe.glu relu %g, %u )";
  const Rows x = {{9, -9, 9, -9}, {2, 3, 1, -1}};
  EXPECT_THAT(one(unit + "clamp 7.0 offset 1.0 : tensor<?x2xf32>", x, 2),
              ElementsAre(ElementsAre(56, 0), ElementsAre(4, 0)));
  EXPECT_THAT(one(unit + "slope 0.5 : tensor<?x2xf32>", x, 2), ElementsAre(ElementsAre(81, 0), ElementsAre(2, -3)));
}

TEST(Ops, gluMultipliesTheActivatedGate) {
  auto y = one(R"(%g = lathe.slice %x offset 0 : tensor<?x4xf32> -> tensor<?x2xf32>
                  %u = lathe.slice %x offset 2 : tensor<?x4xf32> -> tensor<?x2xf32>
                  %y = lathe.glu relu %g, %u : tensor<?x2xf32>)",
               {{2, -1, 3, 5}}, 2);
  EXPECT_THAT(y, ElementsAre(ElementsAre(6, 0)));
}

TEST(Ops, addScaleSoftcap) {
  EXPECT_THAT(one("%y = lathe.add %x, %x scale 0.5 : tensor<?x2xf32>", {{2, 4}}, 2), ElementsAre(ElementsAre(3, 6)));
  EXPECT_THAT(one("%y = lathe.scale %x by -3.0 : tensor<?x2xf32>", {{2, 4}}, 2), ElementsAre(ElementsAre(-6, -12)));
  EXPECT_THAT(one("%y = lathe.scale %x by -3.0, @w : tensor<?x2xf32>", {{2, 4}, {1, 1}}, 2, {{"w", {{0.5}}}}),
              ElementsAre(ElementsAre(-3, -6), ElementsAre(-1.5, -1.5)));
  EXPECT_THAT(one("%y = lathe.scale %x by 1.0, @w : tensor<?x2xf32>", {{2, 4}, {1, 1}}, 2, {{"w", {{0.5, 2}}}}),
              ElementsAre(ElementsAre(1, 8), ElementsAre(0.5, 2)));
  EXPECT_THAT(one("%y = lathe.softcap %x cap 2.0 : tensor<?x2xf32>", {{2, -1e6}}, 2),
              ElementsAre(ElementsAre(near(2 * std::tanh(1.0)), near(-2))));
  EXPECT_THAT(one("%y = lathe.clip %x limit 2.0 : tensor<?x3xf32>", {{2.5, -1, -3}}, 3),
              ElementsAre(ElementsAre(2, -1, -2)));
}

TEST(Ops, quantizeRoundsOnlyWhenAsked) {
  Rows x(1, std::vector<float>(64));
  x[0][0] = 32512; // scale 1
  x[0][1] = 2.4f;
  x[0][2] = -2.6f;
  x[0][31] = 0.5f; // to even
  const std::string body = "%q = lathe.quantize %x : tensor<?x64xf32> -> tensor<?x64x!lathe.q16>\n"
                           "%y = lathe.linear %q, [@w] : tensor<?x64x!lathe.q16> -> tensor<?x4xf32>";
  Rows select(4, std::vector<float>(64));
  select[0][1] = select[1][2] = select[2][31] = 1;
  select[3][40] = 1; // a group of zeros
  for (bool quantized : {false, true}) {
    Evaluation evaluation(function(body, 64, 4), {{"x", x}, {"w", select}}, {.quantized = quantized});
    if (quantized)
      EXPECT_THAT(evaluation.run({0}), ElementsAre(ElementsAre(near(2), near(-3), near(0), 0)));
    else
      EXPECT_THAT(evaluation.run({0}), ElementsAre(ElementsAre(near(2.4, kFloat), near(-2.6, kFloat), near(0.5), 0)));
  }
}

} // namespace
