//===- CudaExecutor.h - runs the steps of a program on a card -------------------------------------------*- C++ -*-===//
//
// A step is a few things on one stream, and then a wait:
//
//     lines of the page table that changed | rows of the step -> card | the phases' kernels | logits -> host
//                                          \__________________ a CUDA graph _________________/
//
// or, where the step is for the largest logits, the kernels that look for them and these -> host.
//
// All steps of equal program, rows, logit rows, splits and largest logits (both rounded up to a power of two) are the
// same graph, for its addresses never change and the rest stands in the step's header. It is made when such a step comes
// for the second time: the first one, which a start waits for, starts its kernels one by one.
//
// Watched steps (a PhaseObserver) wait after each phase, and so does every step where the environment has
// CUDA_LAUNCH_BLOCKING=1, so that an error names its phase. Recorded ones (StepRecord.h) are graphs with events between
// the phases, whose times are the card's.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_CUDAEXECUTOR_H
#define LATHE_RUNTIME_DEVICE_CUDA_CUDAEXECUTOR_H

#include "runtime/device/Device.h"
#include "runtime/device/cuda/CudaPages.h"
#include "runtime/device/cuda/Graphs.h"
#include "runtime/device/cuda/InputBlock.h"
#include "runtime/device/cuda/Launches.h"
#include <optional>
#include <vector>

namespace lathe::cuda {

class CudaExecutor final : public Executor {
public:
  /// Of CudaWeights and CudaPages.
  static Result<std::unique_ptr<CudaExecutor>> create(const Card &card, const ExecutorInput &input);

  ~CudaExecutor() override {
    if (cache)
      cache->checkWith(nullptr);
  }

  PageTable &pages() override { return inputs; }
  Result<void> run(size_t program, const StepRows &rows, const PhaseObserver &observer = {}) override;
  const float *logits(size_t row) const override {
    return reinterpret_cast<const float *>(hostLogits.data()) + row * variant.logits_stride;
  }
  uint32_t mostLargest() const override { return largestLogits->most(); }
  LargestLogits largest(size_t row) const override { return kept ? largestLogits->of(row) : LargestLogits(); }
  Result<void> fetchLogits() override;
  Result<std::span<const float>> fetchLogits(size_t row, size_t first, size_t count) override;
  unsigned threads() const override { return 1; }

private:
  CudaExecutor(const Card &card, const lathe_variant &variant, StepInputs inputs)
      : card(card), variant(variant), inputs(std::move(inputs)) {}

  Result<void> setUp(const ExecutorInput &input);
  /// Makes pinned memory for all logits of so many rows.
  Result<void> makeRoom(size_t logitRows);
  Result<void> makeRoomForLargest();
  uint32_t splitsOf(uint64_t splits) const;
  StepKey keyOf(size_t program) const { return {program, inputs.rows(), inputs.logitRows(), splits, kept, sums}; }

  /// Starts all of a step.
  Result<void> enqueue();
  Result<void> launch(const lathe_phase &phase, const Grid &grid, bool early);
  Result<void> copyLogits();
  /// The largest of them or all, as the step asks.
  Result<void> bringLogits();
  Result<void> wait();
  Result<void> runGraph(size_t program);
  Result<void> start(const GraphExec &graph);

  // Watched.cpp.
  Result<void> runWatched(const PhaseObserver &observer);
  Result<void> observe(const PhaseObserver &observer, const lathe_phase &phase, const Grid &grid, double seconds);
  Result<void> runRecorded(size_t program);
  Result<void> enqueueRecorded();
  /// Puts an event into the graph that is captured.
  Result<void> mark();
  /// Numbers at an address of the card.
  template <typename Number> Result<void> read(CUdeviceptr from, Number *into, size_t count, const lathe_phase &phase);

  const Card &card;
  const lathe_variant &variant;
  StepInputs inputs;
  CudaPages *cache = nullptr, *state = nullptr;
  std::optional<InputBlock> block;
  DeviceMemory arena, deviceLogits;
  PinnedMemory hostLogits;
  Stream stream;
  Bases bases;
  std::optional<Launches> launches;
  Graphs graphs;
  std::optional<Largest> largestLogits;
  uint32_t splits = 1; ///< of the step: rounded up
  uint32_t kept = 0;   ///< of the step: of the largest logits, a power of two; 0: all are brought
  bool sums = false;   ///< of the step: those of weights are wanted with the largest logits
  bool blocking = false;

  std::vector<Event> events; ///< of watched and recorded steps
  size_t marks = 0;          ///< events that are in the graph so far
  struct Recorded {
    const lathe_phase *phase;
    size_t begin, end; ///< its events
  };
  std::vector<Recorded> recorded; ///< of the latest recorded step, which are
  std::optional<StepKey> recordedKey;
  GraphExec recordedGraph;
  PinnedMemory choiceCounts;      ///< of a recorded step, one for each phase
  std::vector<float> fetched;  ///< the result that an observer has asked for
  std::optional<Error> unread; ///< why it could not be had
};

} // namespace lathe::cuda

#endif
