#include "runtime/sample/Sampler.h"
#include "runtime/sample/Exponential.h"
#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <random>
#include <set>

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// How often each token is drawn in `draws` draws.
std::vector<int> histogram(const SamplerOptions &options, const std::vector<float> &logits, int draws = 20000,
                           const std::vector<int32_t> &history = {}) {
  Sampler sampler = Sampler::create(options).take();
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    ++counts[size_t(*sampler.sample(logits, history))];
  return counts;
}

/// The tokens that can be drawn.
std::set<int> support(const SamplerOptions &options, const std::vector<float> &logits) {
  std::set<int> ids;
  const std::vector<int> counts = histogram(options, logits);
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i])
      ids.insert(int(i));
  return ids;
}

std::vector<float> logarithms(std::vector<double> probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(float(std::log(p)));
  return logits;
}

TEST(Greedy, TakesTheFirstOfTheLargest) {
  EXPECT_EQ(*greedy(std::vector<float>{1, 5, 3, 5}), 1);
  EXPECT_EQ(*greedy(std::vector<float>{-3, -kInfinity, -2}), 2);
  EXPECT_EQ(*greedy(std::vector<float>{-0.0f, 0.0f}), 0);
}

TEST(Greedy, RefusesWhatIsNoNumber) {
  EXPECT_THAT(greedy(std::vector<float>{1, kNaN}).message(), HasSubstr("logit of token 1 is not a number"));
  EXPECT_THAT(greedy(std::vector<float>{kNaN, 1}).message(), HasSubstr("logit of token 0"));
  EXPECT_THAT(greedy(std::vector<float>{0, kInfinity}).message(), HasSubstr("logit of token 1 is infinite"));
  EXPECT_THAT(greedy(std::vector<float>{-kInfinity}).message(), HasSubstr("every logit is -infinity"));
  EXPECT_THAT(greedy({}).message(), HasSubstr("no logits"));
  Sampler sampler = Sampler::create({.temperature = 1}).take();
  EXPECT_THAT(sampler.sample(std::vector<float>{1, kNaN}, {}).message(), HasSubstr("not a number"));
}

TEST(Sampler, DrawsByProbability) {
  const std::vector<double> p{0.5, 0.3, 0.15, 0.05};
  const std::vector<int> counts = histogram({.temperature = 1, .seed = 3}, logarithms(p), 40000);
  double chiSquared = 0;
  for (size_t i = 0; i < p.size(); ++i)
    chiSquared += std::pow(counts[i] - 40000 * p[i], 2) / (40000 * p[i]);
  EXPECT_LT(chiSquared, 16.27) << "3 degrees of freedom, one in a thousand";
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  const std::vector<float> logits = logarithms({0.8, 0.2}); // at temperature 1/2: 16 to 1; at 2: 2 to 1
  EXPECT_NEAR(histogram({.temperature = 0.5f}, logits, 34000)[1], 2000, 200);
  EXPECT_NEAR(histogram({.temperature = 2}, logits, 30000)[1], 10000, 400);
  EXPECT_EQ(histogram({.temperature = 1e-30f}, logits, 100)[0], 100);
}

TEST(Sampler, TopKKeepsTheKLargest) {
  const std::vector<float> logits = logarithms({0.1, 0.3, 0.2, 0.3, 0.1});
  EXPECT_EQ(support({.temperature = 1, .topK = 2}, logits), (std::set<int>{1, 3}));
  EXPECT_EQ(support({.temperature = 1, .topK = 1}, logits), (std::set<int>{1})); // the first of equals
  EXPECT_EQ(support({.temperature = 1, .topK = 4}, logits), (std::set<int>{0, 1, 2, 3}));
  EXPECT_EQ(support({.temperature = 1, .topK = 100}, logits).size(), 5u);
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesP) {
  const std::vector<float> logits = logarithms({0.05, 0.5, 0.25, 0.2});
  EXPECT_EQ(support({.temperature = 1, .topP = 0.45f}, logits), (std::set<int>{1}));
  EXPECT_EQ(support({.temperature = 1, .topP = 0.7f}, logits), (std::set<int>{1, 2}));
  EXPECT_EQ(support({.temperature = 1, .topP = 0.8f}, logits), (std::set<int>{1, 2, 3}));
  EXPECT_EQ(support({.temperature = 1, .topP = 1e-9f}, logits), (std::set<int>{1}));
}

