//===- Results.h - what `lathe bench` measured ----------------------------------------------------------*- C++ -*-===//
//
// Plain data, filled by Measure.h and read by what shows it: the table, the JSON object, the report and the trace. A run
// is what a rate is about: of prefill the whole prompt, of decode one step. Names come from bundles and may be anything;
// who writes them escapes them.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_BENCH_RESULTS_H
#define LATHE_TOOLS_LATHE_BENCH_RESULTS_H

#include "compiler/tune/Statistics.h"
#include "runtime/device/Limits.h"
#include "runtime/device/Roofline.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe::bench {

/// Low and high quartile and the value in the middle.
struct Quartiles {
  double low = 0, median = 0, high = 0;
};
Quartiles quartilesOf(const std::vector<double> &values);

/// What a schedule comes from; a phase's is its leading kernel's.
enum class ScheduleKind { Tuned, Nearest, Fallback };
const char *name(ScheduleKind kind); ///< "tuned"

/// What bounds a phase.
enum class Bound { Reading, F32, Dot4, Half };
const char *name(Bound bound); ///< "read"

/// The phases that do one thing in all layers, in one run.
struct PhaseResult {
  std::string name = {};            ///< without the layer: "mlp.down"
  std::string schedule = {};        ///< "tuned", "nearest KEY" or "fallback"
  double count = 0;                 ///< phases of this name
  double seconds = 0;               ///< from the end of the phase before each of them to its own
  double bytes = 0, operations = 0; ///< that they read and make
  uint32_t rate = 0;                ///< lathe_rate of the operations
  double limitSeconds = 0;          ///< that the machine's limits allow
  Bound bound = Bound::Reading;     ///< which of them

  ScheduleKind scheduleKind() const;
  double lost() const { return seconds - limitSeconds; }
  double ofLimit() const { return seconds > 0 ? limitSeconds / seconds : 0; }
};

/// Where a worker's time of a run goes.
struct WorkerResult {
  double working = 0;   ///< in phases, with taking tiles
  double imbalance = 0; ///< at barriers, until the last worker came
  double barrier = 0;   ///< from there until it went on
};

struct BarrierResult {
  double count = 0;           ///< in a run
  Quartiles nanoseconds = {}; ///< from the last worker's arrival until all have gone on
};

/// One step, by worker; seconds from its begin.
struct Timeline {
  struct Span {
    double begin, end;
  };
  struct Phase {
    std::string name = {}; ///< with its layer
    size_t group = 0;      ///< its place in StepResult::phases
    PhaseWork work = {};
    std::vector<Span> workers = {};
    double end() const; ///< the last worker's
  };
  size_t rows = 0;    ///< of each sequence
  double seconds = 0; ///< until the last worker left
  std::vector<Phase> phases = {};
};

/// Prefill or decode.
struct StepResult {
  std::string step = {};                ///< "prefill", "decode"
  uint32_t tokens = 0;                  ///< of each sequence, fed in what a rate is taken of
  uint32_t sequences = 1;               ///< of a step
  std::vector<double> rates = {};       ///< tokens a second, of all sequences
  double seconds = 0;                   ///< of a run, from phases' medians
  std::vector<PhaseResult> phases = {}; ///< in the order in which they run
  std::vector<WorkerResult> workers = {};
  BarrierResult barriers = {};
  Timeline timeline = {}; ///< decode: a token; prefill: a chunk

  double limitSeconds() const;
};

/// Decode behind some positions.
struct DepthResult {
  uint64_t depth = 0;
  double rate = 0;      ///< tokens a second
  double limitRate = 0; ///< that the machine's limits allow
};

struct BundleResult {
  std::string path = {}, model = {}, target = {};
  std::string device = {}; ///< "cpu", "cuda:0"
  unsigned threads = 0;
  uint64_t footprint = 0;                    ///< bytes that a step of decode reads
  MachineLimits limits = {};                 ///< for steps of this footprint
  StepResult prefill = {}, decode = {};
  std::vector<DepthResult> depths = {};

  bool onProcessor() const { return device == "cpu"; }
};

/// What runs bundles: a processor or a card.
struct MachineResult {
  std::string device = {}; ///< "cpu", "cuda:0"
  std::string name = {};   ///< "AMD EPYC 7B13", "NVIDIA H100 80GB HBM3"
  unsigned threads = 0;    ///< of a processor
  std::vector<Roof> roofs = {};

  bool isProcessor() const { return device == "cpu"; }
};

/// The second bundle's rates over the first one's, from pairs of runs one right after the other.
struct Ratio {
  size_t pairs = 0;
  double ratio = 1, low = 0, high = 0; ///< 95 % interval: 0 and infinity where there are too few pairs
};
inline constexpr double kRatioConfidence = 0.95;
Ratio ratioOf(const std::vector<double> &first, const std::vector<double> &second);

struct BenchResult {
  std::string version = {}, date = {}; ///< of lathe: "0.1.0 (commit)"; "2026-11-28 02:51 UTC"
  std::vector<MachineResult> machines = {};       ///< one; of two bundles on two devices, the second's too
  uint32_t depth = 0;                             ///< positions before what is measured
  std::vector<BundleResult> bundles = {};         ///< one or two
  std::optional<Ratio> prefill = {}, decode = {}; ///< of two
};

} // namespace lathe::bench

#endif
