//===- Trial.h - programs run side by side, in turn ------------------------------------------------------*- C++ -*-===//
//
// What a child process does. Several libraries of one subject are loaded; in each round each of them runs a turn of a
// few steps, in random order, and the seconds of the phases in question are taken from the steps behind the turn's
// first, which finds the caches as another program has left them. All see the same tokens, so their logits must have the
// same bits.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_TRIAL_H
#define LATHE_COMPILER_TUNE_TRIAL_H

#include "compiler/tune/Subject.h"
#include "runtime/device/cpu/Limits.h"

namespace lathe::tune {

struct TrialPlan {
  std::vector<std::string> libraries; ///< the incumbent's first; loaded from the last to the first if `reversed`
  bool reversed = false;
  size_t program = 0;
  std::vector<size_t> phases;
  double stepSeconds = 0; ///< about; decides how many steps a turn has
  size_t rounds = 1;
  bool giveUp = false; ///< end early when the second library has clearly lost
  uint64_t seed = 1;
  unsigned threads = 0;
};

struct TrialResult {
  std::vector<std::vector<double>> seconds; ///< of each library, of the phases in a step, by round
  bool sameBits = true;

  /// ln(second library / first) by round.
  std::vector<double> changes(size_t library = 1) const;
};

llvm::Expected<TrialResult> runTrial(const Subject &subject, const TrialPlan &plan);
/// Between processes.
std::string encode(const TrialResult &result);
llvm::Expected<TrialResult> decodeTrial(const std::string &text);

/// Seconds and work of every phase of every program, in a step.
struct Profile {
  struct PhaseTime {
    double seconds = 0, limitSeconds = 0, bytes = 0, operations = 0;
    uint32_t rate = 0;
    bool memory = false;
  };
  struct ProgramTime {
    bool possible = true;
    double stepSeconds = 0;
    uint32_t rows = 0; ///< of a step, all sequences
    std::vector<PhaseTime> phases;
  };
  std::vector<ProgramTime> programs;
  unsigned threads = 0;
};

llvm::Expected<Profile> profile(const Subject &subject, const std::string &library, unsigned threads,
                                const MachineLimits &limits);
std::string encode(const Profile &profile);
llvm::Expected<Profile> decodeProfile(const std::string &text);

} // namespace lathe::tune

#endif
