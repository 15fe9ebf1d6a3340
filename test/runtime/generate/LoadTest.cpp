// A server's day in a second: contexts of one model in threads of their own, each with more sessions than steps have
// slots and than the cache has room for. Under ThreadSanitizer (the tsan preset) also proof that nothing is shared
// without order.
#include "runtime/generate/Session.h"
#include "test/runtime/toy/ToyBundle.h"
#include <deque>
#include <gmock/gmock.h>
#include <random>
#include <ranges>
#include <thread>

namespace lathe {
namespace {

/// A conversation: some tokens, and so many that the model adds.
struct Client {
  Session session;
  std::vector<int32_t> known; ///< the prompt and the model's tokens
  size_t prompt, wanted;
  bool done() const { return known.size() == prompt + wanted; }
};

class Server {
public:
  Server(std::shared_ptr<const Model> model, uint64_t seed)
      : random(seed), context(Context::create(std::move(model), {.threads = 2, .cachePages = 6}).take()) {}

  /// Serves `count` clients, who come one after another; a third of them part from another's conversation.
  void serve(size_t count) {
    for (size_t turn = 0; clients.size() < count || !allDone(); ++turn) {
      if (clients.size() < count && turn % 3 == 0)
        admit();
      step();
      if (testing::Test::HasFatalFailure())
        return;
    }
    EXPECT_GT(evicted, 0u) << "the cache was never full: no load";
    for (Client &client : clients)
      ASSERT_TRUE(bool(client.session.truncate(0)));
    for (const Client &client : clients)
      compareWithAlone(client);
  }

private:
  size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random); }
  bool allDone() const { return std::ranges::all_of(clients, &Client::done); }

  void admit() {
    const size_t wanted = 1 + below(12);
    if (!clients.empty() && below(3) == 0) {
      Client &other = clients[below(clients.size())];
      if (other.session.fed() && other.session.length() && other.session.room() > 40) {
        Client fork{other.session.fork(), other.session.ids(), 0, wanted};
        fork.known.push_back(int32_t(below(TOY_VOCABULARY)));
        fork.prompt = fork.known.size();
        clients.push_back(std::move(fork));
        return;
      }
    }
    Client fresh{Session(*context), {}, 1 + below(90), wanted};
    while (fresh.known.size() < fresh.prompt)
      fresh.known.push_back(int32_t(below(TOY_VOCABULARY)));
    clients.push_back(std::move(fresh));
  }

  /// Who came first is served first.
  void step() {
    std::vector<Client *> served;
    std::vector<StepPart> parts;
    size_t rows = context->maxRows();
    for (Client &client : clients) {
      if (client.done())
        continue;
      if (served.size() == TOY_SLOTS || !rows)
        break;
      if (client.session.fed()) {
        const auto left = std::span<const int32_t>(client.known).subspan(client.session.length());
        const Result<void> queued = client.session.queue(left, LogitsWanted::Last);
        ASSERT_TRUE(queued) << queued.message();
      }
      parts.push_back(client.session.next(1 + below(rows)));
      rows -= parts.back().ids.size();
      served.push_back(&client);
    }
    if (served.empty())
      return;
    const Result<void> ran = context->step(parts);
    if (!ran) {
      ASSERT_TRUE(context->partWithoutRoom()) << ran.message();
      for (Client *client : served)
        client->session.reject();
      evict();
      return;
    }
    size_t row = 0;
    for (size_t i = 0; i < served.size(); ++i) {
      served[i]->session.accept();
      if (parts[i].logits != LogitsWanted::None)
        served[i]->known.push_back(greedy(context->logits(row++)));
    }
  }

  /// Takes one client's pages: of a conversation that is over, else of the latest. The first is never asked, so that at
  /// last it has room, and nobody waits for ever.
  void evict() {
    const auto holds = [](const Client &client) { return client.session.length() > 0; };
    auto from = std::ranges::find_if(clients, [&](const Client &client) { return client.done() && holds(client); });
    if (from == clients.end())
      from = std::ranges::find_if(clients | std::views::reverse, holds).base() - 1;
    if (!from->session.fed())
      from->session.reject();
    ASSERT_TRUE(bool(from->session.truncate(0)));
    ++evicted;
  }

  /// What a client got is what it gets where nobody else is served.
  void compareWithAlone(const Client &client) {
    Session alone(*context);
    const std::span prompt(client.known.data(), client.prompt);
    const auto report = alone.generate(prompt, {.maxTokens = client.wanted});
    ASSERT_TRUE(report) << report.message();
    EXPECT_THAT(report->ids, testing::ElementsAreArray(client.known.begin() + client.prompt, client.known.end()));
  }

  static int32_t greedy(std::span<const float> logits) {
    return int32_t(std::ranges::max_element(logits) - logits.begin());
  }

  std::mt19937_64 random;
  std::unique_ptr<Context> context;
  std::deque<Client> clients;
  size_t evicted = 0;
};

TEST(Load, ManySessionsOfManyContextsGetTheirOwnTokens) {
  const auto model = toy::model(toy::roundingWeights());
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 3; ++seed)
    threads.emplace_back([&, seed] { Server(model, seed).serve(40); });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
} // namespace lathe