TEST(Sampler, MinPKeepsWhatIsNearTheLargest) {
  const std::vector<float> logits = logarithms({0.05, 0.5, 0.25, 0.2});
  EXPECT_EQ(support({.temperature = 1, .minP = 0.45f}, logits), (std::set<int>{1, 2}));
  EXPECT_EQ(support({.temperature = 1, .minP = 0.999f}, logits), (std::set<int>{1}));
  // Top-p counts from all tokens, also those that min-p takes away.
  EXPECT_EQ(support({.temperature = 1, .topP = 0.7f, .minP = 0.3f}, logits), (std::set<int>{1, 2}));
}

TEST(Sampler, NeverDrawsTheImpossible) {
  EXPECT_EQ(support({.temperature = 100}, {0, -kInfinity, 0}), (std::set<int>{0, 2}));
  EXPECT_EQ(support({.temperature = 1e30f, .topK = 2}, {-kInfinity, 0, -kInfinity}), (std::set<int>{1}));
}

TEST(Sampler, RepetitionPenaltyCountsATokenOnce) {
  const std::vector<float> logits{4, 3, -1};
  Sampler sampler = Sampler::create({.repetitionPenalty = 1.5f}).take();
  EXPECT_EQ(*sampler.sample(logits, {}), 0);
  EXPECT_EQ(*sampler.sample(logits, std::vector<int32_t>{0}), 1);       // 4 / 1.5 < 3
  EXPECT_EQ(*sampler.sample(logits, std::vector<int32_t>{0, 1, 1}), 0); // 2.67, 2: once each
  Sampler strong = Sampler::create({.repetitionPenalty = 2}).take();
  EXPECT_EQ(*strong.sample(std::vector<float>{-1, -1.5f}, std::vector<int32_t>{0}), 1); // negative: times 2
  Sampler brief = Sampler::create({.repetitionPenalty = 1.5f, .repetitionWindow = 1}).take();
  EXPECT_EQ(*brief.sample(logits, std::vector<int32_t>{0, 2}), 0);   // 0 is past the window
  EXPECT_EQ(*brief.sample(logits, std::vector<int32_t>{99, -1}), 0); // ids outside the logits do nothing
}

TEST(Sampler, EqualSeedsDrawEqually) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float((i * 7919) % 1000) * 0.005f;
  for (const SamplerOptions &options : {SamplerOptions{.temperature = 1, .seed = 1},
                                        {.temperature = 1, .topK = 50, .seed = 1},
                                        {.temperature = 1, .topP = 0.5f, .seed = 1},
                                        {.temperature = 1, .minP = 0.1f, .seed = 1}}) {
    Sampler a = Sampler::create(options).take(), b = Sampler::create(options).take();
    SamplerOptions other = options;
    other.seed = 2;
    Sampler c = Sampler::create(other).take();
    int differ = 0;
    for (int i = 0; i < 100; ++i) {
      const int32_t id = *a.sample(logits, {});
      EXPECT_EQ(id, *b.sample(logits, {}));
      differ += id != *c.sample(logits, {});
    }
    EXPECT_GT(differ, 50);
  }
}

/// What a device would say of the logits.
struct Known {
  std::vector<TokenLogit> tokens;
  double weightSum = 0;
  static constexpr size_t kPart = 16;
  std::vector<double> parts;
  Sampler::FetchLogits fetch;
  Known(const std::vector<float> &logits, size_t count, double temperature) {
    for (size_t i = 0; i < logits.size(); ++i)
      tokens.push_back({logits[i], int32_t(i)});
    std::ranges::sort(tokens, [](const TokenLogit &a, const TokenLogit &b) { return a.before(b); });
    parts.resize((logits.size() + kPart - 1) / kPart);
    for (const TokenLogit &token : tokens)
      parts[size_t(token.id) / kPart] += std::exp((double(token.logit) - double(tokens[0].logit)) / temperature);
    for (double part : parts)
      weightSum += part;
    fetch = [&logits](size_t first, size_t count) { return std::span(logits).subspan(first, count); };
    tokens.resize(std::min(count, tokens.size()));
  }
  LargestLogits logits() const { return {tokens, weightSum, parts, kPart}; }
};

