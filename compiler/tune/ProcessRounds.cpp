//===- ProcessRounds.cpp - rounds of one key in child processes -----------------------------------------------------===//
#include "compiler/tune/ProcessRounds.h"

namespace lathe::tune {

/// A child's time: to compile a few kernels on a busy machine, and many times what its rounds should take.
static constexpr double kCompileSeconds = 60, kPatience = 20;

ProcessRounds::ProcessRounds(const Subject &subject, Workspace &workspace, const Item &item, const Use &use,
                             double stepSeconds, const RecordBook &incumbents, const Values &incumbent,
                             std::string library, RoundsOptions options)
    : subject(subject), item(item), incumbents(incumbents), incumbent(incumbent), library(std::move(library)),
      candidateFile(workspace.file("candidate.so")), fallbackFile(workspace.file("fallback.so")),
      options(std::move(options)) {
  plan.program = use.program;
  plan.phases = use.phases;
  plan.stepSeconds = stepSeconds;
  plan.threads = this->options.threads;
}

RecordBook ProcessRounds::with(const Values &values) const {
  RecordBook book = incumbents;
  book.prefer(recordOf(item, subject.target, values));
  return book;
}

Rounds::Result ProcessRounds::screen(const Values &candidate, size_t rounds) {
  TrialPlan screening = plan;
  screening.rounds = rounds;
  screening.giveUp = true;
  screening.libraries = {library, candidateFile};
  return run(candidate, std::move(screening), options.stop);
}

Rounds::Result ProcessRounds::confirm(const Values &candidate, size_t rounds, bool reversed) {
  TrialPlan confirmation = plan;
  confirmation.rounds = rounds;
  confirmation.reversed = reversed;
  confirmation.libraries = {library, candidateFile};
  if (incumbent != item.fallback && candidate != item.fallback)
    confirmation.libraries.push_back(fallbackFile);
  return run(candidate, std::move(confirmation), options.stopConfirming);
}

Rounds::Result ProcessRounds::run(const Values &candidate, TrialPlan trial, const std::function<bool()> &stop) {
  trial.seed = options.seed * 1'000'003 + ++trials;
  const double rounds = double(trial.rounds + 1) * double(trial.libraries.size());
  const double limit = kCompileSeconds + kPatience * rounds * std::max(trial.stepSeconds * 2, 0.01);
  const ChildEnd end = runInChild(
      [&]() -> llvm::Expected<std::string> {
        if (llvm::Error failed = makeLibrary(subject, with(candidate), candidateFile))
          return std::move(failed);
        if (trial.libraries.size() > 2)
          if (llvm::Error failed = makeLibrary(subject, with(item.fallback), fallbackFile))
            return std::move(failed);
        llvm::Expected<TrialResult> result = runTrial(subject, trial);
        if (!result)
          return result.takeError();
        return encode(*result);
      },
      {limit, stop});
  Result result;
  result.detail = end.text;
  switch (end.kind) {
  case ChildEnd::Answered:
    if (llvm::Expected<TrialResult> decoded = decodeTrial(end.text)) {
      result.trial = std::move(*decoded);
      result.detail.clear();
      if (!result.trial.sameBits)
        result.failure = Outcome::OtherBits, result.detail = "its logits have other bits than the incumbent's";
    } else {
      result.failure = Outcome::Failed, result.detail = llvm::toString(decoded.takeError());
    }
    break;
  case ChildEnd::Failed:
    result.failure = Outcome::Failed;
    break;
  case ChildEnd::Crashed:
    result.failure = Outcome::Crashed;
    break;
  case ChildEnd::TimedOut:
    result.failure = Outcome::TimedOut;
    break;
  case ChildEnd::Stopped:
    result.stopped = true;
    break;
  }
  return result;
}

} // namespace lathe::tune
