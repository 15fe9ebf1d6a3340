//===- Measure.cpp - candidates against the incumbents ------------------------------------------------------------===//
#include "compiler/tune/Measure.h"
#include <chrono>

namespace lathe::tune {
namespace {

/// Of a screening, the median that is worth a confirmation: a part of kLeastGain, for its own spread is wide.
constexpr double kPromising = -0.5 * kLeastGain;
/// A confirmation that is not decided goes on while its chance is below this.
constexpr double kOpenChance = 0.25;

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

/// A challenge that is not decided yet, with the rounds of its confirmation.
struct Open {
  const Challenge *challenge;
  Finding *finding;
  TrialResult::Times times = {};
};

std::vector<Challenge> challengesOf(llvm::ArrayRef<Open> open) {
  std::vector<Challenge> challenges;
  for (const Open &one : open)
    challenges.push_back(*one.challenge);
  return challenges;
}

/// Adds rounds and looks at all there are. Whether it is worth more of them.
bool look(Open &open, const TrialResult::Times &more, bool halfway) {
  if (open.times.empty())
    open.times = more;
  else
    append(open.times, more);
  Finding &finding = *open.finding;
  Measurement &m = finding.measurement;
  fill(m, open.times);
  m.confirmation = true;
  m.outcome = Outcome::NoBetter;
  if (halfway)
    return m.change <= kPromising;
  const Comparison comparison = compare(changes(open.times), kConfidence);
  if (!accepts(comparison, open.challenge->confirmations + 1))
    return comparison.change <= -kLeastGain && comparison.chance <= kOpenChance;
  m.outcome = Outcome::Won;
  const size_t fallback = open.times.size() > 2 ? 2 : 0;
  finding.againstFallback = compare(changes({open.times[fallback], open.times[1]}), kConfidence);
  finding.fallbackNanoseconds = median(open.times[fallback]) * 1e9;
  finding.spreadNanoseconds = spread(open.times[1]) * 1e9;
  return false;
}

void fail(Finding &finding, const Rounds::Result &result) {
  finding.stopped = result.stopped;
  if (!result.failure)
    return;
  finding.measurement.outcome = *result.failure;
  finding.measurement.detail = result.detail;
}

void decide(Rounds &rounds, std::vector<Open> open) {
  // Together they say nothing of any one.
  auto fell = [&](const Rounds::Result &result) {
    if (!result.stopped && !result.failure)
      return false;
    if (open.size() == 1 || result.stopped)
      for (const Open &one : open)
        fail(*one.finding, result);
    else
      for (const Open &one : open)
        decide(rounds, {{one.challenge, one.finding}});
    return true;
  };
  const Rounds::Result screening = rounds.screen(challengesOf(open), rounds.screenRounds);
  if (fell(screening))
    return;
  std::vector<Open> promising;
  for (size_t i = 0; i < open.size(); ++i) {
    const TrialResult::Times &times = screening.trial.groups[i];
    fill(open[i].finding->measurement, times);
    const bool whole = times[1].size() == rounds.screenRounds;
    open[i].finding->measurement.outcome = whole ? Outcome::NoBetter : Outcome::Lost;
    if (whole && median(changes(times)) <= kPromising)
      promising.push_back(open[i]);
  }
  open = std::move(promising);
  for (size_t half = 0; half < 2 * kLooks && !open.empty(); ++half) {
    const bool reversed = half % 2;
    const Rounds::Result more = rounds.confirm(challengesOf(open), rounds.confirmRounds / 2, reversed);
    if (fell(more))
      return;
    std::vector<Open> still;
    for (size_t i = 0; i < open.size(); ++i)
      if (look(open[i], more.trial.groups[i], /*halfway=*/!reversed))
        still.push_back(std::move(open[i]));
    open = std::move(still);
  }
}

} // namespace

bool accepts(const Comparison &comparison, size_t k) {
  return comparison.change <= -kLeastGain &&
         comparison.chance <= (1 - kConfidence) / double(k * (k + 1)) / double(kLooks);
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
  std::vector<Open> all;
  for (size_t i = 0; i < findings.size(); ++i) {
    findings[i].measurement.values = challenges[i].candidate.print();
    findings[i].measurement.incumbent = challenges[i].incumbent.print();
    all.push_back({&challenges[i], &findings[i]});
  }
  decide(rounds, std::move(all));
  for (Finding &finding : findings) // a part each of what they took together
    finding.measurement.seconds = (now() - start) / double(findings.size());
  return findings;
}

} // namespace lathe::tune