// Any settings, any number of the largest: the same token, or none and the random numbers as before.
TEST(Sampler, LargestLogitsTellTheSameTokenOrNone) {
  std::mt19937 random(11);
  const auto oneOf = [&](auto... choices) {
    const std::common_type_t<decltype(choices)...> all[] = {choices...};
    return all[random() % std::size(all)];
  };
  size_t told = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<float> logits(oneOf(size_t(1), size_t(5), size_t(60), size_t(300)));
    std::normal_distribution<float> normal(0, oneOf(0.5f, 3.f, 8.f));
    const float step = oneOf(0.f, 0.25f, 2.f);
    for (float &logit : logits) {
      logit = normal(random);
      if (step > 0)
        logit = std::round(logit / step) * step;
      if (random() % 50 == 0)
        logit = -kInfinity;
    }
    const SamplerOptions options = {.temperature = oneOf(0.f, 0.5f, 1.f, 3.f),
                                    .topK = oneOf(0u, 0u, 1u, 7u, 40u),
                                    .topP = oneOf(1.f, 1.f, 0.9f, 0.3f),
                                    .minP = oneOf(0.f, 0.f, 0.05f, 0.5f),
                                    .repetitionPenalty = oneOf(1.f, 1.f, 1.1f, 2.f, 0.7f),
                                    .repetitionWindow = 8,
                                    .seed = uint64_t(round)};
    std::vector<int32_t> history;
    for (int i = 0; i < 12; ++i)
      history.push_back(int32_t(random() % logits.size()));
    Sampler ofAll = Sampler::create(options).take(), ofLargest = Sampler::create(options).take();
    for (int draw = 0; draw < 3; ++draw) {
      const Result<int32_t> expected = ofAll.sample(logits, history);
      const Known known(logits, 1 + random() % 64, options.temperature > 0 ? options.temperature : 1);
      const std::optional<int32_t> id =
          ofLargest.sampleLargest(known.logits(), logits.size(), history, known.fetch);
      told += id.has_value();
      if (id) {
        ASSERT_TRUE(expected) << round;
      }
      const Result<int32_t> given = id ? Result<int32_t>(*id) : ofLargest.sample(logits, history);
      ASSERT_EQ(bool(given), bool(expected)) << round;
      if (given) {
        ASSERT_EQ(*given, *expected) << round << ": temperature " << options.temperature << ", top-k " << options.topK
                                     << ", top-p " << options.topP << ", min-p " << options.minP;
      }
    }
  }
  EXPECT_GT(told, 5000u);
}

TEST(Sampler, AsksForAsManyOfTheLargestAsTell) {
  const auto wanted = [](const SamplerOptions &options) { return Sampler::create(options).take().largestWanted(); };
  EXPECT_EQ(wanted({}).count, 1u);
  EXPECT_EQ(wanted({.repetitionPenalty = 1.2f, .repetitionWindow = 20}).count, 21u);
  EXPECT_EQ(wanted({.repetitionPenalty = 0.9f}).count, 0u);
  EXPECT_EQ(wanted({.temperature = 1, .topK = 40, .topP = 0.9f}).count, 40u);
  EXPECT_EQ(wanted({.temperature = 1, .topK = 40, .topP = 0.9f}).temperature, 0);
  EXPECT_EQ(wanted({.temperature = 0.5f, .topP = 0.9f}).count, 64u);
  EXPECT_EQ(wanted({.temperature = 0.5f, .topP = 0.9f}).temperature, 0.5f);
  EXPECT_EQ(wanted({.temperature = 1, .minP = 0.1f}).count, 64u);
  EXPECT_EQ(wanted({.temperature = 2}).count, 1u); // any token may be drawn
  EXPECT_EQ(wanted({.temperature = 2}).temperature, 2);
  EXPECT_EQ(wanted({.temperature = 2, .repetitionPenalty = 1.1f}).count, 0u);
}

