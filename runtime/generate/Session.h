//===- Session.h - one sequence: feed, sample, emit -----------------------------------------------------*- C++ -*-===//
//
//   Session session(*context);
//   GenerateOptions options{.maxTokens = 64, .stopIds = {2}};
//   auto report = session.generate(prompt, options, [&](int32_t id) { print(id); return true; });
//
// A session remembers the tokens that its cache holds. It belongs to its context, which must outlive it, and to the
// context's thread.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_GENERATE_SESSION_H
#define LATHE_RUNTIME_GENERATE_SESSION_H

#include "runtime/generate/Context.h"
#include "runtime/sample/Sampler.h"
#include <functional>
#include <optional>
#include <vector>

namespace lathe {

struct GenerateOptions {
  SamplerOptions sampling = {};
  size_t maxTokens = 128;
  std::vector<int32_t> stopIds = {}; ///< end generation; never emitted
};

enum class StopReason { StopId, MaxTokens, ContextFull, Caller };
/// "stop", "length", "context" or "caller".
const char *name(StopReason reason);

struct GenerateReport {
  std::vector<int32_t> ids; ///< emitted
  StopReason reason = StopReason::MaxTokens;
  int32_t stopId = -1; ///< which one ended it; -1: none did
  size_t promptTokens = 0;
  double promptSeconds = 0;     ///< feeding the prompt
  double firstTokenSeconds = 0; ///< from the call to the first id's emission
  double generateSeconds = 0;   ///< from the first id to the end
  double promptRate() const { return promptSeconds > 0 ? double(promptTokens) / promptSeconds : 0; }
  /// Tokens a second after the first.
  double generateRate() const {
    return ids.size() > 1 && generateSeconds > 0 ? double(ids.size() - 1) / generateSeconds : 0;
  }
};

class Session {
public:
  explicit Session(Context &context) : context(&context), sequence(context.newSequence()) {}
  Session(Session &&) = default;
  Session &operator=(Session &&) = default;

  /// Appends `ids` (at least one), in chunks of the largest program. Returns the logits of the last, f32 [vocabulary],
  /// valid until the context's next step. On failure the session is as before.
  ///
  /// A model may turn long sequences otherwise than short ones (lathe_model.feed_again_beyond). Where `ids` take the
  /// session across that length, all its tokens are fed again first; should that fail, none are left.
  Result<std::span<const float>> feed(std::span<const int32_t> ids, const PhaseObserver &observer = {});

  /// Appends `ids`, at most `step` of them at a time (0: as many as the largest program takes), and hands the logits of
  /// each row in order to onRow(index in ids, logits).
  Result<void> feedAll(std::span<const int32_t> ids,
                       const std::function<void(size_t row, std::span<const float> logits)> &onRow,
                       const PhaseObserver &observer = {}, size_t step = 0);

  /// Feeds the prompt (at least one token), then samples and emits until something stops it. `onToken` may be empty; it
  /// returns false to stop. An emitted id is fed when the next is wanted, so the last one is not in the cache yet.
  Result<GenerateReport> generate(std::span<const int32_t> prompt, const GenerateOptions &options,
                                  const std::function<bool(int32_t id)> &onToken = {});

  // For who runs many sessions in one step (Context::step) instead of feeding each by itself:
  //
  //   session.queue(ids, LogitsWanted::Last);
  //   while (!session.fed()) {
  //     parts.push_back(session.next(most));      // and those of other sessions
  //     context.step(parts) ? session.accept() : session.reject();
  //   }
  //
  // The part's rows of logits are where the step has them, in the order of its parts (Context::logits).

  /// Takes tokens to feed. Fails, changing nothing, where they do not fit or are no tokens, or others are not fed yet.
  /// `largest`: StepPart::largest of the parts.
  Result<void> queue(std::span<const int32_t> ids, LogitsWanted wanted, LargestWanted largest = {});
  bool fed() const { return pending.empty(); }
  /// The next of them, at most `most` (0: as many as a step takes), whose logits are asked for as queue() said: of Last,
  /// in the part with the last token. There must be some. Valid until accept() or reject().
  StepPart next(size_t most = 0);
  /// The step with that part has run.
  void accept();
  /// For who feeds no more: fails where steps of one token have put a number that is not finite into the cache.
  Result<void> checkCache() const { return context->checkLastPage(sequence); }
  /// It has failed: the session is as it was before queue(), or empty where its tokens had to be fed again.
  void reject();

  /// The tokens in the cache.
  const std::vector<int32_t> &ids() const { return history; }
  size_t length() const { return history.size(); }
  /// Positions left before the sequence is full.
  size_t room() const;

  /// Forgets all tokens from `length` on. Fails where the model is recurrent and `length` is neither 0 nor all there
  /// are.
  Result<void> truncate(size_t length);
  /// Keeps the longest common prefix with `ids`, though never all of them, so that at least one is left to feed;
  /// nothing where the model is recurrent and cannot go back to it. Returns its length: feed(ids.subspan(n)) goes on
  /// from there.
  size_t keepPrefix(std::span<const int32_t> ids);
  /// A session with the same tokens. Full pages of the cache are shared, a partial one is copied when either grows.
  Session fork() const;

private:
  Session(Context &context, Sequence sequence, std::vector<int32_t> history)
      : context(&context), sequence(std::move(sequence)), history(std::move(history)) {}
  /// Steps until all that is queued is fed, `step` tokens at a time; after each, perChunk(index in ids of its first).
  template <typename PerChunk>
  Result<void> feedChunks(std::span<const int32_t> ids, LogitsWanted wanted, const PhaseObserver &observer, size_t step,
                          PerChunk perChunk, LargestWanted largest = {});

  Context *context;
  Sequence sequence;
  std::vector<int32_t> history;
  /// What queue() took.
  struct Pending {
    std::vector<int32_t> ids; ///< with those that are fed again in front
    size_t again = 0;         ///< of them
    size_t at = 0;            ///< tokens that are fed
    size_t chunk = 0;         ///< tokens of the part that next() gave
    size_t before = 0;        ///< length of the session that reject() goes back to
    LogitsWanted wanted = LogitsWanted::None;
    LargestWanted largest = {};
    std::optional<Sequence> saved; ///< of what cannot be cut back
    bool empty() const { return ids.empty(); }
  };
  Pending pending;
  bool cachedAsLong = false; ///< the cache's rows were computed as of a sequence beyond feed_again_beyond
};

} // namespace lathe

#endif
