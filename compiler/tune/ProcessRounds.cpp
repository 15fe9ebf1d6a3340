//===- ProcessRounds.cpp - rounds in child processes --------------------------------------------------------------===//
#include "compiler/tune/ProcessRounds.h"

namespace lathe::tune {

/// A child's time: to compile a kernel on a busy machine, and a hundred times what its rounds should take. (With ten
/// builds beside it on two cores, workers that wait at barriers for one without a core were seen to take fifty.)
static constexpr double kCompileSeconds = 60, kPatience = 100, kLeastStep = 0.01;
/// Where steps are short, more rounds than the least of a confirmation fit into this.
static constexpr double kStageSeconds = 1.5;
static constexpr size_t kMostRounds = 64;

ProcessRounds::ProcessRounds(const Subject &subject, Workspace &workspace, std::vector<RoundsKey> keys,
                             const Excerpt &excerpt, double stepSeconds, const RecordBook &incumbents,
                             std::string library, RoundsOptions options)
    : subject(subject), keys(std::move(keys)), excerpt(excerpt), stepSeconds(stepSeconds), incumbents(incumbents),
      library(std::move(library)), candidateFile(workspace.file("candidate.so")),
      fallbackFile(workspace.file("fallback.so")), options(std::move(options)) {
  const Turn turn = turnOf(stepSeconds);
  const size_t inTime = size_t(kStageSeconds / std::max(1e-6, 2 * double(turn.warming + turn.kept) * stepSeconds));
  screenRounds = std::clamp(inTime / 4, screenRounds, 2 * screenRounds);
  confirmRounds = std::clamp(inTime, confirmRounds, kMostRounds) / 2 * 2;
}

RecordBook ProcessRounds::with(llvm::ArrayRef<Challenge> challenges, bool fallbacks) const {
  RecordBook book = incumbents;
  for (const Challenge &challenge : challenges) {
    const Item &item = *keys[challenge.key].item;
    book.prefer(recordOf(item, subject.target, fallbacks ? item.fallback : challenge.candidate));
  }
  return book;
}

Rounds::Result ProcessRounds::screen(llvm::ArrayRef<Challenge> challenges, size_t rounds) {
  TrialPlan screening;
  screening.rounds = rounds;
  screening.giveUp = true;
  screening.libraries = {library, candidateFile};
  return run(challenges, std::move(screening), options.stop);
}

Rounds::Result ProcessRounds::confirm(llvm::ArrayRef<Challenge> challenges, size_t rounds, bool reversed) {
  TrialPlan confirmation;
  confirmation.rounds = rounds;
  confirmation.reversed = reversed;
  confirmation.libraries = {library, candidateFile};
  if (llvm::any_of(challenges, [&](const Challenge &one) { return one.incumbent != keys[one.key].item->fallback; }))
    confirmation.libraries.push_back(fallbackFile);
  return run(challenges, std::move(confirmation), options.stopConfirming);
}

Rounds::Result ProcessRounds::run(llvm::ArrayRef<Challenge> challenges, TrialPlan trial,
                                  const std::function<bool()> &stop) {
  trial.seed = options.seed * 1'000'003 + ++trials;
  trial.threads = options.threads;
  trial.stepSeconds = stepSeconds;
  trial.excerpt = excerpt;
  for (const Challenge &challenge : challenges) {
    const std::vector<size_t> &phases = keys[challenge.key].use->phases;
    trial.groups.push_back({excerpt.places(phases), phases.size()});
  }
  const double turns = double((trial.rounds + 1) * trial.libraries.size());
  const ChildEnd end = runInChild(
      [&]() -> llvm::Expected<std::string> {
        if (llvm::Error failed = makeLibrary(subject, with(challenges, /*fallbacks=*/false), candidateFile, &excerpt))
          return std::move(failed);
        if (trial.libraries.size() > 2)
          if (llvm::Error failed = makeLibrary(subject, with(challenges, /*fallbacks=*/true), fallbackFile, &excerpt))
            return std::move(failed);
        llvm::Expected<TrialResult> result = runTrial(subject, trial);
        if (!result)
          return result.takeError();
        return encode(*result);
      },
      {kCompileSeconds * double(challenges.size()) + kPatience * turns * std::max(stepSeconds, kLeastStep), stop});
  Result result;
  result.stopped = end.kind == ChildEnd::Stopped;
  if (end.kind == ChildEnd::Answered) {
    llvm::Expected<TrialResult> decoded = decodeTrial(end.text);
    if (decoded) {
      result.trial = std::move(*decoded);
      if (!result.trial.sameBits)
        result.failure = Outcome::OtherBits, result.detail = "its logits have other bits than the incumbent's";
    } else {
      result.failure = Outcome::Failed, result.detail = llvm::toString(decoded.takeError());
    }
  } else if (!result.stopped) {
    result.failure = end.kind == ChildEnd::Crashed    ? Outcome::Crashed
                     : end.kind == ChildEnd::TimedOut ? Outcome::TimedOut
                                                      : Outcome::Failed;
    result.detail = end.text;
  }
  return result;
}

} // namespace lathe::tune
