#include "tools/lathe/bench/Measure.h"
#include "tools/lathe/Command.h"
#include <algorithm>
#include <chrono>

namespace lathe::bench {

using cli::toLlvm;
using llvm::Error;
using llvm::Expected;

namespace {

/// Runs that are recorded: of prefill, of decode (beside the first, whose caches are as other steps left them).
constexpr uint32_t kPrefillRuns = 3, kDecodeRuns = 32;
/// Of decode by depth: the first depth, and the steps that are timed there.
constexpr uint64_t kFirstDepth = 32;
constexpr uint32_t kDepthSteps = 8;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Steps go into a record while this lives.
class Recording {
public:
  Recording(Context &context, StepRecord *into) : context(context) { context.record(into); }
  ~Recording() { context.record(nullptr); }

private:
  Context &context;
};

} // namespace

Subject::Subject(std::string path, std::unique_ptr<Context> c, const Lengths &lengths,
                 std::function<Error()> interrupted)
    : context(std::move(c)), lengths(lengths), interrupted(std::move(interrupted)) {
  result.path = std::move(path);
  result.model = tables().name;
  result.target = context->model().variant().target;
  result.device = device().name();
  result.threads = context->threads();
  result.prefill = {.step = "prefill", .tokens = lengths.prompt};
  result.decode = {.step = "decode", .tokens = lengths.decode, .sequences = lengths.batch};
}

/// Ids without meaning: the numbers don't depend on which.
std::vector<int32_t> Subject::ids(size_t count) const {
  std::vector<int32_t> ids(count);
  uint64_t state = 1;
  for (int32_t &id : ids) {
    state = state * 6364136223846793005u + 1442695040888963407u; // Knuth's MMIX generator
    id = int32_t((state >> 33) % tables().vocabulary);
  }
  return ids;
}

Error Subject::atDepth(Session &session) {
  if (lengths.depth)
    if (auto logits = session.feed(ids(lengths.depth)); !logits)
      return toLlvm(logits.failure());
  return interrupted();
}

Expected<double> Subject::prefill(StepRecord *record) {
  Session session(*context);
  if (Error failed = atDepth(session))
    return std::move(failed);
  const std::vector<int32_t> prompt = ids(lengths.prompt);
  const Recording recording(*context, record);
  const double start = now();
  if (auto logits = session.feed(prompt); !logits)
    return toLlvm(logits.failure());
  return now() - start;
}

Error Subject::step(std::span<Session> sessions, int32_t id) {
  const LargestWanted largest = context->largestFor(Sampler::create({}).take());
  parts.clear();
  for (Session &session : sessions) {
    if (Result<void> queued = session.queue({&id, 1}, LogitsWanted::Last, largest); !queued)
      return toLlvm(queued.failure());
    parts.push_back(session.next());
  }
  if (Result<void> done = context->step(parts); !done)
    return toLlvm(done.failure());
  for (Session &session : sessions)
    session.accept();
  return Error::success();
}

Expected<double> Subject::decode(uint32_t count, StepRecord *record) {
  std::vector<Session> sessions;
  while (sessions.size() < lengths.batch) {
    sessions.emplace_back(*context);
    if (Error failed = atDepth(sessions.back()))
      return std::move(failed);
  }
  const std::vector<int32_t> tokens = ids(count);
  const Recording recording(*context, record);
  const double start = now();
  for (int32_t id : tokens) {
    if (Error failed = interrupted())
      return std::move(failed);
    if (Error failed = step(sessions, id))
      return std::move(failed);
  }
  return now() - start;
}

Error Subject::warm() {
  const uint32_t steps = std::min(lengths.decode, 2u);
  StepRecord record;
  if (Error failed = decode(steps, &record).takeError())
    return failed;
  Recorded recorded(context->model().variant(), lengths.batch, lengths.depth, /*goesOn=*/true);
  recorded.add(record, 0, 1);
  result.footprint = uint64_t(recorded.bytes());
  return prefill(nullptr).takeError();
}

void Subject::addRates(double prefillSeconds, double decodeSeconds) {
  result.prefill.rates.push_back(lengths.prompt / prefillSeconds);
  result.decode.rates.push_back(double(lengths.batch) * lengths.decode / decodeSeconds);
}

Error Subject::profile() {
  const lathe_variant &variant = context->model().variant();
  prefillRuns.emplace(variant, 1, lengths.depth, /*goesOn=*/false);
  for (uint32_t run = 0; run < kPrefillRuns; ++run) {
    StepRecord record;
    if (Error failed = prefill(&record).takeError())
      return failed;
    prefillRuns->add(record, 0, record.steps().size());
  }
  decodeRuns.emplace(variant, lengths.batch, lengths.depth, /*goesOn=*/true);
  StepRecord record;
  const uint32_t steps = std::min(lengths.decode, kDecodeRuns + 1);
  if (Error failed = decode(steps, &record).takeError())
    return failed;
  decodeRuns->add(record, steps > 1 ? 1 : 0, 1);
  return Error::success();
}

Error Subject::profileDepths(double seconds) {
  const double end = now() + seconds;
  Session session(*context);
  for (uint64_t depth = kFirstDepth; now() < end; depth *= 2) {
    if (depth + kDepthSteps > tables().max_context) {
      if (session.length() + 2 * kDepthSteps > tables().max_context)
        break;
      depth = tables().max_context - kDepthSteps; // the last
    }
    const std::vector<int32_t> tokens = ids(depth + kDepthSteps);
    // In chunks, so that a signal is noticed and the time is kept.
    for (size_t at = session.length(); at < depth && now() < end; at = session.length())
      if (auto fed = session.feed(std::span(tokens).subspan(at, std::min<size_t>(depth - at, context->maxRows())));
          !fed)
        return toLlvm(fed.failure());
      else if (Error failed = interrupted())
        return failed;
    if (session.length() < depth)
      break;
    StepRecord record;
    const Recording recording(*context, &record);
    std::vector<double> times;
    for (uint32_t step = 0; step < kDepthSteps; ++step) {
      const double start = now();
      if (Error failed = this->step({&session, 1}, tokens[depth + step]))
        return failed;
      times.push_back(now() - start);
    }
    Recorded recorded(context->model().variant(), 1, depth, /*goesOn=*/true);
    recorded.add(record, 0, 1);
    depths.push_back({depth, tune::median(times), recorded.works()});
  }
  return Error::success();
}

BundleResult Subject::finish(const MachineLimits &limits) {
  result.limits = limits;
  if (prefillRuns)
    prefillRuns->fill(result.prefill, limits);
  if (decodeRuns)
    decodeRuns->fill(result.decode, limits);
  result.depths.clear();
  for (const Depth &at : depths) {
    double least = 0;
    for (const PhaseWork &work : at.works)
      least += limitSeconds(work, limits);
    result.depths.push_back({at.depth, 1 / at.seconds, least > 0 ? 1 / least : 0});
  }
  return result;
}

} // namespace lathe::bench
