#include "runtime/generate/Session.h"
#include <algorithm>
#include <cassert>
#include <chrono>

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

Result<void> Session::queue(std::span<const int32_t> ids, LogitsWanted wanted, LargestWanted largest) {
  const lathe_model &tables = context->model().tables();
  if (!fed())
    return error(pending.ids.size() - pending.at, " tokens are not fed yet");
  if (ids.empty())
    return error("no tokens to feed");
  if (ids.size() > room())
    return error(ids.size(), " tokens do not fit: the context of ", tables.max_context, " positions has ", room(),
                 " left");
  for (size_t i = 0; i < ids.size(); ++i)
    if (uint32_t(ids[i]) >= tables.vocabulary)
      return error("token ", i, ": id ", ids[i], " is not in the vocabulary of ", tables.vocabulary);
  // A model may compute long sequences otherwise than short ones: what is cached must be as of this length.
  const uint32_t limit = tables.feed_again_beyond;
  const bool asLong = limit && history.size() + ids.size() > limit;
  pending = Pending();
  pending.wanted = wanted;
  pending.largest = largest;
  if (!history.empty() && cachedAsLong != asLong) {
    pending.ids = std::move(history);
    pending.again = pending.ids.size();
    history.clear();
    sequence.truncate(0);
  }
  cachedAsLong = asLong;
  pending.before = history.size();
  pending.ids.insert(pending.ids.end(), ids.begin(), ids.end());
  return {};
}

StepPart Session::next(size_t most) {
  assert(!fed() && "nothing is queued");
  const size_t left = pending.ids.size() - pending.at,
               again = pending.at < pending.again ? pending.again - pending.at : 0;
  const bool all = pending.wanted == LogitsWanted::All && !again;
  const size_t limit = all ? context->maxLogitRows() : context->maxRows();
  pending.chunk = std::min({most ? std::min(most, limit) : limit, left, again ? again : left});
  const bool last = pending.chunk == left;
  if (!last && !pending.saved && sequence.recurrent())
    pending.saved = sequence.fork();
  const LogitsWanted wanted = all                                            ? LogitsWanted::All
                              : last && pending.wanted != LogitsWanted::None ? LogitsWanted::Last
                                                                             : LogitsWanted::None;
  return {&sequence, std::span(pending.ids).subspan(pending.at, pending.chunk), wanted,
          uint32_t(pending.before + pending.ids.size()), pending.largest};
}

void Session::accept() {
  const auto first = pending.ids.begin() + ptrdiff_t(pending.at);
  history.insert(history.end(), first, first + ptrdiff_t(pending.chunk));
  pending.at += pending.chunk;
  if (pending.at == pending.ids.size())
    pending = Pending();
}

void Session::reject() {
  if (pending.saved)
    sequence = std::move(*pending.saved);
  else if (!sequence.recurrent())
    sequence.truncate(uint32_t(pending.before));
  history.resize(std::min<size_t>(pending.before, sequence.length()));
  pending = Pending();
}

template <typename PerChunk>
Result<void> Session::feedChunks(std::span<const int32_t> ids, LogitsWanted wanted, const PhaseObserver &observer,
                                 size_t step, PerChunk perChunk, LargestWanted largest) {
  if (Result<void> taken = queue(ids, wanted, largest); !taken)
    return taken;
  while (!fed()) {
    const StepPart part = next(step);
    const bool again = pending.at < pending.again;
    const size_t at = pending.at - (again ? 0 : pending.again);
    if (Result<void> done = context->step({&part, 1}, again ? PhaseObserver() : observer); !done) {
      reject();
      return done;
    }
    accept();
    if (!again)
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
  return done ? checkCache() : std::move(done);
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
  const LargestWanted largest = context->largestFor(*sampler);
  const auto feedOn = [&](std::span<const int32_t> ids) {
    return feedChunks(ids, LogitsWanted::Last, {}, 0, [](size_t) {}, largest);
  };
  if (Result<void> fed = feedOn(prompt); !fed)
    return fed.takeError();
  GenerateReport report;
  report.promptTokens = prompt.size();
  report.promptSeconds = since(start);

  Clock::time_point first = Clock::now();
  while (report.ids.size() < options.maxTokens) {
    const Result<int32_t> id = context->choose(0, *sampler, history);
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
    if (Result<void> fed = feedOn({&*id, 1}); !fed)
      return fed.takeError();
  }
  report.generateSeconds = since(first);
  if (Result<void> sound = context->checkLastPage(sequence); !sound)
    return sound.failure();
  return report;
}

} // namespace lathe
