//===- TuneReport.cpp - what tuning found, for people -------------------------------------------------------------===//
#include "tools/lathe/TuneReport.h"
#include "compiler/support/Error.h"
#include "tools/lathe/Console.h"
#include <cmath>

namespace lathe::cli {
namespace {

using tune::Comparison;
using tune::Measurement;
using tune::Outcome;

/// Of ln(new / old): the part of the old time that is saved.
double savedPercent(double change) { return -100 * std::expm1(change); }

/// "6.1 % (5.2 to 7.0)".
std::string gainText(const Comparison &gain) {
  if (!std::isfinite(gain.low + gain.high))
    return llvm::formatv("{0:f1} %", savedPercent(gain.change));
  return llvm::formatv("{0:f1} % ({1:f1} to {2:f1})", savedPercent(gain.change), savedPercent(gain.high),
                       savedPercent(gain.low));
}

std::string percent(double part) { return llvm::formatv("{0:f0} %", 100 * part); }

/// What differs: "tile_rows=24 -> 48, unroll=4 -> 2".
std::string differenceText(const Values &from, const Values &to) {
  std::string text;
  for (const auto &[name, value] : to.all())
    if (const int64_t *before = from.find(name); before && *before != value)
      text += llvm::formatv("{0}{1}={2} -> {3}", text.empty() ? "" : ", ", name, *before, value);
  return text;
}

std::string timeText(double nanoseconds) {
  return nanoseconds < 1e5 ? llvm::formatv("{0:f1} us", nanoseconds / 1e3).str()
                           : llvm::formatv("{0:f2} ms", nanoseconds / 1e6).str();
}

} // namespace

std::string reportText(const tune::TuneResult &result) {
  if (result.items.empty())
    return "nothing to tune: no kernel has a choice\n";
  Table table({"key", "of time lost", "tried", "change", "gain over the fallback", "limit", "of it before", "after"});
  for (const tune::ItemResult &item : result.items) {
    const tune::Use &use = item.item.uses[item.use];
    const double before = use.seconds > 0 ? use.limitSeconds / use.seconds : 0;
    const std::string change = differenceText(item.item.fallback, item.best);
    table.add({item.item.key.print(), percent(item.weight), std::to_string(item.tried),
               change.empty() ? (item.tried ? "fallback stays" : "") : change,
               item.gain.pairs ? gainText(item.gain) : "", use.memory ? "memory" : "arithmetic", percent(before),
               percent(before * std::exp(-item.changeHere))});
  }
  std::string text = llvm::formatv("{0}: reads {1:f1} GB/s; {2} {3:f0} GFLOP/s", tune::machineOf(result.limits),
                                   result.limits.readBytesPerSecond / 1e9, result.limits.f32Form,
                                   result.limits.f32OperationsPerSecond / 1e9);
  if (result.limits.dot4OperationsPerSecond)
    text += llvm::formatv("; {0} {1:f0} GOP/s", result.limits.dot4Form, result.limits.dot4OperationsPerSecond / 1e9);
  return text + "\n" + table.text();
}

std::string checkText(llvm::ArrayRef<tune::RecordCheck> checks) {
  Table table({"record", "said", "now", ""});
  for (const tune::RecordCheck &check : checks) {
    const bool measured = check.state == tune::RecordCheck::Holds || check.state == tune::RecordCheck::DoesNotHold;
    std::string verdict;
    switch (check.state) {
    case tune::RecordCheck::Holds:
      verdict = "holds";
      break;
    case tune::RecordCheck::DoesNotHold:
      verdict = "does not hold";
      break;
    case tune::RecordCheck::OtherGenerator:
      verdict = "ignored: made by " + check.detail;
      break;
    case tune::RecordCheck::OtherTarget:
      verdict = "ignored: for " + check.record.target();
      break;
    case tune::RecordCheck::NotOfThisModel:
      verdict = "ignored: the model has no such kernel";
      break;
    case tune::RecordCheck::Unmeasured:
      verdict = "not measured: " + check.detail;
      break;
    }
    table.add({print(check.record), llvm::formatv("{0:f1} %", check.record.provenance().gain_percent()).str(),
               measured ? gainText(check.gain) : "", verdict});
  }
  return table.text();
}

std::string explainText(const tune::JournalText &journal) {
  std::string text = llvm::formatv("{0} for {1}, by {2}, on {3}\n", journal.head.model, journal.head.target,
                                   journal.head.generator, journal.head.machine);
  for (const tune::KeyLine &key : journal.keys) {
    double change = 0, seconds = 0;
    std::string winner;
    Table tried({"  outcome", "saves", "pairs", "chance", "values"});
    size_t count = 0;
    for (const Measurement &m : journal.measurements) {
      if (m.key != key.key)
        continue;
      ++count;
      seconds += m.seconds;
      if (m.outcome == Outcome::Won)
        winner = m.values, change += m.change;
      const Comparison comparison = {m.pairs, m.change, m.low, m.high, m.chance};
      tried.add({std::string("  ") + tune::nameOf(m.outcome), m.ran() ? gainText(comparison) : "",
                 m.ran() ? std::to_string(m.pairs) : "", m.ran() ? llvm::formatv("{0:e1}", m.chance).str() : "",
                 m.values + (m.detail.empty() ? "" : ": " + m.detail)});
    }
    const double after = key.nanoseconds * std::exp(change);
    text +=
        llvm::formatv("\n{0}\n  in {1}: {2} a step, {3} of the limit, which is {4}; {5} of all time lost\n", key.key,
                      key.program, timeText(key.nanoseconds), percent(key.limitNanoseconds / key.nanoseconds),
                      key.memory ? "memory's" : "arithmetic's", percent(key.weight));
    text += "  began with " + key.start + (key.start == key.fallback ? ", the fallback\n" : "\n");
    if (!count) {
      text += "  nothing was tried\n";
      continue;
    }
    if (winner.empty())
      text += llvm::formatv("  which stays: none of {0} candidates is faster beyond the spread, in {1:f1} s\n", count,
                            seconds);
    else
      text +=
          llvm::formatv("  ended with {0}: {1:f1} % of the time saved, {2} candidates, {3:f1} s\n  {4} of the limit "
                        "now, {5} a step above it\n",
                        winner, savedPercent(change), count, seconds, percent(key.limitNanoseconds / after),
                        timeText(std::max(0.0, after - key.limitNanoseconds)));
    text += tried.text();
  }
  return text;
}

} // namespace lathe::cli
