// One sequence at a time: chunks, forks, generation, and the promise of equal bits.
#include "runtime/generate/Session.h"
#include "test/runtime/toy/ToyBundle.h"
#include <gmock/gmock.h>

namespace lathe {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<int32_t> someIds(size_t count) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(int32_t((i * 5 + i * i) % TOY_VOCABULARY));
  return ids;
}

std::unique_ptr<Context> context(const toy::Weights &weights, unsigned threads = 2) {
  return Context::create(toy::model(weights), {.threads = threads, .cachePages = 32}).take();
}

std::vector<float> copy(const Result<std::span<const float>> &logits) {
  EXPECT_TRUE(logits) << logits.message();
  return {logits->begin(), logits->end()};
}

TEST(Session, FeedsAPromptInChunks) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights);
  const std::vector<int32_t> ids = someIds(199);
  const auto expected = toy::expectedLogits(weights, ids);
  for (size_t count : {1, 7, 8, 9, 64, 65, 130, 199}) {
    Session session(*engine);
    EXPECT_THAT(copy(session.feed({ids.data(), count})), ElementsAreArray(expected[count - 1])) << count;
    EXPECT_EQ(session.length(), count);
    EXPECT_EQ(session.room(), 200 - count);
  }
}

TEST(Session, FeedAllGivesTheLogitsOfEachRow) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights);
  const std::vector<int32_t> ids = someIds(150);
  const auto expected = toy::expectedLogits(weights, ids);
  Session session(*engine);
  size_t next = 0;
  const Result<void> done = session.feedAll(ids, [&](size_t row, std::span<const float> logits) {
    EXPECT_EQ(row, next++);
    EXPECT_THAT(logits, ElementsAreArray(expected[row]));
  });
  ASSERT_TRUE(done) << done.message();
  EXPECT_EQ(next, 150u);
}

TEST(Session, BitsDoNotDependOnWorkersOrChunks) {
  const toy::Weights weights = toy::roundingWeights();
  const std::vector<int32_t> ids = someIds(180);
  std::vector<std::vector<float>> first;
  for (unsigned threads : {1u, 2u, 3u}) {
    const auto engine = context(weights, threads);
    for (size_t chunk : {1, 3, 8, 50, 180}) {
      Session session(*engine);
      std::vector<std::vector<float>> rows;
      for (size_t at = 0; at < ids.size(); at += chunk)
        ASSERT_TRUE(session.feedAll(
            std::span(ids).subspan(at, std::min(chunk, ids.size() - at)),
            [&](size_t, std::span<const float> logits) { rows.emplace_back(logits.begin(), logits.end()); }));
      if (first.empty())
        first = rows;
      EXPECT_EQ(rows, first) << threads << " workers, chunks of " << chunk;
    }
  }
}

TEST(Session, RefusesWhatDoesNotFitAndStaysAsItWas) {
  const auto engine = context(toy::integerWeights());
  Session session(*engine);
  ASSERT_TRUE(session.feed(someIds(190)));
  EXPECT_THAT(session.feed({}).message(), HasSubstr("no tokens to feed"));
  EXPECT_EQ(session.feed(someIds(11)).message(), "11 tokens do not fit: the context of 200 positions has 10 left");
  EXPECT_EQ(session.feed(std::vector<int32_t>{3, -1}).message(), "token 1: id -1 is not in the vocabulary of 11");
  EXPECT_EQ(session.length(), 190u);
}

TEST(Session, AFailureInALaterChunkUndoesTheEarlier) {
  toy::Weights weights = toy::integerWeights();
  weights.table[5 * TOY_WIDTH] = TOY_FAIL;
  const auto engine = context(weights);
  Session session(*engine);
  std::vector<int32_t> ids(20, 1);
  ASSERT_TRUE(session.feed({ids.data(), 3}));
  ids[15] = 5;
  EXPECT_THAT(session.feed(ids).message(), HasSubstr("kernel toy_append failed"));
  EXPECT_EQ(session.length(), 3u);
  EXPECT_THAT(copy(session.feed({ids.data(), 1})),
              ElementsAreArray(toy::expectedLogits(weights, std::vector<int32_t>(4, 1))[3]));
}

