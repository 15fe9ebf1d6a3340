#include "runtime/generate/Context.h"
#include "runtime/state/CacheCheck.h"
#include <algorithm>

namespace lathe {

Context::Context(std::shared_ptr<const Model> model) : shared(std::move(model)) {}

Context::~Context() = default;

Result<std::unique_ptr<Context>> Context::create(std::shared_ptr<const Model> model, const ContextOptions &options) {
  std::unique_ptr<Context> context(new Context(std::move(model)));
  const lathe_model &tables = context->shared->tables();
  const lathe_variant &variant = context->shared->variant();

  const Device &device = context->shared->device();

  const PageLayout layout{.layers = variant.cache.layers,
                          .pageBytes = variant.cache.page_bytes,
                          .pagePositions = LATHE_PAGE_POSITIONS,
                          .maxPositions = tables.max_context};
  // A recurrent session keeps a fork while it feeds chunks: its last page is then there twice.
  const uint32_t spare = variant.state.layers ? 1 : 0;
  const uint32_t pages = options.cachePages ? options.cachePages : variant.cache.max_pages + spare;
  // Kernels count a layer's numbers in 32 bits.
  constexpr uint64_t kMostNumbers = uint64_t(1) << 31;
  if (const uint64_t numbers = variant.cache.page_bytes * 8 / std::max<uint64_t>(variant.cache.type.bits, 1);
      variant.cache.layers && pages > kMostNumbers / std::max<uint64_t>(numbers, 1))
    return error("KV cache: ", pages, " pages of ", LATHE_PAGE_POSITIONS, " positions are more than the kernels can count: ",
                 kMostNumbers / numbers, " are possible");
  Result<std::shared_ptr<PagePool>> pool = PagePool::create(device, layout, pages);
  if (!pool)
    return pool.takeError();
  context->pool = pool.take();
  if (variant.state.layers) {
    const PageLayout states{
        .layers = variant.state.layers, .pageBytes = variant.state.bytes, .what = "recurrent states"};
    Result<std::shared_ptr<PagePool>> made =
        PagePool::create(device, states, options.states ? options.states : 4 * tables.max_slots);
    if (!made)
      return made.takeError();
    context->states = made.take();
  }

  Result<std::unique_ptr<Executor>> executor =
      device.createExecutor({.model = tables,
                             .variant = variant,
                             .weights = context->shared->deviceWeights(),
                             .cache = &context->pool->memory(),
                             .state = context->states ? &context->states->memory() : nullptr},
                            {.threads = options.threads});
  if (!executor)
    return executor.takeError();
  context->executor = executor.take();

  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    const lathe_program &program = variant.programs[i];
    const uint32_t rows = program.distinct_sequences ? 1 : program.max_rows;
    context->rowLimit = std::max(context->rowLimit, rows);
    context->logitRowLimit = std::max(context->logitRowLimit, std::min(rows, program.max_logit_rows));
  }
  return context;
}

unsigned Context::threads() const { return executor->threads(); }

std::span<const float> Context::logits(size_t row) const {
  assert(row < latestLogitRows && logitsHere && "no logits of such a row");
  return {executor->logits(row), shared->tables().vocabulary};
}

LargestWanted Context::largestFor(const Sampler &sampler) const {
  const LargestWanted wanted = sampler.largestWanted();
  return wanted.count <= executor->mostLargest() ? wanted : LargestWanted();
}

Result<int32_t> Context::choose(size_t row, Sampler &sampler, std::span<const int32_t> history) {
  if (!logitsHere) {
    const auto fetch = [&](size_t first, size_t count) {
      const Result<std::span<const float>> some = executor->fetchLogits(row, first, count);
      return some ? *some : std::span<const float>(); // what failed then fails again
    };
    if (const auto id = sampler.sampleLargest(executor->largest(row), shared->tables().vocabulary, history, fetch))
      return *id;
    if (Result<void> fetched = executor->fetchLogits(); !fetched)
      return fetched.takeError();
    logitsHere = true;
  }
  return sampler.sample(logits(row), history);
}

Result<void> Context::gather(std::span<const StepPart> parts) {
  const size_t slots = shared->tables().max_slots;
  if (parts.empty() || parts.size() > slots)
    return error("a step of ", parts.size(), " sequences; 1 to ", slots, " are possible");
  batch.ids.clear();
  batch.positions.clear();
  batch.slots.clear();
  batch.logitRows.clear();
  batch.lengths.clear();
  batch.distinct = true;
  batch.largest = 0;
  batch.temperatures.clear();
  bool all = false, sums = false; // of some part
  for (size_t slot = 0; slot < parts.size(); ++slot) {
    const StepPart &part = parts[slot];
    if (!part.sequence || part.sequence->owner() != pool.get())
      return error("part ", slot, " of a step: its sequence is of another context");
    for (size_t other = 0; other < slot; ++other)
      if (parts[other].sequence == part.sequence)
        return error("parts ", other, " and ", slot, " of a step are of the same sequence");
    if (part.ids.empty())
      return error("part ", slot, " of a step has no tokens");
    if (part.ids.size() > part.sequence->room())
      return error("sequence full: it has ", part.sequence->length(), " of ", pool->layout().maxPositions,
                   " positions and ", part.ids.size(), " more are asked for");
    const uint64_t length = part.sequence->length() + part.ids.size(), known = part.known ? part.known : length;
    if (known < length || known > pool->layout().maxPositions)
      return error("part ", slot, " of a step: ", known, " known tokens; its sequence will have ", length, " of ",
                   pool->layout().maxPositions);
    batch.distinct &= part.ids.size() == 1;
    if (part.logits != LogitsWanted::None) {
      all |= part.largest.count == 0;
      sums |= part.largest.temperature > 0;
      batch.largest = std::max(batch.largest, part.largest.count);
    }
    for (size_t i = 0; i < part.ids.size(); ++i) {
      if (part.logits == LogitsWanted::All || (part.logits == LogitsWanted::Last && i + 1 == part.ids.size())) {
        batch.logitRows.push_back(int32_t(batch.ids.size()));
        batch.temperatures.push_back(part.largest.temperature > 0 ? part.largest.temperature : 1);
      }
      batch.ids.push_back(part.ids[i]);
      batch.positions.push_back(int32_t(part.sequence->length() + i));
      batch.slots.push_back(int32_t(slot));
      batch.lengths.push_back(int32_t(known));
    }
  }
  if (all)
    batch.largest = 0;
  if (all || !sums)
    batch.temperatures.clear();
  return {};
}

