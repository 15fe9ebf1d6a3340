//===- Measure.h - candidates against the incumbents ----------------------------------------------------*- C++ -*-===//
//
// Challenges of several keys of one program are measured together. Two stages: a screening of a few rounds ends at once
// where all candidates clearly lose, and lets go those that don't look faster. Those that do are confirmed by fresh
// rounds, for those of the screening were chosen for looking well: half of them in each of two processes that load
// the programs in opposite order, since where code and caches lie moves times by a percent or so all by itself.
//
// The incumbent stays unless the candidate is faster by kLeastGain and the chance of that happening to one that is no
// faster is at most 1 % for all of a key's confirmations together: 0.5 % for the first, 0.17 % for the second, …
// 1 % / (k (k + 1)), a third of that for each of the three looks that a confirmation may take. One that is decided at a
// look, or is hardly going to be, ends there; for others there are as many rounds again.
//
// Where candidates fail together, each is tried alone.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_MEASURE_H
#define LATHE_COMPILER_TUNE_MEASURE_H

#include "compiler/tune/Journal.h"
#include "compiler/tune/Statistics.h"
#include "compiler/tune/Trial.h"

namespace lathe::tune {

inline constexpr double kConfidence = 0.99;
/// Less is not worth a record, and not more than what the places of code and caches do.
inline constexpr double kLeastGain = 0.01;

/// A candidate of one of the keys.
struct Challenge {
  size_t key; ///< as Rounds counts them
  Values candidate, incumbent;
  size_t confirmations = 0; ///< that the key had before
};

/// Of a confirmation: each after confirmRounds more.
inline constexpr size_t kLooks = 3;

/// What runs rounds: child processes, or a test's pretence.
class Rounds {
public:
  virtual ~Rounds() = default;
  struct Result {
    std::optional<Outcome> failure; ///< it did not run, or not with the same bits
    bool stopped = false;           ///< the time was up: nothing is known
    std::string detail;
    TrialResult trial; ///< a group a challenge; libraries: the incumbents, the candidates, and in a confirmation the
                       ///< fallbacks if those are others
  };
  /// Of a screening, of a confirmation (even).
  size_t screenRounds = 5, confirmRounds = 20;
  virtual Result screen(llvm::ArrayRef<Challenge> challenges, size_t rounds) = 0;
  virtual Result confirm(llvm::ArrayRef<Challenge> challenges, size_t rounds, bool reversed) = 0;
};

/// What was found out about one candidate.
struct Finding {
  Measurement measurement;    ///< without key and record
  bool stopped = false;       ///< nothing is known
  Comparison againstFallback; ///< of Won
  double fallbackNanoseconds = 0, spreadNanoseconds = 0;
};

/// Whether pairs that look so may change the incumbent, in the k'th confirmation of a key, from 1.
bool accepts(const Comparison &comparison, size_t k);

/// One finding a challenge, in their order.
std::vector<Finding> measure(Rounds &rounds, llvm::ArrayRef<Challenge> challenges);

/// Both halves of a confirmation.
Rounds::Result confirmBothWays(Rounds &rounds, llvm::ArrayRef<Challenge> challenges);

} // namespace lathe::tune

#endif