TEST(Session, ForksTruncatesAndKeepsPrefixes) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights);
  const std::vector<int32_t> ids = someIds(100);
  Session session(*engine);
  ASSERT_TRUE(session.feed(ids));
  Session fork = session.fork();
  const std::vector<int32_t> next{9};
  std::vector<int32_t> longer = ids;
  longer.push_back(9);
  EXPECT_THAT(copy(fork.feed(next)), ElementsAreArray(toy::expectedLogits(weights, longer)[100]));
  EXPECT_EQ(session.length(), 100u);

  ASSERT_TRUE(session.truncate(66));
  EXPECT_THAT(copy(session.feed({&ids[66], 1})), ElementsAreArray(toy::expectedLogits(weights, ids)[66]));
  EXPECT_THAT(session.ids(), ElementsAreArray(ids.begin(), ids.begin() + 67));

  std::vector<int32_t> other(ids.begin(), ids.begin() + 60);
  other[50] = (other[50] + 1) % TOY_VOCABULARY;
  EXPECT_EQ(session.keepPrefix(other), 50u);
  EXPECT_THAT(copy(session.feed(std::span(other).subspan(50))),
              ElementsAreArray(toy::expectedLogits(weights, other)[59]));
  EXPECT_EQ(session.keepPrefix(other), 59u) << "one is left to feed";
  EXPECT_EQ(session.keepPrefix({}), 0u);
}

/// Greedy continuation by the definition.
std::vector<int32_t> continuation(const toy::Weights &weights, std::vector<int32_t> ids, size_t count) {
  const size_t prompt = ids.size();
  while (ids.size() < prompt + count)
    ids.push_back(*greedy(toy::expectedLogits(weights, ids).back()));
  return {ids.begin() + ptrdiff_t(prompt), ids.end()};
}

TEST(Generate, IsFeedSampleEmit) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights);
  const std::vector<int32_t> prompt = someIds(10), expected = continuation(weights, prompt, 6);
  Session session(*engine);
  std::vector<int32_t> emitted;
  auto report = session.generate(prompt, {.maxTokens = 6}, [&](int32_t id) {
    emitted.push_back(id);
    return true;
  });
  ASSERT_TRUE(report) << report.message();
  EXPECT_EQ(emitted, expected);
  EXPECT_EQ(report->ids, expected);
  EXPECT_EQ(report->reason, StopReason::MaxTokens);
  EXPECT_EQ(report->promptTokens, 10u);
  EXPECT_GT(report->promptRate(), 0);
  EXPECT_GT(report->generateRate(), 0);
  EXPECT_GE(report->firstTokenSeconds, report->promptSeconds);
  EXPECT_EQ(session.length(), 15u) << "the last id is not fed yet";
}

TEST(Generate, Stops) {
  const toy::Weights weights = toy::roundingWeights();
  const auto engine = context(weights);
  const std::vector<int32_t> prompt{1, 2, 3};
  {
    Session session(*engine);
    const auto report = session.generate(prompt, {.stopIds = {*greedy(*session.fork().feed(prompt))}});
    EXPECT_EQ(report->reason, StopReason::StopId);
    EXPECT_GE(report->stopId, 0);
    EXPECT_TRUE(report->ids.empty());
    EXPECT_EQ(report->generateRate(), 0);
  }
  {
    Session session(*engine);
    EXPECT_EQ(session.generate(prompt, {}, [](int32_t) { return false; })->reason, StopReason::Caller);
  }
  {
    Session session(*engine);
    const auto report = session.generate(prompt, {.maxTokens = 1000});
    EXPECT_EQ(report->reason, StopReason::ContextFull);
    EXPECT_EQ(report->ids.size(), 198u) << "197 positions were left, and the last id needs none";
    EXPECT_STREQ(name(report->reason), "context");
  }
  {
    Session session(*engine);
    EXPECT_TRUE(session.generate(prompt, {.maxTokens = 0})->ids.empty());
  }
}

TEST(Generate, SeedsAreRepeatable) {
  const auto engine = context(toy::roundingWeights());
  const std::vector<int32_t> prompt{4};
  const auto draw = [&](uint64_t seed) {
    Session session(*engine);
    return session.generate(prompt, {.sampling = {.temperature = 5, .seed = seed}, .maxTokens = 40})->ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Generate, HandsOnErrors) {
  toy::Weights weights = toy::integerWeights();
  weights.table[0] = std::numeric_limits<float>::quiet_NaN();
  const auto engine = context(weights);
  Session session(*engine);
  const std::vector<int32_t> prompt{1};
  EXPECT_THAT(session.generate(prompt, {}).message(), HasSubstr("logit of token 0 is not a number"));
  EXPECT_THAT(session.generate(prompt, {.sampling = {.topP = 2}}).message(), HasSubstr("top-p is 2"));
  EXPECT_THAT(session.generate({}, {}).message(), HasSubstr("no tokens to feed"));
}

TEST(Generate, RunsABundleFromDisk) {
  const toy::Weights weights = toy::integerWeights();
  const toy::Folder folder(weights);
  auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.message();
  const auto engine = Context::create(*model, {.threads = 2}).take();
  Session session(*engine);
  const std::vector<int32_t> prompt = someIds(70);
  EXPECT_EQ(session.generate(prompt, {.maxTokens = 20})->ids, continuation(weights, prompt, 20));
}

} // namespace
} // namespace lathe
