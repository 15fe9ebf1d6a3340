// What the executor does before and after a step's parallel region: memory, checks of the rows, messages.
#include "runtime/device/cpu/Executor.h"
#include <algorithm>
#include <cstring>

namespace lathe {

namespace {
constexpr uint64_t kLine = 64, kPage = 4096;
uint64_t roundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
} // namespace

uint32_t paddingRows(const lathe_variant &variant) {
  uint32_t most = 1;
  for (uint32_t i = 0; i < variant.n_phases; ++i)
    most = std::max(most, variant.phases[i].rows_per_tile);
  for (uint32_t i = 0; i < variant.n_calls; ++i)
    most = std::max(most, variant.calls[i].rows_per_call);
  return most;
}

Result<std::unique_ptr<Executor>> Executor::create(const lathe_model &model, const lathe_variant &variant,
                                                   const ModelMemory &memory, WorkerPool &workers) {
  std::unique_ptr<Executor> executor(new Executor(model, variant, workers));
  if (Result<void> done = executor->allocate(memory); !done)
    return done.takeError();
  return executor;
}

Result<void> Executor::allocate(const ModelMemory &memory) {
  // Programs run one at a time and keep nothing between steps, so one arena serves all.
  uint64_t arenaBytes = 0, scratchBytes = 0, rows = 0, wanted = 0;
  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    const lathe_program &program = variant.programs[i];
    arenaBytes = std::max(arenaBytes, program.arena_bytes);
    scratchBytes = std::max(scratchBytes, program.scratch_bytes);
    rows = std::max<uint64_t>(rows, program.max_rows);
    wanted = std::max<uint64_t>(wanted, program.max_logit_rows);
  }
  paddingRowCount = paddingRows(variant);
  const uint64_t padding = paddingRowCount;
  const uint64_t rowEntries = roundUp(rows + padding, kLine / sizeof(int32_t));
  const uint64_t scratchStride = roundUp(std::max<uint64_t>(scratchBytes, 1), kPage);

  const struct {
    AlignedBuffer &into;
    uint64_t bytes;
    const char *what;
    AlignedBuffer::Pages pages = AlignedBuffer::Pages::Normal;
  } wants[] = {{arena, arenaBytes, "memory between phases", AlignedBuffer::Pages::Huge},
               {scratch, scratchStride * workers.size(), "workers' scratch", AlignedBuffer::Pages::Huge},
               {rowMemory, 6 * rowEntries * sizeof(int32_t), "rows of a step"},
               {pageMemory, (uint64_t(model.max_slots) + 1) * variant.cache.max_pages * sizeof(int32_t), "page table"},
               {logitMemory, (wanted + padding) * variant.logits_stride * sizeof(float), "logits"}};
  for (const auto &want : wants) {
    Result<AlignedBuffer> got = AlignedBuffer::create(want.bytes, want.what, want.pages);
    if (!got)
      return got.takeError();
    want.into = got.take();
  }

  const std::span<int32_t> all = rowMemory.as<int32_t>();
  ids = all.subspan(0, rowEntries);
  positions = all.subspan(rowEntries, rowEntries);
  slots = all.subspan(2 * rowEntries, rowEntries);
  logitRows = all.subspan(3 * rowEntries, rowEntries);
  lengths = all.subspan(4 * rowEntries, rowEntries);
  blocks = all.subspan(5 * rowEntries, rowEntries);
  blockOfSlot.resize(model.max_slots);
  slotUsers.resize(model.max_slots);

  const auto bytes = [](std::span<int32_t> entries) { return reinterpret_cast<uint8_t *>(entries.data()); };
  bases.start[LATHE_BASE_ARENA] = arena.data();
  bases.start[LATHE_BASE_WEIGHTS] = const_cast<uint8_t *>(memory.weights); // mapped read-only: a write would fault
  bases.start[LATHE_BASE_IDS] = bytes(ids);
  bases.start[LATHE_BASE_POSITIONS] = bytes(positions);
  bases.start[LATHE_BASE_SLOTS] = bytes(slots);
  bases.start[LATHE_BASE_PAGES] = pageMemory.data();
  bases.start[LATHE_BASE_LOGIT_ROWS] = bytes(logitRows);
  bases.start[LATHE_BASE_LOGITS] = logitMemory.data();
  bases.start[LATHE_BASE_LENGTHS] = bytes(lengths);
  bases.cache = memory.cache;
  bases.cacheLayerBytes = memory.cacheLayerBytes;
  bases.start[LATHE_BASE_BLOCKS] = bytes(blocks);
  bases.state = memory.state;
  bases.stateLayerBytes = memory.stateLayerBytes;
  plan = makePlan(variant, bases);

  state = std::vector<Worker>(workers.size());
  for (size_t i = 0; i < state.size(); ++i) {
    Worker &worker = state[i];
    for (size_t k = 0; k < kMaxArguments; ++k)
      worker.arguments[k] = &worker.buffers[k];
    worker.local[size_t(Local::Scratch)] = reinterpret_cast<uintptr_t>(scratch.data() + i * scratchStride);
    worker.local[size_t(Local::Tile)] = reinterpret_cast<uintptr_t>(worker.tile);
    worker.tile[3] = int32_t(i);
  }
  return {};
}

