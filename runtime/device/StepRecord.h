//===- StepRecord.h - when each worker was in which phase -----------------------------------------------*- C++ -*-===//
//
// Unlike a PhaseObserver it adds no barrier, so steps run as they do unwatched:
//
//   worker 0  |-- phase 0 --|·|---- phase 1 ----|···|-- phase 2
//   worker 1  |---- phase 0 --|·|-- phase 1 --|·····|-- phase 2        · waits at the barrier
//                             ^ the phase's last end: it took from the one before it to here
//
// Each worker writes its own lane; who reads it does so between steps. Room for a step is made before it begins.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_STEPRECORD_H
#define LATHE_RUNTIME_DEVICE_STEPRECORD_H

#include "runtime/abi/model_abi.h"
#include <chrono>
#include <cstddef>
#include <vector>

namespace lathe {

class StepRecord {
public:
  using Clock = std::chrono::steady_clock;
  struct Span {
    Clock::time_point begin, end; ///< past the barrier before the phase; at the one after it
  };

  /// A worker's phases, one after another over all steps.
  class alignas(128) Lane { // lines that no other worker writes
  public:
    void begin() { spans.push_back({Clock::now(), {}}); }
    void end() { spans.back().end = Clock::now(); }
    std::vector<Span> spans;
  };

  struct Phase {
    const lathe_phase *table;
    size_t tiles;
  };
  struct Step {
    const lathe_program *program;
    size_t rows;
    size_t firstPhase, nPhases; ///< in phases(): those that had tiles
    Clock::time_point begin, end;
  };

  const std::vector<Step> &steps() const { return all; }
  const std::vector<Phase> &phases() const { return ran; }
  size_t workers() const { return lanes.size(); }
  /// Of phase number `phase` in phases().
  const Span &span(size_t worker, size_t phase) const { return lanes[worker].spans[phase]; }

  // For executors. A step that failed leaves a record that nobody may read.
  void beginStep(const lathe_program &program, size_t rows, size_t workers) {
    lanes.resize(workers);
    ran.reserve(ran.size() + program.n_phases);
    for (Lane &lane : lanes)
      lane.spans.reserve(ran.size() + program.n_phases);
    all.push_back({&program, rows, ran.size(), 0, Clock::now(), {}});
  }
  Lane &lane(size_t worker) { return lanes[worker]; }
  void add(const lathe_phase &table, size_t tiles) { ran.push_back({&table, tiles}); }
  void endStep() {
    all.back().end = Clock::now();
    all.back().nPhases = ran.size() - all.back().firstPhase;
  }

private:
  std::vector<Lane> lanes;
  std::vector<Phase> ran;
  std::vector<Step> all;
};

} // namespace lathe

#endif