Result<size_t> Context::chooseProgram() const {
  const lathe_variant &variant = shared->variant();
  for (size_t i = 0; i < variant.n_programs; ++i) { // the smallest first
    const lathe_program &program = variant.programs[i];
    if (batch.ids.size() <= program.max_rows && batch.logitRows.size() <= program.max_logit_rows &&
        (batch.distinct || !program.distinct_sequences))
      return i;
  }
  return error("no program of the model takes a step of ", batch.ids.size(), " rows with logits of ",
               batch.logitRows.size(),
               batch.distinct ? " and one row of a sequence" : " and several rows of a sequence",
               "; the largest takes ", rowLimit, " rows of a sequence with logits of ", logitRowLimit);
}

Result<void> Context::prepare(std::span<const StepPart> parts) {
  for (size_t slot = 0; slot < parts.size(); ++slot) {
    Sequence &sequence = *parts[slot].sequence;
    if (Result<void> ready = sequence.prepare(uint32_t(parts[slot].ids.size())); !ready) {
      noRoom = slot;
      return error("part ", slot, " of a step: ", ready.message());
    }
    executor->pages().setBlock(slot, std::max(sequence.block(), PagePool::kSinkPage));
    const std::span<int32_t> line = executor->pages().line(slot);
    const auto rest = std::ranges::copy(sequence.pages(), line.begin()).out;
    std::fill(rest, line.end(), PagePool::kSinkPage);
  }
  return {};
}

/// The first phase that uses a layer's cache: that appends to it.
static const char *appendingPhase(const lathe_variant &variant, const lathe_program &program, uint32_t layer) {
  for (uint32_t i = 0; i < program.n_phases; ++i) {
    const lathe_phase &phase = variant.phases[program.first_phase + i];
    for (uint32_t c = 0; c < phase.n_calls; ++c) {
      const lathe_call &call = variant.calls[phase.first_call + c];
      for (uint32_t v = 0; v < call.n_views; ++v) {
        const lathe_view &view = variant.views[call.first_view + v];
        if (view.base == LATHE_BASE_CACHE && view.layer == int32_t(layer))
          return phase.name;
      }
    }
  }
  return "of no name";
}

Result<void> Context::checkPositions(const Sequence &sequence, uint32_t first, uint32_t count) const {
  const lathe_variant &variant = shared->variant();
  const std::optional<CacheFault> fault = findNonFinite(variant.cache, *pool, sequence, first, count);
  if (!fault)
    return {};
  const char *infinite = variant.cache.type.code == LATHE_INT
                             ? " is beyond what a q8 cache can hold; a bundle compiled with --kv f32 would be right"
                         : variant.cache.type.bits == 16
                             ? " is beyond 65504, the largest number of an f16 cache; a bundle compiled with --kv f32 "
                               "would be right"
                             : " is infinite";
  return error("program ", latest->name, ", phase \"", appendingPhase(variant, *latest, fault->layer), "\": a ",
               fault->key ? "key" : "value", " of position ", fault->position,
               fault->nan ? " is not a number" : infinite);
}

Result<void> Context::checkCached(std::span<const StepPart> parts) const {
  for (const StepPart &part : parts) {
    // One position's keys are a cache line each, which another core has just written: too dear for every token. Those of
    // steps of one token are looked at together, once their page is full or nothing follows (checkLastPage).
    uint32_t first = part.sequence->length(), count = uint32_t(part.ids.size());
    if (count == 1) {
      if ((first + 1) % LATHE_PAGE_POSITIONS != 0)
        continue;
      count = LATHE_PAGE_POSITIONS;
      first = first + 1 - count;
    }
    if (Result<void> sound = checkPositions(*part.sequence, first, count); !sound)
      return sound;
  }
  return {};
}

Result<void> Context::checkLastPage(const Sequence &sequence) const {
  const uint32_t count = sequence.length() % LATHE_PAGE_POSITIONS;
  return count == 0 ? Result<void>() : checkPositions(sequence, sequence.length() - count, count);
}

Result<void> Context::step(std::span<const StepPart> parts, const PhaseObserver &observer) {
  noRoom.reset();
  if (Result<void> fits = gather(parts); !fits)
    return fits;
  const Result<size_t> program = chooseProgram();
  if (!program)
    return program.failure();
  Result<void> done = prepare(parts);
  const bool ran = bool(done);
  if (done)
    done = executor->run(*program,
                         {batch.ids, batch.positions, batch.slots, batch.logitRows, batch.lengths, batch.largest,
                          batch.temperatures},
                         observer);
  latest = shared->variant().programs + *program;
  if (done)
    done = checkCached(parts);
  logitsHere = batch.largest == 0;
  latestLogitRows = done ? batch.logitRows.size() : 0;
  for (const StepPart &part : parts) {
    if (done)
      part.sequence->commit(uint32_t(part.ids.size()));
    else // gives back what was prepared
      part.sequence->truncate(ran && states ? 0 : part.sequence->length());
  }
  return done;
}

} // namespace lathe
