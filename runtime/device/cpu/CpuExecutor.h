//===- CpuExecutor.h - runs the steps of a program on the workers ---------------------------------------*- C++ -*-===//
//
// A step is one parallel region. Every worker walks the program's phases; a phase is a grid of tiles
//
//     row tiles (m, innermost) x column tiles (n) x splits (s, outermost)
//
// taken in runs from a counter, so neighbouring tiles of a run share a column's weights; a barrier ends the phase.
// Which worker runs a tile changes nothing in what it computes: the bits of a step are the same for any number of
// workers.
//
// Where rows of a sequence follow from one another (phase.in_order: recurrent layers), a tile is a column tile of all
// rows and takes them one by one, so each sequence's state goes through its rows in their order.
// Choices of experts are rows that an earlier phase of the step has sorted: how many there are, and whose weights a
// tile takes, stands in its table.
//
// Nothing is allocated, locked or asked of the system within a step (waiting workers give way after a while).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_CPUEXECUTOR_H
#define LATHE_RUNTIME_DEVICE_CPU_CPUEXECUTOR_H

#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Result.h"
#include "runtime/device/Device.h"
#include "runtime/device/cpu/Plan.h"
#include "runtime/device/cpu/WorkerPool.h"
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

namespace lathe {

class CpuExecutor final : public Executor {
public:
  /// Of HostWeights and HostPages (CpuDevice.h).
  static Result<std::unique_ptr<CpuExecutor>> create(const ExecutorInput &input, std::unique_ptr<WorkerPool> workers);

  PageTable &pages() override { return inputs; }
  Result<void> run(size_t program, const StepRows &rows, const PhaseObserver &observer = {}) override;
  const float *logits(size_t row) const override {
    return reinterpret_cast<const float *>(logitMemory.data()) + row * variant.logits_stride;
  }
  unsigned threads() const override { return workers->size(); }

private:
  CpuExecutor(const lathe_variant &variant, StepInputs inputs, std::unique_ptr<WorkerPool> pool)
      : variant(variant), inputs(std::move(inputs)), workers(std::move(pool)),
        barrier(workers->size(), workers->spins()) {}

  /// What one worker needs to call a kernel.
  struct alignas(kApart) Worker {
    std::array<lathe_buffer, LATHE_MAX_ARGUMENTS> buffers{};
    std::array<void *, LATHE_MAX_ARGUMENTS> arguments{};
    std::array<uintptr_t, 3> local{}; ///< by Local
    int32_t tile[7]{};                ///< LATHE_BASE_TILE: {m, n, s, worker, rows of the step, first, count}
  };

  struct Grid {
    uint64_t rowTiles, columnTiles, splits;
    uint64_t tiles() const { return rowTiles * columnTiles * splits; }
  };

  Result<void> allocate(const ExecutorInput &input);
  Error failureMessage() const;

  void walk(unsigned worker);
  bool claim(uint64_t tiles, uint64_t &begin, uint64_t &end);
  void runPhase(Worker &self, const lathe_phase &phase, const Grid &grid);
  bool runTile(Worker &self, const lathe_phase &phase, int64_t m, int64_t n, int64_t s);
  bool runCalls(Worker &self, const lathe_phase &phase, int64_t m, int64_t n, int64_t s);
  bool runPrologue(Worker &self, const lathe_phase &phase);
  /// A call, as often as it takes to cover the rows of its tile.
  bool callRows(Worker &self, const lathe_phase &phase, uint32_t index, int64_t m, int64_t n, int64_t s,
                int64_t expert);
  /// A call for each run of rows of one sequence among those that it takes.
  bool callRuns(Worker &self, const lathe_phase &phase, uint32_t index, int64_t m, int64_t n, int64_t s,
                int64_t within);
  bool call(Worker &self, uint32_t index, int64_t m, int64_t n, int64_t s, int64_t expert = 0, int64_t within = 0);
  void observe(const lathe_phase &phase, const Grid &grid, double seconds) const;
  Grid gridOf(const lathe_phase &phase) const;
  size_t rowsOf(const lathe_phase &phase) const;
  /// The table of a phase of choices, as an earlier phase has written it: the number of tiles, then their experts.
  const int32_t *choiceTable(const lathe_phase &phase) const;
  void prefetchTables(const lathe_phase &phase) const;

  const lathe_variant &variant;
  StepInputs inputs;
  std::unique_ptr<WorkerPool> workers;
  Plan plan;
  Bases bases;
  AlignedBuffer arena, scratch, logitMemory;
  std::vector<Worker> state;
  const PhaseObserver *observer = nullptr; ///< of the running step
  using Clock = std::chrono::steady_clock;
  Clock::time_point phaseStart, phaseEnd; ///< of an observed step: written by the last worker at a barrier

  Barrier barrier;
  alignas(kApart) std::atomic<uint64_t> nextTile{0};
  alignas(kApart) std::atomic<bool> failed{false};
  bool stop = false; ///< written by the last worker at a barrier, read by all after it
  uint32_t failedCall = 0;
  int failedCode = 0;
};

} // namespace lathe

#endif
