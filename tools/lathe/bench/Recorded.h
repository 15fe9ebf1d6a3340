//===- Recorded.h - from records of steps to where a run's time goes ------------------------------------*- C++ -*-===//
//
// A run is some steps: of prefill all chunks of the prompt, of decode one. All runs do the same, so what happens at one
// place of one of them is the same as at that place of another.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_BENCH_RECORDED_H
#define LATHE_TOOLS_LATHE_BENCH_RECORDED_H

#include "runtime/device/StepRecord.h"
#include "tools/lathe/bench/Results.h"

namespace lathe::bench {

/// Runs of one kind.
class Recorded {
public:
  /// `depth`: positions before a run; where each goes on behind the one before it (decode), before the first.
  Recorded(const lathe_variant &variant, uint32_t sequences, uint64_t depth, bool goesOn)
      : variant(&variant), sequences(sequences), depth(depth), goesOn(goesOn) {}

  /// Takes the steps of `record` behind the first `skipped` as runs of `steps` each. A run that is no such one as those
  /// before it is left out: of a model that feeds a long sequence again.
  void add(const StepRecord &record, size_t skipped, size_t steps);

  /// Of a run: bytes that it reads, seconds from phases' medians, each phase's work.
  double bytes() const;
  double seconds() const;
  std::vector<PhaseWork> works() const;
  /// Phases, workers, barriers, and the timeline of the step with the most rows in the run that a quarter of them are
  /// faster than.
  void fill(StepResult &result, const MachineLimits &limits) const;

private:
  /// A phase at its place in a run.
  struct Place {
    const lathe_phase *table;
    std::vector<double> seconds; ///< of each run
    PhaseWork sum;               ///< of all runs

    PhaseWork work() const;
  };
  struct Run {
    double seconds = 0;
    std::vector<WorkerResult> workers;
    std::vector<Timeline> steps;
  };

  void addRun(const StepRecord &record, size_t begin, size_t steps, uint64_t length);
  void addStep(const StepRecord &record, const StepRecord::Step &step, uint64_t length, size_t place, Run &run);
  std::string scheduleOf(const lathe_phase &phase) const;
  std::vector<PhaseResult> phases(const MachineLimits &limits) const;

  const lathe_variant *variant;
  uint32_t sequences;
  uint64_t depth;
  bool goesOn;
  std::vector<Place> places;
  std::vector<Run> runs;
  std::vector<double> barriers; ///< nanoseconds, of all runs
};

} // namespace lathe::bench

#endif
