// Many sessions in each step of one context, as a server runs them: by next(), accept() and reject().
#include "runtime/generate/Session.h"
#include "test/runtime/toy/ToyBundle.h"
#include <deque>
#include <gmock/gmock.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;

/// A session that reads a prompt and then so many tokens of its own.
struct Client {
  Session session;
  std::vector<int32_t> prompt;
  size_t wanted;
  std::vector<int32_t> tokens = {};
};

int32_t greedy(std::span<const float> logits) { return int32_t(std::ranges::max_element(logits) - logits.begin()); }

std::vector<int32_t> prompt(size_t count, size_t seed) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(int32_t((seed * 3 + i * 5 + i * i) % TOY_VOCABULARY));
  return ids;
}

/// Runs all clients, as many in a step as there are slots, by turns; prompts in chunks of `chunk`.
void serve(Context &context, std::deque<Client> &clients, size_t chunk) {
  for (Client &client : clients)
    ASSERT_TRUE(bool(client.session.queue(client.prompt, LogitsWanted::Last)));
  const size_t slots = context.model().tables().max_slots;
  for (size_t turn = 0;; ++turn) {
    std::vector<Client *> served;
    std::vector<StepPart> parts;
    size_t rows = context.maxRows();
    for (size_t i = 0; i < clients.size() && served.size() < slots && rows; ++i) {
      Client &client = clients[(turn + i) % clients.size()];
      if (client.session.fed())
        continue;
      parts.push_back(client.session.next(std::min(chunk, rows)));
      rows -= parts.back().ids.size();
      served.push_back(&client);
    }
    if (served.empty())
      return;
    const Result<void> done = context.step(parts);
    ASSERT_TRUE(done) << done.message();
    size_t row = 0;
    for (size_t i = 0; i < served.size(); ++i) {
      Client &client = *served[i];
      client.session.accept();
      if (parts[i].logits == LogitsWanted::None)
        continue;
      const int32_t token = greedy(context.logits(row++));
      client.tokens.push_back(token);
      if (client.tokens.size() < client.wanted)
        ASSERT_TRUE(bool(client.session.queue({&token, 1}, LogitsWanted::Last)));
    }
    EXPECT_EQ(row, context.logitRows());
  }
}

TEST(Batcher, ManySessionsHaveTheTokensOfEachAlone) {
  const auto model = toy::model(toy::roundingWeights());
  for (size_t chunk : {1u, 3u, 8u}) {
    auto context = Context::create(model, {.threads = 2, .cachePages = 64}).take();
    std::deque<Client> clients;
    for (size_t i = 0; i < 13; ++i) // more than the toy has slots, of unlike lengths
      clients.push_back({Session(*context), prompt(1 + i * 7 % 20, i), 1 + i % 6});
    serve(*context, clients, chunk);
    for (Client &client : clients) {
      Session alone(*context);
      auto report = alone.generate(client.prompt, {.maxTokens = client.wanted});
      ASSERT_TRUE(report) << report.message();
      EXPECT_EQ(client.tokens, report->ids) << "chunks of " << chunk;
      EXPECT_EQ(client.session.length(), client.prompt.size() + client.wanted - 1);
    }
  }
}

TEST(Batcher, ARejectedPartLeavesTheSessionAsItWas) {
  auto context = Context::create(toy::model(toy::integerWeights()), {.threads = 1, .cachePages = 8}).take();
  Session session(*context);
  ASSERT_TRUE(bool(session.feed(prompt(3, 1))));
  ASSERT_TRUE(bool(session.queue(prompt(9, 2), LogitsWanted::None)));
  EXPECT_THAT(session.queue(prompt(1, 2), LogitsWanted::None).message(), HasSubstr("9 tokens are not fed yet"));
  const StepPart part = session.next(4);
  EXPECT_EQ(part.ids.size(), 4u);
  ASSERT_TRUE(bool(context->step({&part, 1})));
  session.accept();
  EXPECT_EQ(session.length(), 7u);
  (void)session.next();
  session.reject();
  EXPECT_TRUE(session.fed());
  EXPECT_EQ(session.length(), 3u);
}

TEST(Batcher, AFullCacheSaysWhichPart) {
  auto context = Context::create(toy::model(toy::integerWeights()), {.threads = 1, .cachePages = 2}).take();
  std::deque<Session> sessions;
  std::vector<StepPart> parts;
  for (size_t i = 0; i < 3; ++i) { // a page each
    sessions.emplace_back(*context);
    ASSERT_TRUE(bool(sessions.back().queue(prompt(1, i), LogitsWanted::Last)));
    parts.push_back(sessions.back().next());
  }
  EXPECT_THAT(context->step(parts).message(), HasSubstr("part 2 of a step: KV cache full"));
  ASSERT_EQ(context->partWithoutRoom(), 2u);
  sessions[2].reject();
  parts.pop_back();
  EXPECT_TRUE(bool(context->step(parts))); // nothing was held back
  EXPECT_EQ(context->partWithoutRoom(), std::nullopt);
}

} // namespace
} // namespace lathe