std::span<int32_t> Executor::pageLine(size_t slot) {
  return pageMemory.as<int32_t>().subspan(slot * variant.cache.max_pages, variant.cache.max_pages);
}

Result<void> Executor::check(const lathe_program &program, const StepRows &rows) {
  const size_t count = rows.ids.size();
  if (count == 0 || count > program.max_rows)
    return error("a step of ", count, " rows; program ", program.name, " takes 1 to ", program.max_rows);
  if (rows.positions.size() != count || rows.slots.size() != count)
    return error("a step of ", count, " rows has ", rows.positions.size(), " positions and ", rows.slots.size(),
                 " slots; each row needs one");
  if (!rows.lengths.empty() && rows.lengths.size() != count)
    return error("a step of ", count, " rows has ", rows.lengths.size(), " lengths; each row needs one, or none has");
  if (rows.logitRows.size() > program.max_logit_rows)
    return error("logits of ", rows.logitRows.size(), " rows are wanted; program ", program.name, " gives at most ",
                 program.max_logit_rows);
  std::fill(slotUsers.begin(), slotUsers.end(), 0);
  for (size_t i = 0; i < count; ++i) {
    if (uint32_t(rows.ids[i]) >= model.vocabulary)
      return error("row ", i, ": token ", rows.ids[i], " is not in the vocabulary of ", model.vocabulary);
    if (uint32_t(rows.positions[i]) >= model.max_context)
      return error("row ", i, ": position ", rows.positions[i], " is not below the context of ", model.max_context);
    if (!rows.lengths.empty() &&
        (rows.lengths[i] <= rows.positions[i] || uint32_t(rows.lengths[i]) > model.max_context))
      return error("row ", i, ": a sequence of length ", rows.lengths[i], " does not hold position ", rows.positions[i],
                   " or is longer than the context of ", model.max_context);
    if (uint32_t(rows.slots[i]) >= model.max_slots)
      return error("row ", i, ": slot ", rows.slots[i], " is not below ", model.max_slots);
    if (++slotUsers[size_t(rows.slots[i])] > 1 && program.distinct_sequences)
      return error("row ", i, ": slot ", rows.slots[i], " comes twice, but program ", program.name,
                   " takes one row of a sequence");
  }
  for (size_t i = 0; i < rows.logitRows.size(); ++i)
    if (rows.logitRows[i] < 0 || size_t(rows.logitRows[i]) >= count)
      return error("logits of row ", rows.logitRows[i], " are wanted in a step of ", count, " rows");
  return {};
}

void Executor::load(const StepRows &rows) {
  const size_t count = rows.ids.size();
  int32_t paddingSlot = 0, longest = 0;
  for (size_t i = 0; i < count; ++i) {
    paddingSlot = std::max(paddingSlot, rows.slots[i] + 1);
    longest = std::max(longest, rows.positions[i]);
    blocks[i] = blockOfSlot[size_t(rows.slots[i])]; // in_order phases have no padding rows
  }
  const auto fill = [&](std::span<int32_t> into, std::span<const int32_t> from, int32_t rest) {
    std::copy(from.begin(), from.end(), into.begin());
    std::fill_n(into.begin() + ptrdiff_t(from.size()), paddingRowCount, rest);
  };
  fill(ids, rows.ids, 0);
  fill(positions, rows.positions, 0);
  fill(slots, rows.slots, paddingSlot);
  fill(logitRows, rows.logitRows, 0);
  fill(lengths, rows.lengths, 1);
  for (size_t i = 0; rows.lengths.empty() && i < count; ++i)
    lengths[i] = rows.positions[i] + 1;
  std::ranges::fill(pageLine(size_t(paddingSlot)), 0); // the sink
  step.rows = count;
  step.logitRows = rows.logitRows.size();
  step.splits = (uint64_t(longest) + variant.cache.split_positions) / variant.cache.split_positions;
}

Result<void> Executor::run(size_t program, const StepRows &rows, const PhaseObserver &observer) {
  if (program >= variant.n_programs)
    return error("program ", program, " does not exist; the model has ", variant.n_programs);
  step.program = variant.programs + program;
  step.observer = &observer;
  if (Result<void> fits = check(*step.program, rows); !fits)
    return fits;
  load(rows);
  nextTile.store(0, std::memory_order_relaxed);
  failed.store(false, std::memory_order_relaxed);
  auto body = [this](unsigned worker) { walk(worker); };
  workers.run(body);
  if (failed.load())
    return failureMessage();
  return {};
}

Error Executor::failureMessage() const {
  const char *phase = "?";
  for (uint32_t i = 0; i < step.program->n_phases; ++i) {
    const lathe_phase &candidate = variant.phases[step.program->first_phase + i];
    if (failedCall - candidate.first_call < candidate.n_calls ||
        failedCall - candidate.first_prologue < candidate.n_prologue)
      phase = candidate.name;
  }
  return error("phase \"", phase, "\" of program ", step.program->name, ": kernel ",
               variant.kernels[variant.calls[failedCall].kernel].symbol, " failed with code ", failedCode);
}

} // namespace lathe
