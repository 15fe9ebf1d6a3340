//===- Measure.h - a bundle that is measured ------------------------------------------------------------*- C++ -*-===//
//
// What is timed for a rate runs unwatched. Where the time goes is seen in runs of their own, recorded by worker
// (runtime/device/StepRecord.h), which adds no barrier: a phase's time is the median of them, by its place in the run,
// for a moment in which another process had the core says nothing of the phase.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_BENCH_MEASURE_H
#define LATHE_TOOLS_LATHE_BENCH_MEASURE_H

#include "runtime/lathe.h"
#include "tools/lathe/bench/Recorded.h"
#include "tools/lathe/bench/Results.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <span>
#include <vector>

namespace lathe::bench {

/// What is run of each bundle.
struct Lengths {
  uint32_t prompt = 0, decode = 0; ///< tokens of prefill, steps of decode
  uint32_t depth = 0;              ///< positions before
  uint32_t batch = 1;              ///< sequences of a decode step
};

class Subject {
public:
  /// `interrupted` ends a run; its error is made by who asks.
  Subject(std::string path, std::unique_ptr<Context> context, const Lengths &lengths,
          std::function<llvm::Error()> interrupted);

  /// Runs everything once, so that weights and code are there, and finds what a step reads.
  llvm::Error warm();
  uint64_t footprint() const { return result.footprint; }

  /// Seconds of prefill, of all decode steps.
  llvm::Expected<double> prefill() { return prefill(nullptr); }
  llvm::Expected<double> decode() { return decode(lengths.decode, nullptr); }
  void addRates(double prefillSeconds, double decodeSeconds);

  /// Where the time goes.
  llvm::Error profile();
  /// Decode behind more and more positions, as far as the context goes or `seconds` last.
  llvm::Error profileDepths(double seconds);

  /// What runs it.
  const Device &device() const { return context->model().device(); }
  /// With the limits that hold after all: ends measuring.
  BundleResult finish(const MachineLimits &limits);

private:
  const lathe_model &tables() const { return context->model().tables(); }
  std::vector<int32_t> ids(size_t count) const;
  llvm::Error atDepth(Session &session);
  llvm::Expected<double> prefill(StepRecord *record);
  llvm::Expected<double> decode(uint32_t count, StepRecord *record);
  /// One token of each of the sessions, with the logits that a greedy sampler asks for.
  llvm::Error step(std::span<Session> sessions, int32_t id);

  std::unique_ptr<Context> context;
  Lengths lengths;
  std::function<llvm::Error()> interrupted;
  BundleResult result;
  std::vector<StepPart> parts; ///< of a step
  std::optional<Recorded> prefillRuns, decodeRuns;
  struct Depth {
    uint64_t depth;
    double seconds; ///< of a token
    std::vector<PhaseWork> works;
  };
  std::vector<Depth> depths;
};

} // namespace lathe::bench

#endif
