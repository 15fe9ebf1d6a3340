//===- ProcessRounds.h - rounds of one key in child processes --------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_TUNE_PROCESSROUNDS_H
#define LATHE_COMPILER_TUNE_PROCESSROUNDS_H

#include "compiler/tune/Item.h"
#include "compiler/tune/Measure.h"

namespace lathe::tune {

struct RoundsOptions {
  unsigned threads = 0;
  uint64_t seed = 1;
  std::function<bool()> stop = {};          ///< screenings end where it says so
  std::function<bool()> stopConfirming = {}; ///< confirmations
};

/// A candidate is the program with the incumbents' records and the candidate's values for the item's key. Child processes
/// compile it and run it beside the incumbents' library.
class ProcessRounds final : public Rounds {
public:
  /// `incumbents` and `library` (of them), as all that is named, outlive this.
  ProcessRounds(const Subject &subject, Workspace &workspace, const Item &item, const Use &use, double stepSeconds,
                const RecordBook &incumbents, const Values &incumbent, std::string library, RoundsOptions options);

  Result screen(const Values &candidate, size_t rounds) override;
  Result confirm(const Values &candidate, size_t rounds, bool reversed) override;

  /// The file of the candidate that was screened or confirmed last.
  const std::string &candidateLibrary() const { return candidateFile; }

private:
  Result run(const Values &candidate, TrialPlan plan, const std::function<bool()> &stop);
  RecordBook with(const Values &values) const;

  const Subject &subject;
  const Item &item;
  const RecordBook &incumbents;
  const Values &incumbent;
  std::string library, candidateFile, fallbackFile;
  RoundsOptions options;
  TrialPlan plan;
  uint64_t trials = 0;
};

} // namespace lathe::tune

#endif
