//===- Measure.cpp - candidates against the incumbents --------------------------------------------------------------===//
#include "compiler/tune/Measure.h"
#include <chrono>

namespace lathe::tune {
namespace {

/// Of a screening, the median that is worth a confirmation: a part of kLeastGain, for its own spread is wide.
constexpr double kPromising = -0.5 * kLeastGain;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Puts the numbers of a trial into the measurement.
void fill(Measurement &m, const TrialResult::Times &times) {
  const Comparison comparison = compare(changes(times), kConfidence);
  m.change = comparison.change, m.low = comparison.low, m.high = comparison.high;
  m.chance = comparison.chance, m.pairs = comparison.pairs;
  m.incumbentNanoseconds = median(times[0]) * 1e9;
  m.nanoseconds = median(times[1]) * 1e9;
}

/// Times of further rounds. Those that ran without the fallback have it as the incumbent.
void append(TrialResult::Times &to, const TrialResult::Times &from) {
  for (size_t library = 0; library < to.size(); ++library) {
    const std::vector<double> &more = library < from.size() ? from[library] : from.front();
    to[library].insert(to[library].end(), more.begin(), more.end());
  }
}

/// What a confirmation of the k'th time, from 1, says.
void conclude(Finding &finding, const TrialResult::Times &times, size_t k) {
  fill(finding.measurement, times);
  const bool won = accepts(compare(changes(times), kConfidence), k);
  finding.measurement.outcome = won ? Outcome::Won : Outcome::NoBetter;
  const size_t fallback = times.size() > 2 ? 2 : 0;
  finding.againstFallback = compare(changes({times[fallback], times[1]}), kConfidence);
  finding.fallbackNanoseconds = median(times[fallback]) * 1e9;
  finding.spreadNanoseconds = spread(times[1]) * 1e9;
}

void fail(Finding &finding, const Rounds::Result &result) {
  finding.stopped = result.stopped;
  if (!result.failure)
    return;
  finding.measurement.outcome = *result.failure;
  finding.measurement.detail = result.detail;
}

/// `mine`: the challenges' findings.
void decide(Rounds &rounds, std::vector<Challenge> challenges, std::vector<Finding *> mine) {
  // Nothing came of them: together they say nothing of any one.
  auto fell = [&](const Rounds::Result &result) {
    if (!result.stopped && !result.failure)
      return false;
    if (challenges.size() == 1 || result.stopped)
      for (Finding *finding : mine)
        fail(*finding, result);
    else
      for (size_t i = 0; i < challenges.size(); ++i)
        decide(rounds, {challenges[i]}, {mine[i]});
    return true;
  };
  const Rounds::Result screening = rounds.screen(challenges, rounds.screenRounds);
  if (fell(screening))
    return;
  std::vector<Challenge> promising;
  std::vector<Finding *> theirs;
  for (size_t i = 0; i < challenges.size(); ++i) {
    const TrialResult::Times &times = screening.trial.groups[i];
    fill(mine[i]->measurement, times);
    const bool whole = times[1].size() == rounds.screenRounds;
    mine[i]->measurement.outcome = whole ? Outcome::NoBetter : Outcome::Lost;
    if (!whole || median(changes(times)) > kPromising)
      continue;
    promising.push_back(challenges[i]);
    theirs.push_back(mine[i]);
  }
  challenges = std::move(promising), mine = std::move(theirs);
  if (challenges.empty())
    return;
  // Halfway, those are let go that would hardly make it: that changes no incumbent, so it costs no certainty.
  const Rounds::Result first = rounds.confirm(challenges, rounds.confirmRounds / 2, /*reversed=*/false);
  if (fell(first))
    return;
  std::vector<TrialResult::Times> times;
  promising.clear(), theirs.clear();
  for (size_t i = 0; i < challenges.size(); ++i) {
    fill(mine[i]->measurement, first.trial.groups[i]);
    mine[i]->measurement.confirmation = true;
    mine[i]->measurement.outcome = Outcome::NoBetter;
    if (mine[i]->measurement.change > kPromising)
      continue;
    promising.push_back(challenges[i]);
    theirs.push_back(mine[i]);
    times.push_back(first.trial.groups[i]);
  }
  challenges = std::move(promising), mine = std::move(theirs);
  if (challenges.empty())
    return;
  const Rounds::Result second = rounds.confirm(challenges, rounds.confirmRounds / 2, /*reversed=*/true);
  if (fell(second))
    return;
  for (size_t i = 0; i < challenges.size(); ++i) {
    append(times[i], second.trial.groups[i]);
    conclude(*mine[i], times[i], challenges[i].confirmations + 1);
  }
}

} // namespace

bool accepts(const Comparison &comparison, size_t k) {
  return comparison.change <= -kLeastGain && comparison.chance <= (1 - kConfidence) / double(k * (k + 1));
}

Rounds::Result confirmBothWays(Rounds &rounds, llvm::ArrayRef<Challenge> challenges) {
  Rounds::Result all = rounds.confirm(challenges, rounds.confirmRounds / 2, /*reversed=*/false);
  if (all.stopped || all.failure)
    return all;
  Rounds::Result half = rounds.confirm(challenges, rounds.confirmRounds / 2, /*reversed=*/true);
  if (half.stopped || half.failure)
    return half;
  for (size_t group = 0; group < all.trial.groups.size(); ++group)
    append(all.trial.groups[group], half.trial.groups[group]);
  return all;
}

std::vector<Finding> measure(Rounds &rounds, llvm::ArrayRef<Challenge> challenges) {
  const double start = now();
  std::vector<Finding> findings(challenges.size());
  std::vector<Finding *> all;
  for (size_t i = 0; i < findings.size(); ++i) {
    findings[i].measurement.values = challenges[i].candidate.print();
    findings[i].measurement.incumbent = challenges[i].incumbent.print();
    all.push_back(&findings[i]);
  }
  decide(rounds, challenges, all);
  for (Finding &finding : findings) // a part each of what they took together
    finding.measurement.seconds = (now() - start) / double(findings.size());
  return findings;
}

} // namespace lathe::tune
