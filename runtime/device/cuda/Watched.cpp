// Steps that are looked at: phase by phase for an observer, or with events between phases for a record.
#include "runtime/device/cuda/CudaExecutor.h"
#include <algorithm>
#include <limits>

namespace lathe::cuda {

namespace {

/// Nothing takes no time; a clock may say so.
constexpr double kLeastSeconds = 1e-9;

/// The table of a phase of choices: its first number is that of tiles.
CUdeviceptr choiceTable(const lathe_variant &variant, const Bases &bases, const lathe_phase &phase) {
  return bases.address(variant.views[phase.choices.table - 1]);
}

/// A grid with as many row tiles as the table of a phase of choices says.
Grid ofChoices(const lathe_phase &phase, Grid grid, int32_t tiles) {
  grid.rowTiles = uint64_t(std::max(tiles, 0)) * phase.choices.tile_rows / phase.rows_per_tile;
  return grid;
}

Result<double> secondsBetween(const Card &card, const Event &begin, const Event &end) {
  float milliseconds = 0;
  if (CUresult code = card.driver.cuEventElapsedTime(&milliseconds, begin.get(), end.get()))
    return card.failure(code, "reading the time of a phase");
  return double(milliseconds) * 1e-3;
}

/// Makes events until there are `count`.
Result<void> makeEvents(const Card &card, std::vector<Event> &events, size_t count) {
  while (events.size() < count) {
    Result<Event> event = createEvent(card);
    if (!event)
      return event.takeError();
    events.push_back(event.take());
  }
  return {};
}

} // namespace

template <typename Number>
Result<void> CudaExecutor::read(CUdeviceptr from, Number *into, size_t count, const lathe_phase &phase) {
  CUresult code = card.driver.cuMemcpyDtoHAsync_v2(into, from, count * sizeof(Number), stream.get());
  if (!code)
    code = card.driver.cuStreamSynchronize(stream.get());
  if (code)
    return card.failure(code, std::string("reading what phase \"") + phase.name + "\" has");
  return {};
}

Result<void> CudaExecutor::runWatched(const PhaseObserver &observer) {
  unread.reset();
  if (Result<void> ready = makeEvents(card, events, 2); !ready)
    return ready;
  if (CUresult code = block->copy(stream.get()))
    return card.failure(code, "copying the rows of a step");
  for (uint32_t i = 0; i < inputs.program().n_phases; ++i) {
    const lathe_phase &phase = variant.phases[inputs.program().first_phase + i];
    const Grid grid = gridOf(variant, phase, inputs, splits);
    if (grid.tiles() == 0)
      continue;
    if (CUresult code = card.driver.cuEventRecord(events[0].get(), stream.get()))
      return card.failure(code, "noting the time of a phase");
    if (Result<void> started = launch(phase, grid, /*early=*/false); !started)
      return started;
    CUresult code = card.driver.cuEventRecord(events[1].get(), stream.get());
    if (!code)
      code = card.driver.cuStreamSynchronize(stream.get());
    if (code) // of the kernel, whichever call tells it
      return card.failure(code, Launches::describe(phase, grid) + ", of program " + inputs.program().name);
    if (!observer)
      continue;
    const Result<double> seconds = secondsBetween(card, events[0], events[1]);
    if (!seconds)
      return seconds.failure();
    if (Result<void> seen = observe(observer, phase, grid, std::max(*seconds, kLeastSeconds)); !seen)
      return seen;
  }
  if (Result<void> copied = bringLogits(); !copied)
    return copied;
  return wait();
}

Result<void> CudaExecutor::observe(const PhaseObserver &observer, const lathe_phase &phase, const Grid &launched,
                                   double seconds) {
  Grid grid = launched;
  if (phase.splits)
    grid.splits = inputs.splits();
  size_t rows = inputs.rowsOf(phase);
  if (phase.choices.table) {
    int32_t tiles = 0;
    if (Result<void> here = read(choiceTable(variant, bases, phase), &tiles, 1, phase); !here)
      return here;
    grid = ofChoices(phase, grid, tiles);
    rows = size_t(std::max(tiles, 0)) * phase.choices.tile_rows;
  }
  PhaseEvent event{};
  event.phase = size_t(&phase - (variant.phases + inputs.program().first_phase));
  event.table = &phase;
  event.seconds = seconds;
  event.tiles = grid.tiles();
  if (phase.result) {
    const lathe_view &view = variant.views[phase.result - 1];
    const lathe_dim *dims = variant.dims + view.first_dim;
    event.rows = rows;
    event.columns = size_t(dims[0].extent);
    event.rowStride = size_t(dims[1].stride);
    event.fetch = [this, &phase, &view, rows, columns = event.columns, stride = event.rowStride]() -> const float * {
      const size_t count = rows ? (rows - 1) * stride + columns : 0;
      fetched.resize(count);
      if (Result<void> here = read(bases.address(view), fetched.data(), count, phase); !here && !unread) {
        unread = here.takeError();
        std::ranges::fill(fetched, std::numeric_limits<float>::quiet_NaN()); // the step fails when the observer is back
      }
      return fetched.data();
    };
  }
  observer(event);
  return unread ? Result<void>(*unread) : Result<void>();
}

Result<void> CudaExecutor::mark() {
  if (marks == events.size()) {
    Result<Event> event = createEvent(card);
    if (!event)
      return event.takeError();
    events.push_back(event.take());
  }
  if (CUresult code = card.driver.cuEventRecordWithFlags(events[marks].get(), stream.get(), CU_EVENT_RECORD_EXTERNAL))
    return card.failure(code, "noting the time of a phase");
  ++marks;
  return {};
}

/// What enqueue() does, with an event before and behind each phase: between two of them one is both.
Result<void> CudaExecutor::enqueueRecorded() {
  auto *counts = reinterpret_cast<int32_t *>(choiceCounts.data());
  marks = 0;
  recorded.clear();
  if (Result<void> marked = mark(); !marked)
    return marked;
  if (CUresult code = block->copy(stream.get()))
    return card.failure(code, "copying the rows of a step");
  if (Result<void> marked = mark(); !marked)
    return marked;
  for (uint32_t i = 0; i < inputs.program().n_phases; ++i) {
    const lathe_phase &phase = variant.phases[inputs.program().first_phase + i];
    const Grid grid = gridOf(variant, phase, inputs, splits);
    if (grid.tiles() == 0)
      continue;
    if (phase.choices.table) { // later phases may have its place
      if (CUresult code = card.driver.cuMemcpyDtoHAsync_v2(counts + i, choiceTable(variant, bases, phase),
                                                           sizeof(int32_t), stream.get()))
        return card.failure(code, "reading a table of choices");
      if (Result<void> marked = mark(); !marked)
        return marked;
    }
    if (Result<void> started = launch(phase, grid, /*early=*/false); !started)
      return started;
    if (Result<void> marked = mark(); !marked)
      return marked;
    recorded.push_back({&phase, marks - 2, marks - 1});
  }
  return bringLogits();
}

Result<void> CudaExecutor::runRecorded(size_t program) {
  const lathe_program &table = inputs.program();
  if (choiceCounts.size() < variant.n_phases * sizeof(int32_t)) {
    Result<PinnedMemory> memory = PinnedMemory::create(card, variant.n_phases * sizeof(int32_t), "records of steps");
    if (!memory)
      return memory.takeError();
    choiceCounts = memory.take();
  }
  if (const StepKey key = keyOf(program); recordedKey != key) {
    recordedKey.reset();
    Result<GraphExec> graph = capture(card, stream, [this] { return enqueueRecorded(); });
    if (!graph)
      return graph.takeError();
    recordedGraph = graph.take();
    recordedKey = key;
  }
  recording->beginStep(table, inputs.rows(), /*workers=*/1);
  if (Result<void> started = start(recordedGraph); !started)
    return started;
  if (Result<void> done = wait(); !done)
    return done;
  const auto *counts = reinterpret_cast<const int32_t *>(choiceCounts.data());
  const auto at = [&](double seconds) {
    return recording->steps().back().begin +
           std::chrono::duration_cast<StepRecord::Clock::duration>(std::chrono::duration<double>(seconds));
  };
  for (const Recorded &ran : recorded) {
    const Result<double> begin = secondsBetween(card, events[0], events[ran.begin]);
    const Result<double> end = secondsBetween(card, events[0], events[ran.end]);
    for (const Result<double> *read : {&begin, &end})
      if (!*read)
        return read->failure();
    Grid grid = gridOf(variant, *ran.phase, inputs, uint32_t(inputs.splits()));
    if (ran.phase->choices.table)
      grid = ofChoices(*ran.phase, grid, counts[ran.phase - (variant.phases + table.first_phase)]);
    recording->lane(0).spans.push_back({at(*begin), at(*end)});
    recording->add(*ran.phase, grid.tiles());
  }
  recording->endStep();
  return {};
}

} // namespace lathe::cuda
