#include "runtime/generate/Session.h"
#include <algorithm>
#include <chrono>
#include <optional>

namespace lathe {

const char *name(StopReason reason) {
  switch (reason) {
  case StopReason::StopId:
    return "stop";
  case StopReason::MaxTokens:
    return "length";
  case StopReason::ContextFull:
    return "context";
  case StopReason::Caller:
    return "caller";
  }
  return "?";
}

size_t Session::room() const { return sequence.room(); }

Result<void> Session::truncate(size_t length) {
  if (length >= history.size())
    return {};
  if (!sequence.canTruncate(uint32_t(length)))
    return error("the model is recurrent: what it has read of ", history.size(), " tokens cannot go back to ", length,
                 ", only to 0");
  sequence.truncate(uint32_t(length));
  history.resize(length);
  return {};
}

size_t Session::keepPrefix(std::span<const int32_t> ids) {
  const size_t most = std::min(history.size(), ids.empty() ? 0 : ids.size() - 1);
  const auto differs = std::mismatch(ids.begin(), ids.begin() + ptrdiff_t(most), history.begin());
  if (!truncate(size_t(differs.first - ids.begin())))
    (void)truncate(0); // which every model can
  return history.size();
}

Session Session::fork() const {
  Session copy(*context, sequence.fork(), history);
  copy.cachedAsLong = cachedAsLong;
  return copy;
}

Result<void> Session::suitLength(size_t length) {
  const uint32_t limit = context->model().tables().feed_again_beyond;
  const bool asLong = limit && length > limit;
  if (history.empty() || cachedAsLong == asLong) {
    cachedAsLong = asLong;
    return {};
  }
  const std::vector<int32_t> again = std::move(history);
  history.clear();
  sequence.truncate(0);
  cachedAsLong = asLong;
  return feedSteps(again, LogitsWanted::None, length, {}, 0, [](size_t) {});
}

template <typename PerChunk>
Result<void> Session::feedChunks(std::span<const int32_t> ids, LogitsWanted wanted, const PhaseObserver &observer,
                                 size_t step, PerChunk perChunk) {
  if (ids.empty())
    return error("no tokens to feed");
  if (ids.size() > room())
    return error(ids.size(), " tokens do not fit: the context of ", context->model().tables().max_context,
                 " positions has ", room(), " left");
  const uint32_t vocabulary = context->model().tables().vocabulary;
  for (size_t i = 0; i < ids.size(); ++i)
    if (uint32_t(ids[i]) >= vocabulary)
      return error("token ", i, ": id ", ids[i], " is not in the vocabulary of ", vocabulary);
  if (Result<void> suits = suitLength(history.size() + ids.size()); !suits)
    return suits;
  return feedSteps(ids, wanted, history.size() + ids.size(), observer, step, perChunk);
}

template <typename PerChunk>
Result<void> Session::feedSteps(std::span<const int32_t> ids, LogitsWanted wanted, size_t known,
                                const PhaseObserver &observer, size_t step, PerChunk perChunk) {
  const size_t before = history.size();
  const size_t most = wanted == LogitsWanted::All ? context->maxLogitRows() : context->maxRows();
  const size_t limit = step ? std::min(step, most) : most;
  std::optional<Sequence> saved; // of what cannot be cut back, should a later chunk fail
  if (ids.size() > limit && sequence.recurrent())
    saved = sequence.fork();
  for (size_t at = 0; at < ids.size(); at += limit) {
    const auto chunk = ids.subspan(at, std::min(limit, ids.size() - at));
    const bool last = at + chunk.size() == ids.size();
    const StepPart part{&sequence, chunk, wanted == LogitsWanted::Last && !last ? LogitsWanted::None : wanted,
                        uint32_t(known)};
    if (Result<void> done = context->step({&part, 1}, observer); !done) {
      if (saved)
        sequence = std::move(*saved);
      else if (!sequence.recurrent())
        sequence.truncate(uint32_t(before));
      history.resize(std::min<size_t>(before, sequence.length()));
      return done;
    }
    history.insert(history.end(), chunk.begin(), chunk.end());
    perChunk(at);
  }
  return {};
}

Result<std::span<const float>> Session::feed(std::span<const int32_t> ids, const PhaseObserver &observer) {
  if (Result<void> done = feedChunks(ids, LogitsWanted::Last, observer, 0, [](size_t) {}); !done)
    return done.takeError();
  return context->logits(0);
}

Result<void> Session::feedAll(std::span<const int32_t> ids,
                              const std::function<void(size_t row, std::span<const float> logits)> &onRow,
                              const PhaseObserver &observer, size_t step) {
  Result<void> done = feedChunks(ids, LogitsWanted::All, observer, step, [&](size_t at) {
    for (size_t row = 0; row < context->logitRows(); ++row)
      onRow(at + row, context->logits(row));
  });
  return done ? context->checkLastPage(sequence) : std::move(done);
}

Result<GenerateReport> Session::generate(std::span<const int32_t> prompt, const GenerateOptions &options,
                                         const std::function<bool(int32_t id)> &onToken) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };

  Result<Sampler> sampler = Sampler::create(options.sampling);
  if (!sampler)
    return sampler.takeError();
  const Clock::time_point start = Clock::now();
  Result<std::span<const float>> logits = feed(prompt);
  if (!logits)
    return logits.takeError();
  GenerateReport report;
  report.promptTokens = prompt.size();
  report.promptSeconds = since(start);

  Clock::time_point first = Clock::now();
  while (report.ids.size() < options.maxTokens) {
    const Result<int32_t> id = sampler->sample(*logits, history);
    if (!id) { // logits that are no numbers come from a cache that holds none, where it does
      const Result<void> sound = context->checkLastPage(sequence);
      return sound ? id.failure() : sound.failure();
    }
    if (std::ranges::find(options.stopIds, *id) != options.stopIds.end()) {
      report.reason = StopReason::StopId;
      report.stopId = *id;
      break;
    }
    report.ids.push_back(*id);
    if (report.ids.size() == 1) {
      first = Clock::now();
      report.firstTokenSeconds = since(start);
    }
    if (onToken && !onToken(*id)) {
      report.reason = StopReason::Caller;
      break;
    }
    if (report.ids.size() == options.maxTokens)
      break; // StopReason::MaxTokens, as it was from the start
    if (room() == 0) {
      report.reason = StopReason::ContextFull;
      break;
    }
    logits = feed({&*id, 1});
    if (!logits)
      return logits.takeError();
  }
  report.generateSeconds = since(first);
  if (Result<void> sound = context->checkLastPage(sequence); !sound)
    return sound.failure();
  return report;
}

} // namespace lathe
