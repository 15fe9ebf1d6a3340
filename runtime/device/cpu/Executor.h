//===- Executor.h - runs the steps of a program on the workers ------------------------------------------*- C++ -*-===//
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
// Row tiles count rows of `rows_per_tile`; the last may have padding rows behind the step's rows. Those have id 0 and
// position 0 of 1 in a slot whose pages are all page 0, the cache's sink.
//
// Nothing is allocated, locked or asked of the system within a step (waiting workers give way after a while).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_EXECUTOR_H
#define LATHE_RUNTIME_DEVICE_CPU_EXECUTOR_H

#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Result.h"
#include "runtime/device/Step.h"
#include "runtime/device/cpu/Plan.h"
#include "runtime/device/cpu/WorkerPool.h"
#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace lathe {

/// A model's memory that the executor does not own.
struct ModelMemory {
  const uint8_t *weights = nullptr; ///< weights.bin's data
  uint8_t *cache = nullptr;         ///< [layers][pages][page_bytes]
  uint64_t cacheLayerBytes = 0;
  uint8_t *state = nullptr; ///< [layers][blocks][state.bytes]
  uint64_t stateLayerBytes = 0;
};

/// Rows that the executor's arrays have beyond a program's limits: what the last tile of a phase may reach.
uint32_t paddingRows(const lathe_variant &variant);

class Executor {
public:
  /// `model` (which has passed checkTables), its memory and `workers` must outlive the executor.
  static Result<std::unique_ptr<Executor>> create(const lathe_model &model, const lathe_variant &variant,
                                                  const ModelMemory &memory, WorkerPool &workers);

  /// The page table's line of a slot, i32 [max_pages]: to be filled before a step whose rows name the slot.
  std::span<int32_t> pageLine(size_t slot);

  /// The block of the state's pool that a slot has: to be set before a step whose rows name the slot, where the model
  /// has a state.
  void setBlock(size_t slot, int32_t block) { blockOfSlot[slot] = block; }

  /// Runs one step of program number `program`. Fails, having run nothing, where the rows do not fit the program; fails
  /// with the kernel's name where one returns an error, and what the step has written is then undefined.
  /// The observer must not throw.
  Result<void> run(size_t program, const StepRows &rows, const PhaseObserver &observer = {});

  /// Logits of the latest step, f32 [logit rows][logits_stride].
  const float *logits() const { return reinterpret_cast<const float *>(logitMemory.data()); }

private:
  Executor(const lathe_model &model, const lathe_variant &variant, WorkerPool &workers)
      : model(model), variant(variant), workers(workers), barrier(workers.size(), workers.spins()) {}

  /// What one worker needs to call a kernel.
  struct alignas(kApart) Worker {
    std::array<lathe_buffer, kMaxArguments> buffers{};
    std::array<void *, kMaxArguments> arguments{};
    std::array<uintptr_t, 3> local{}; ///< by Local
    int32_t tile[5]{};                ///< LATHE_BASE_TILE: {m, n, s, worker, rows of the step}
  };

  /// The running step.
  struct Step {
    const lathe_program *program;
    const PhaseObserver *observer;
    size_t rows, logitRows;
    uint64_t splits; ///< of the longest row's context
  };

  struct Grid {
    uint64_t rowTiles, columnTiles, splits;
    uint64_t tiles() const { return rowTiles * columnTiles * splits; }
  };

  Result<void> allocate(const ModelMemory &memory);
  Result<void> check(const lathe_program &program, const StepRows &rows);
  void load(const StepRows &rows);
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
  bool call(Worker &self, uint32_t index, int64_t m, int64_t n, int64_t s, int64_t expert = 0, int64_t within = 0);
  void observe(const lathe_phase &phase, const Grid &grid, double seconds) const;
  Grid gridOf(const lathe_phase &phase) const;
  size_t rowsOf(const lathe_phase &phase) const;
  /// The table of a phase of choices, as an earlier phase has written it: the number of tiles, then their experts.
  const int32_t *choiceTable(const lathe_phase &phase) const;
  void prefetchTables(const lathe_phase &phase) const;

  const lathe_model &model;
  const lathe_variant &variant;
  WorkerPool &workers;
  Plan plan;
  Bases bases;
  AlignedBuffer arena, scratch, rowMemory, pageMemory, logitMemory;
  /// Of rowMemory, each with paddingRows more than any program's rows.
  std::span<int32_t> ids, positions, slots, logitRows, lengths, blocks;
  std::vector<int32_t> blockOfSlot;
  size_t paddingRowCount = 0;
  std::vector<int32_t> slotUsers; ///< for check(): rows of each slot
  std::vector<Worker> state;

  Step step{};
  Barrier barrier;
  alignas(kApart) std::atomic<uint64_t> nextTile{0};
  alignas(kApart) std::atomic<bool> failed{false};
  bool stop = false; ///< written by the last worker at a barrier, read by all after it
  uint32_t failedCall = 0;
  int failedCode = 0;
};

} // namespace lathe

#endif