TEST(Sampler, LargestLogitsThatAreNotFiniteAreLeftToThoseOfAll) {
  Sampler sampler = Sampler::create({}).take();
  for (float first : {kNaN, kInfinity, -kInfinity}) {
    const TokenLogit token{first, 3};
    EXPECT_FALSE(sampler.sampleLargest({.tokens = {&token, 1}}, 100, {}, {}));
  }
  EXPECT_FALSE(sampler.sampleLargest({}, 100, {}, {}));
}

// Where a draw is at the border of two tokens, or their part is not to be had, all logits decide, by the same number.
TEST(Sampler, DrawsOfAWholeRowTakeTheirNumberOnce) {
  std::vector<float> logits(100);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float(i % 7);
  Sampler ofAll = Sampler::create({.temperature = 1, .seed = 4}).take();
  Sampler ofParts = Sampler::create({.temperature = 1, .seed = 4}).take();
  const Known known(logits, 1, 1);
  const Sampler::FetchLogits none = [](size_t, size_t) { return std::span<const float>(); };
  for (int i = 0; i < 50; ++i) {
    const int32_t expected = *ofAll.sample(logits, {});
    EXPECT_FALSE(ofParts.sampleLargest(known.logits(), logits.size(), {}, none));
    EXPECT_EQ(ofParts.sampleLargest(known.logits(), logits.size(), {}, known.fetch), expected);
  }
}

// Where the sum's error would decide how many tokens top-p keeps, it must not.
TEST(Sampler, LargestLogitsDoNotTellWhatTheSumIsTooRoughFor) {
  const std::vector<float> logits(100, 0.f); // each has 1 / 100
  for (const auto &[topP, tells] : {std::pair(0.0625f, true), {0.25f, false}}) { // 6.25 tokens, and 25
    Sampler sampler = Sampler::create({.temperature = 1, .topP = topP}).take();
    const Known known(logits, 50, 1);
    EXPECT_EQ(sampler.sampleLargest(known.logits(), logits.size(), {}, known.fetch).has_value(), tells) << topP;
  }
}

// A golden, from the algorithm as Sampler.h and Random.h state it, written again in Python. It must never change.
TEST(Sampler, SeedMeansTheSameEverywhere) {
  std::vector<float> logits(50);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float((i * 37) % 50) * 0.125f;
  Sampler sampler = Sampler::create({.temperature = 0.8f, .topK = 40, .topP = 0.95f, .seed = 42}).take();
  std::vector<int32_t> ids;
  for (int i = 0; i < 12; ++i)
    ids.push_back(*sampler.sample(logits, {}));
  EXPECT_THAT(ids, testing::ElementsAre(43, 8, 32, 20, 8, 16, 27, 1, 16, 27, 4, 39));
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  EXPECT_THAT(Sampler::create({.temperature = -1}).message(), HasSubstr("temperature is -1"));
  EXPECT_THAT(Sampler::create({.temperature = kNaN}).message(), HasSubstr("temperature is nan"));
  EXPECT_THAT(Sampler::create({.temperature = kInfinity}).message(), HasSubstr("temperature is inf"));
  EXPECT_THAT(Sampler::create({.topP = 0}).message(), HasSubstr("top-p is 0"));
  EXPECT_THAT(Sampler::create({.topP = 1.1f}).message(), HasSubstr("top-p is 1.1"));
  EXPECT_THAT(Sampler::create({.minP = 1}).message(), HasSubstr("min-p is 1"));
  EXPECT_THAT(Sampler::create({.repetitionPenalty = 0}).message(), HasSubstr("repetition penalty is 0"));
}

TEST(Random, IsUniform) {
  Random random(7);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
  EXPECT_NEAR(squares / 100000, 1.0 / 3, 0.005);
}

TEST(Exponential, IsExpToTheLastBits) {
  double worst = 0;
  for (double x = 0; x > -700; x -= 0.0437) {
    const double expected = std::exp(x);
    worst = std::max(worst, std::abs(exponential(x) - expected) / expected);
  }
  RecordProperty("worst relative error", std::to_string(worst));
  EXPECT_LT(worst, 1e-15);
  EXPECT_EQ(exponential(0), 1);
  EXPECT_EQ(exponential(-1e9), exponential(-700));
  EXPECT_EQ(exponential(-std::numeric_limits<double>::infinity()), exponential(-700));
}

} // namespace
} // namespace lathe
