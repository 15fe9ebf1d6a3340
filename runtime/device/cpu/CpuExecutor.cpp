#include "runtime/device/cpu/CpuExecutor.h"
#include "runtime/device/cpu/FloatEnvironment.h"
#include <algorithm>
#include <chrono>

namespace lathe {

namespace {

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// A run of tiles is this part of an even share of what is left: long runs first, so that weights stream in order,
/// single tiles at last, so that all workers end together.
constexpr uint64_t kRunsPerShare = 4;

/// Lines of the next phase's tables to fetch before a barrier.
constexpr size_t kPrefetchLines = 48;

} // namespace

size_t CpuExecutor::rowsOf(const lathe_phase &phase) const {
  return phase.rows == LATHE_ROWS_CHOICES ? size_t(*choiceTable(phase)) * phase.choices.tile_rows
                                          : inputs.rowsOf(phase);
}

const int32_t *CpuExecutor::choiceTable(const lathe_phase &phase) const {
  return reinterpret_cast<const int32_t *>(plan.views[phase.choices.table - 1].address);
}

CpuExecutor::Grid CpuExecutor::gridOf(const lathe_phase &phase) const {
  const uint64_t rows = rowsOf(phase), rowTiles = phase.in_order ? rows != 0 : divideUp(rows, phase.rows_per_tile);
  return {rowTiles, phase.column_tiles, phase.splits ? inputs.splits() : 1};
}

void CpuExecutor::walk(unsigned worker) {
  const FloatEnvironment environment;
  Worker &self = state[worker];
  self.tile[4] = int32_t(inputs.rows());
  const lathe_phase *phase = variant.phases + inputs.program().first_phase, *end = phase + inputs.program().n_phases;
  const bool observed = bool(*observer);
  StepRecord::Lane *lane = recording ? &recording->lane(worker) : nullptr;
  for (; phase != end; ++phase) {
    const Grid grid = gridOf(*phase);
    if (grid.tiles() == 0)
      continue; // no logits are wanted: all workers see that
    if (lane)
      lane->begin();
    runPhase(self, *phase, grid);
    if (phase + 1 != end)
      prefetchTables(phase[1]);
    if (lane)
      lane->end();
    if (lane && worker == 0)
      recording->add(*phase, grid.tiles());
    // `failed` can be raised by a faster worker as soon as we are past the barrier, so all must go by one copy of it.
    barrier.arrive([&] {
      nextTile.store(0, std::memory_order_relaxed);
      stop = failed.load(std::memory_order_relaxed);
      if (observed)
        phaseEnd = Clock::now();
    });
    if (stop)
      return;
    if (observed) {
      if (worker == 0)
        observe(*phase, grid, std::chrono::duration<double>(phaseEnd - phaseStart).count());
      // Not when this worker goes on: it may be without a core while another one does all of the phase.
      barrier.arrive([&] { phaseStart = Clock::now(); });
    }
  }
}

bool CpuExecutor::claim(uint64_t tiles, uint64_t &begin, uint64_t &end) {
  begin = nextTile.load(std::memory_order_relaxed);
  const uint64_t share = kRunsPerShare * workers->size();
  do {
    if (begin >= tiles)
      return false;
    end = workers->size() == 1 ? tiles : begin + std::max<uint64_t>(1, (tiles - begin) / share);
  } while (!nextTile.compare_exchange_weak(begin, end, std::memory_order_relaxed));
  return true;
}

void CpuExecutor::runPhase(Worker &self, const lathe_phase &phase, const Grid &grid) {
  uint64_t begin, end;
  const uint64_t tiles = grid.tiles();
  for (bool first = true; claim(tiles, begin, end); first = false) {
    if (first && !runPrologue(self, phase))
      return;
    uint64_t m = begin % grid.rowTiles, rest = begin / grid.rowTiles;
    uint64_t n = rest % grid.columnTiles, s = rest / grid.columnTiles;
    for (uint64_t tile = begin; tile < end; ++tile) {
      if (!runTile(self, phase, int64_t(m), int64_t(n), int64_t(s)))
        return;
      if (++m == grid.rowTiles) {
        m = 0;
        if (++n == grid.columnTiles) {
          n = 0;
          ++s;
        }
      }
    }
  }
}

bool CpuExecutor::runPrologue(Worker &self, const lathe_phase &phase) {
  for (uint32_t i = 0; i < phase.n_prologue; ++i) {
    const uint32_t index = phase.first_prologue + i;
    const uint64_t groups = divideUp(rowsOf(phase), variant.calls[index].rows_per_call);
    for (uint64_t m = 0; m < groups; ++m)
      if (!call(self, index, int64_t(m), 0, 0))
        return false;
  }
  return true;
}

bool CpuExecutor::runTile(Worker &self, const lathe_phase &phase, int64_t m, int64_t n, int64_t s) {
  if (!phase.in_order)
    return runCalls(self, phase, m, n, s);
  const int64_t rows = int64_t(rowsOf(phase));
  for (int64_t row = 0; row < rows; ++row)
    if (!runCalls(self, phase, row, n, s))
      return false;
  return true;
}

bool CpuExecutor::runCalls(Worker &self, const lathe_phase &phase, int64_t m, int64_t n, int64_t s) {
  const int64_t expert =
      phase.rows == LATHE_ROWS_CHOICES ? choiceTable(phase)[1 + m * phase.rows_per_tile / phase.choices.tile_rows] : 0;
  for (uint32_t i = 0; i < phase.n_calls; ++i) {
    const uint32_t index = phase.first_call + i;
    if (plan.calls[index].overSplits) {
      for (uint64_t split = 0; split < inputs.splits(); ++split)
        if (!callRows(self, phase, index, m, n, int64_t(split), expert))
          return false;
    } else if (!callRows(self, phase, index, m, n, s, expert)) {
      return false;
    }
  }
  return true;
}

bool CpuExecutor::callRows(Worker &self, const lathe_phase &phase, uint32_t index, int64_t m, int64_t n, int64_t s,
                           int64_t expert) {
  const uint32_t rows = plan.calls[index].rows;
  const int64_t times = rows == phase.rows_per_tile ? 1 : phase.rows_per_tile / rows; // mostly no division
  const bool runs = plan.calls[index].oneSequence;
  for (int64_t within = 0; within < times; ++within)
    if (runs ? !callRuns(self, phase, index, m, n, s, within) : !call(self, index, m, n, s, expert, within))
      return false;
  return true;
}

bool CpuExecutor::callRuns(Worker &self, const lathe_phase &phase, uint32_t index, int64_t m, int64_t n, int64_t s,
                           int64_t within) {
  const size_t rows = plan.calls[index].rows, begin = size_t(m) * phase.rows_per_tile + size_t(within) * rows;
  for (size_t first = begin, end; first < begin + rows; first = end) {
    end = inputs.runEnd(first, begin + rows);
    self.tile[5] = int32_t(first - begin);
    self.tile[6] = int32_t(end - first);
    if (!call(self, index, m, n, s, 0, within))
      return false;
  }
  return true;
}

bool CpuExecutor::call(Worker &self, uint32_t index, int64_t m, int64_t n, int64_t s, int64_t expert, int64_t within) {
  const PlannedCall &planned = plan.calls[index];
  self.tile[0] = int32_t(m);
  self.tile[1] = int32_t(n);
  self.tile[2] = int32_t(s);
  const PlannedView *view = plan.views.data() + planned.firstView;
  lathe_buffer *buffer = self.buffers.data();
  for (uint32_t i = 0; i < planned.views; ++i, ++view, ++buffer) {
    uintptr_t address = self.local[size_t(view->local)] + view->address +
                        uintptr_t(m * view->step[0] + n * view->step[1] + s * view->step[2] + expert * view->step[3]);
    if (within) [[unlikely]]
      address += uintptr_t(within * view->step[4]);
    buffer->host = reinterpret_cast<uint8_t *>(address);
    buffer->type = view->type;
    buffer->dimensions = view->dimensions;
    buffer->dim = view->dim;
  }
  const int code = planned.function(self.arguments.data());
  if (code == 0) [[likely]]
    return true;
  if (!failed.exchange(true)) { // the first failure is the one to tell
    failedCall = index;
    failedCode = code;
  }
  return false;
}

void CpuExecutor::observe(const lathe_phase &phase, const Grid &grid, double seconds) const {
  PhaseEvent event{};
  event.phase = size_t(&phase - (variant.phases + inputs.program().first_phase));
  event.table = &phase;
  event.seconds = seconds;
  event.tiles = grid.tiles();
  if (phase.result) {
    const PlannedView &view = plan.views[phase.result - 1];
    event.fetch = [address = view.address] { return reinterpret_cast<const float *>(address); };
    event.rows = rowsOf(phase);
    event.columns = size_t(view.dim[0].extent);
    event.rowStride = size_t(view.dim[1].stride);
  }
  // A throw would leave the other workers waiting for ever: better to end.
  [&]() noexcept { (*observer)(event); }();
}

void CpuExecutor::prefetchTables(const lathe_phase &phase) const {
  // The weights that stream through push the tables out of the cache between two steps.
  const PlannedCall &first = plan.calls[phase.n_prologue ? phase.first_prologue : phase.first_call];
  const PlannedView *views = plan.views.data() + first.firstView;
  const size_t lines = std::min<size_t>(kPrefetchLines, plan.views.size() - first.firstView);
  for (size_t i = 0; i < lines; ++i)
    __builtin_prefetch(views + i);
}

} // namespace lathe
