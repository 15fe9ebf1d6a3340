// Models whose rotation depends on the sequence's length, compiled: which length a row has, and what a session does
// when it grows beyond the length at which rotations change.
#include "compiler/pipeline/Pipeline.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include <gtest/gtest.h>
#include <numeric>

using namespace lathe;

namespace {

constexpr size_t kLimit = 24; // of test/data/golden/llama-longrope

class Length : public testing::Test {
protected:
  void SetUp() override {
    PipelineOptions options;
    options.cacheDirectory = root.file("cache");
    Compilation compilation("test/data/golden/llama-longrope", options);
    llvm::Error failed = compile(compilation, root.file("bundle"));
    ASSERT_FALSE(failed) << llvm::toString(std::move(failed));
    auto model = Model::open(root.file("bundle"));
    ASSERT_TRUE(model) << model.message();
    EXPECT_EQ((*model)->tables().feed_again_beyond, kLimit);
    auto created = Context::create(*model, {.threads = 2, .cachePages = 16});
    ASSERT_TRUE(created) << created.message();
    context = created.take();
    ids.resize(40);
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = int32_t(3 + 7 * i % 90);
  }

  /// Logits of the last of the first `count` tokens, fed to a new session at once.
  std::vector<float> atOnce(size_t count) {
    Session session(*context);
    return fed(session, std::span(ids).first(count));
  }
  static std::vector<float> fed(Session &session, std::span<const int32_t> tokens) {
    auto logits = session.feed(tokens);
    EXPECT_TRUE(logits) << logits.message();
    return logits ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  }

  test::TemporaryFolder root;
  std::unique_ptr<Context> context;
  std::vector<int32_t> ids;
};

TEST_F(Length, ChunksOfAPromptTurnByItsWholeLength) {
  Sequence sequence = context->newSequence();
  const uint32_t known = uint32_t(ids.size());
  for (auto [begin, count] : {std::pair<size_t, size_t>{0, 10}, {10, 1}, {11, 29}}) {
    const StepPart part{&sequence, std::span(ids).subspan(begin, count), LogitsWanted::Last, known};
    ASSERT_TRUE(context->step({&part, 1}));
  }
  const std::span<const float> logits = context->logits(0);
  EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), atOnce(ids.size()));
}

TEST_F(Length, ASessionThatGrowsBeyondTheLimitIsFedAgain) {
  Session session(*context);
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(fed(session, std::span(ids).subspan(i, 1)), atOnce(i + 1)) << i;
  EXPECT_EQ(session.ids(), ids);
}

TEST_F(Length, SoIsOneThatBecomesShortAgain) {
  Session session(*context);
  fed(session, ids);
  Session fork = session.fork();
  ASSERT_TRUE(session.truncate(kLimit - 4));
  EXPECT_EQ(fed(session, std::span(ids).subspan(kLimit - 4, 2)), atOnce(kLimit - 2));
  ASSERT_TRUE(fork.truncate(kLimit + 4));
  EXPECT_EQ(fed(fork, std::span(ids).subspan(kLimit + 4, 2)), atOnce(kLimit + 6));
  ASSERT_TRUE(session.truncate(0));
  EXPECT_EQ(fed(session, ids), atOnce(ids.size()));
}

} // namespace
