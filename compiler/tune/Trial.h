//===- Trial.h - programs run side by side, in turn -----------------------------------------------------*- C++ -*-===//
//
// What a child process does. Several libraries of one subject are loaded; in each round each of them runs a turn of a
// few steps, in random order. The phases of a key are a group. They do the same in all layers, so a turn's time of a
// group is the lower quartile of its phases' times, as often as it has phases: those during which another process had
// the core say nothing. The first step of a turn finds the caches as another program has left them and doesn't count.
// All see the same tokens, so their logits must have the same bits.
//
// One trial measures several keys at once, each by its own phases: running the model is what takes time.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_TRIAL_H
#define LATHE_COMPILER_TUNE_TRIAL_H

#include "compiler/tune/Subject.h"
#include "runtime/device/Roofline.h"

namespace lathe::tune {

/// Steps of a turn: some to warm up, and those that count.
struct Turn {
  size_t warming, kept;
};
Turn turnOf(double stepSeconds);

struct TrialPlan {
  std::vector<std::string> libraries; ///< the incumbent's first; loaded from the last to the first if `reversed`
  bool reversed = false;
  Excerpt excerpt; ///< of the program that is run
  /// Phases of a key in the excerpt, and how many the whole program has.
  struct Group {
    std::vector<size_t> phases;
    size_t count;
  };
  std::vector<Group> groups;
  double stepSeconds = 0; ///< about; decides how many steps a turn has
  size_t rounds = 1;
  bool giveUp = false; ///< end early when the second library has clearly lost in every group
  uint64_t seed = 1;
  unsigned threads = 0;
};

struct TrialResult {
  using Times = std::vector<std::vector<double>>; ///< of each library, by round
  std::vector<Times> groups;                      ///< seconds of a group in a step of the whole program
  bool sameBits = true;
};

/// ln(times / first library's) by round.
std::vector<double> changes(const TrialResult::Times &times, size_t library = 1);

llvm::Expected<TrialResult> runTrial(const Subject &subject, const TrialPlan &plan);
/// Between processes.
std::string encode(const TrialResult &result);
llvm::Expected<TrialResult> decodeTrial(const std::string &text);

/// Seconds and work of every phase of every program, in a step.
struct Profile {
  struct PhaseTime {
    double seconds = 0;
    PhaseWork work;
  };
  struct ProgramTime {
    bool possible = true;
    uint32_t rows = 0; ///< of a step, all sequences
    std::vector<PhaseTime> phases;
  };
  std::vector<ProgramTime> programs;

  /// Of the excerpt.
  double stepSeconds(const Excerpt &excerpt) const;
};

llvm::Expected<Profile> profile(const Subject &subject, const std::string &library, unsigned threads);
std::string encode(const Profile &profile);
llvm::Expected<Profile> decodeProfile(const std::string &text);

} // namespace lathe::tune

#endif
