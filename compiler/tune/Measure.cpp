//===- Measure.cpp - a candidate against the incumbent --------------------------------------------------------------===//
#include "compiler/tune/Measure.h"
#include <chrono>

namespace lathe::tune {
namespace {

/// Of a screening, the median that is worth a confirmation: a part of kLeastGain, for its own spread is wide.
constexpr double kPromising = -0.5 * kLeastGain;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Puts the numbers of a trial into the measurement.
void fill(Measurement &m, const TrialResult &trial) {
  const Comparison comparison = compare(trial.changes(), kConfidence);
  m.change = comparison.change, m.low = comparison.low, m.high = comparison.high;
  m.chance = comparison.chance, m.pairs = comparison.pairs;
  m.incumbentNanoseconds = median(trial.seconds[0]) * 1e9;
  m.nanoseconds = median(trial.seconds[1]) * 1e9;
}

void append(TrialResult &to, const TrialResult &from) {
  to.seconds.resize(from.seconds.size());
  for (size_t i = 0; i < from.seconds.size(); ++i)
    to.seconds[i].insert(to.seconds[i].end(), from.seconds[i].begin(), from.seconds[i].end());
}

/// Whether there is nothing to compare.
bool ended(Finding &finding, const Rounds::Result &result) {
  finding.stopped = result.stopped;
  if (result.failure) {
    finding.measurement.outcome = *result.failure;
    finding.measurement.detail = result.detail;
  }
  return result.stopped || result.failure;
}

void decide(Finding &finding, Rounds &rounds, const Values &candidate, size_t confirmations) {
  Measurement &m = finding.measurement;
  const Rounds::Result screening = rounds.screen(candidate, kScreenRounds);
  if (ended(finding, screening))
    return;
  fill(m, screening.trial);
  const bool whole = screening.trial.seconds[1].size() == kScreenRounds;
  const double middle = median(screening.trial.changes());
  if (!whole || middle > kPromising) {
    m.outcome = whole ? Outcome::NoBetter : Outcome::Lost;
    return;
  }
  finding.confirmed = true;
  TrialResult all;
  for (bool reversed : {false, true}) {
    const Rounds::Result half = rounds.confirm(candidate, kConfirmRounds / 2, reversed);
    if (ended(finding, half))
      return;
    append(all, half.trial);
  }
  fill(m, all);
  const Comparison comparison = compare(all.changes(), kConfidence);
  m.outcome = accepts(comparison, confirmations + 1) ? Outcome::Won : Outcome::NoBetter;
  const size_t fallback = all.seconds.size() - 1 == 1 ? 0 : 2; // the incumbent, unless that is another
  TrialResult against;
  against.seconds = {all.seconds[fallback], all.seconds[1]};
  finding.againstFallback = compare(against.changes(), kConfidence);
  finding.fallbackNanoseconds = median(all.seconds[fallback]) * 1e9;
  finding.spreadNanoseconds = spread(all.seconds[1]) * 1e9;
}

} // namespace

bool accepts(const Comparison &comparison, size_t k) {
  return comparison.change <= -kLeastGain && comparison.chance <= (1 - kConfidence) / double(k * (k + 1));
}

Finding measure(Rounds &rounds, const Values &candidate, const Values &incumbent, size_t confirmations) {
  const double start = now();
  Finding finding;
  finding.measurement.values = candidate.print();
  finding.measurement.incumbent = incumbent.print();
  decide(finding, rounds, candidate, confirmations);
  finding.measurement.seconds = now() - start;
  return finding;
}

} // namespace lathe::tune
