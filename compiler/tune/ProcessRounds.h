//===- ProcessRounds.h - rounds in child processes ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_TUNE_PROCESSROUNDS_H
#define LATHE_COMPILER_TUNE_PROCESSROUNDS_H

#include "compiler/tune/Child.h"
#include "compiler/tune/Item.h"
#include "compiler/tune/Measure.h"

namespace lathe::tune {

struct RoundsOptions {
  unsigned threads = 0;
  uint64_t seed = 1;
  std::function<bool()> stop = {};           ///< screenings end where it says so
  std::function<bool()> stopConfirming = {}; ///< confirmations
};

/// A key in the program in which it is measured.
struct RoundsKey {
  const Item *item;
  const Use *use;
};

/// Candidates are the program with the incumbents' records and the candidates' values for their keys. Child processes
/// compile it and run it beside the incumbents' library.
class ProcessRounds final : public Rounds {
public:
  /// Of `keys`, all of the excerpt's program. `incumbents`, and `library` of them and the excerpt, outlive this, as all
  /// that is named. `stepSeconds`: of the excerpt.
  ProcessRounds(const Subject &subject, Workspace &workspace, std::vector<RoundsKey> keys, const Excerpt &excerpt,
                double stepSeconds, const RecordBook &incumbents, std::string library, RoundsOptions options);

  Result screen(llvm::ArrayRef<Challenge> challenges, size_t rounds) override;
  Result confirm(llvm::ArrayRef<Challenge> challenges, size_t rounds, bool reversed) override;

private:
  Result run(llvm::ArrayRef<Challenge> challenges, TrialPlan trial, const std::function<bool()> &stop);
  /// The incumbents' records before which the challenges' go: their candidates, or their fallbacks.
  RecordBook with(llvm::ArrayRef<Challenge> challenges, bool fallbacks) const;

  const Subject &subject;
  std::vector<RoundsKey> keys;
  const Excerpt &excerpt;
  double stepSeconds;
  const RecordBook &incumbents;
  std::string library, candidateFile, fallbackFile;
  RoundsOptions options;
  uint64_t trials = 0;
};

} // namespace lathe::tune

#endif
