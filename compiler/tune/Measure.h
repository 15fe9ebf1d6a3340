//===- Measure.h - a candidate against the incumbent -----------------------------------------------------*- C++ -*-===//
//
// Two stages. A screening of a few rounds ends at once where a candidate clearly loses, and lets go what doesn't look
// faster. What does is confirmed by fresh rounds, for those of the screening were chosen for looking well: half of them
// in each of two processes that load the programs in opposite order, since where code and caches lie moves times by a
// percent or so all by itself.
//
// The incumbent stays unless the candidate is faster by kLeastGain and the chance of that happening to one that is no
// faster is at most 1 % for all of a key's confirmations together: 0.5 % for the first, 0.17 % for the second, …
// 1 % / (k (k + 1)).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_MEASURE_H
#define LATHE_COMPILER_TUNE_MEASURE_H

#include "compiler/tune/Child.h"
#include "compiler/tune/Journal.h"
#include "compiler/tune/Statistics.h"
#include "compiler/tune/Trial.h"

namespace lathe::tune {

inline constexpr double kConfidence = 0.99;
/// Less is not worth a record, and not more than what the places of code and caches do.
inline constexpr double kLeastGain = 0.01;
/// Pairs of rounds: of a screening, of a confirmation.
inline constexpr size_t kScreenRounds = 6, kConfirmRounds = 24;

/// What runs rounds: child processes, or a test's pretence.
class Rounds {
public:
  virtual ~Rounds() = default;
  struct Result {
    std::optional<Outcome> failure; ///< it did not run, or not with the same bits
    bool stopped = false;           ///< the time was up: nothing is known
    std::string detail;
    TrialResult trial; ///< of the incumbent, the candidate, and for a confirmation the fallback if it is another
  };
  virtual Result screen(const Values &candidate, size_t rounds) = 0;
  virtual Result confirm(const Values &candidate, size_t rounds, bool reversed) = 0;
};

/// What was found out about one candidate.
struct Finding {
  Measurement measurement;   ///< without key and record
  bool confirmed = false;    ///< it came to a confirmation
  bool stopped = false;      ///< nothing is known
  Comparison againstFallback; ///< of Won
  double fallbackNanoseconds = 0, spreadNanoseconds = 0;
};

/// Whether pairs that ended so may change the incumbent, in the k'th confirmation of a key, from 1.
bool accepts(const Comparison &comparison, size_t k);

/// `confirmations` of the same key went before. `screening`: what to tell of it.
Finding measure(Rounds &rounds, const Values &candidate, const Values &incumbent, size_t confirmations);

} // namespace lathe::tune

#endif
