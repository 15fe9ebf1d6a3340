//===- Tuner.cpp - from a model to records ------------------------------------------------------------------------===//
#include "compiler/tune/Tuner.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "compiler/tune/Job.h"
#include "compiler/tune/ProcessRounds.h"
#include "runtime/device/cpu/Limits.h"
#include <chrono>
#include <cmath>
#include <thread>

namespace lathe::tune {
namespace {

using llvm::Error;
using llvm::Expected;

/// Beyond the budget, a confirmation that has begun may take this part of it, or so many seconds.
constexpr double kGracePart = 0.1, kGraceSeconds = 2;
/// To make the program as it is, whose kernels may be many, and time it.
constexpr double kPrepareSeconds = 3600;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

unsigned coresOr(unsigned threads) { return threads ? threads : std::max(1u, std::thread::hardware_concurrency()); }

class Tuner {
public:
  Tuner(Subject &subject, Workspace &workspace, const TuneOptions &options)
      : subject(subject), workspace(workspace), options(options) {}

  Expected<TuneResult> run() {
    Result<MachineLimits> limits = measureMachine(coresOr(options.threads));
    if (!limits)
      return makeError("{0}", limits.message());
    result.limits = limits.take();
    if (Error failed = prepare())
      return std::move(failed);
    for (const double end = now() + options.budget; now() < end && !interrupted();) {
      Expected<bool> more = generation(end);
      if (!more)
        return more.takeError();
      if (!*more)
        break;
    }
    for (Job &job : jobs)
      result.items.push_back(std::move(job.result));
    result.interrupted = interrupted();
    result.records = ledger->records().size();
    return std::move(result);
  }

private:
  /// A program, as it is run.
  struct Part {
    Excerpt excerpt;
    std::string library;    ///< of the incumbents
    double stepSeconds = 0; ///< of the excerpt, about
    double spent = 0;       ///< seconds, on its keys
    bool made = false;      ///< the library, of the latest incumbents
  };

  bool interrupted() const { return options.interrupted && options.interrupted(); }
  void say(const std::string &text) const {
    if (options.progress)
      options.progress("tune: " + text);
  }

  /// Opens the ledger, makes the incumbents' program, times its phases and puts the keys in order.
  Error prepare() {
    Expected<std::unique_ptr<Ledger>> opened =
        Ledger::open(options.output,
                     {subject.name, subject.target.name, generatorOf(*subject.backend), machineOf(result.limits),
                      result.limits.threads},
                     options.fresh);
    if (!opened)
      return opened.takeError();
    ledger = std::move(*opened);
    result.before = ledger->before().measurements.size();
    for (const schedule::Record &record : ledger->records())
      subject.records.prefer(record);
    Expected<std::vector<Item>> items = itemsOf(subject, options.families);
    if (!items)
      return items.takeError();
    for (Item &item : *items)
      for (const Measurement *winner : ledger->winners(item.key.print()))
        if (std::optional<Values> values = parseValues(winner->values, item)) {
          item.current = *values;
          subject.records.prefer(recordOf(item, subject.target, *values));
        }
    say("makes and times the program as it is");
    Expected<Profile> times = profileInChild(subject, workspace, options);
    if (!times)
      return times.takeError();
    if (times->programs.empty()) // interrupted
      return Error::success();
    raiseLimits(result.limits, *times);
    jobs = jobsOf(std::move(*items), subject, *times, result.limits);
    for (size_t program = 0; program < times->programs.size(); ++program) {
      Part part = {excerptOf(subject, program), workspace.file("incumbents" + std::to_string(program) + ".so")};
      part.stepSeconds = times->stepSeconds(part.excerpt);
      parts.push_back(std::move(part));
    }
    for (Job &job : jobs) {
      begin(job, subject, *ledger, result.limits, options.seed);
      const Use &use = job.use();
      if (Error failed = ledger->add(KeyLine{job.key(), subject.set.programs[use.program].name,
                                             job.item().current.print(), job.item().fallback.print(), use.seconds * 1e9,
                                             use.limitSeconds * 1e9, use.memory, job.result.weight}))
        return failed;
    }
    return Error::success();
  }

  /// The program whose keys have had least of the time that is theirs; nothing: no key has anything left to try.
  std::optional<size_t> nextProgram() const {
    std::vector<double> lost(subject.set.programs.size(), 0);
    for (const Job &job : jobs)
      if (!job.exhausted)
        lost[job.program()] += std::max(job.lost, 1e-12);
    std::optional<size_t> next;
    auto had = [&](size_t program) { return parts[program].spent / lost[program]; };
    for (size_t program = 0; program < lost.size(); ++program)
      if (lost[program] > 0 && (!next || had(program) < had(*next)))
        next = program;
    return next;
  }

  /// The jobs of a program whose turn it is, each with a candidate.
  std::vector<std::pair<Job *, Values>> candidates(size_t program) {
    double most = 0;
    for (const Job &job : jobs)
      if (!job.exhausted && job.program() == program)
        most = std::max(most, job.lost);
    std::vector<std::pair<Job *, Values>> chosen;
    for (Job &job : jobs) {
      if (job.exhausted || job.program() != program)
        continue;
      job.credit += most > 0 ? job.lost / most : 1;
      if (job.credit < 1)
        continue;
      job.credit -= 1;
      if (std::optional<Values> candidate = job.search->next())
        chosen.emplace_back(&job, std::move(*candidate));
      else
        job.exhausted = true;
    }
    return chosen;
  }

  /// Whether there was something to try.
  Expected<bool> generation(double end) {
    const std::optional<size_t> program = nextProgram();
    if (!program)
      return false;
    const double start = now(), grace = std::max(kGraceSeconds, kGracePart * options.budget);
    std::vector<std::pair<Job *, Values>> tries = candidates(*program);
    if (tries.empty())
      return true; // some key is exhausted now, or has more credit
    say(llvm::formatv("{0}: {1} kernels at once, {2} candidates so far, {3} records; {4:f0} s left",
                      subject.set.programs[*program].name, tries.size(), result.measured, ledger->records().size(),
                      end - start)
            .str());
    std::vector<RoundsKey> keys;
    std::vector<Challenge> challenges;
    for (auto &[job, candidate] : tries) {
      challenges.push_back({keys.size(), candidate, job->result.best, job->confirmations});
      keys.push_back({&job->item(), &job->use()});
    }
    Part &part = parts[*program];
    if (!part.made)
      if (Error failed = makeIncumbents(part))
        return std::move(failed);
    ProcessRounds rounds(subject, workspace, std::move(keys), part.excerpt, part.stepSeconds, subject.records,
                         part.library,
                         {.threads = options.threads,
                          .seed = hashNumber(result.before + result.measured, hashNumber(options.seed)),
                          .stop = [&] { return interrupted() || now() > end; },
                          .stopConfirming = [&] { return interrupted() || now() > end + grace; }});
    std::vector<Finding> findings = measure(rounds, challenges);
    for (size_t i = 0; i < findings.size(); ++i) {
      if (findings[i].stopped)
        continue;
      if (Error failed = settle(*tries[i].first, tries[i].second, findings[i]))
        return std::move(failed);
      if (findings[i].measurement.outcome == Outcome::Won)
        for (Part &other : parts)
          other.made = false;
    }
    part.spent += now() - start;
    return true;
  }

  /// All kernels are in the cache by now: this is the linker's work.
  Error makeIncumbents(Part &part) {
    const ChildEnd end = runInChild(
        [&]() -> Expected<std::string> {
          if (Error failed = makeLibrary(subject, subject.records, part.library, &part.excerpt))
            return std::move(failed);
          return "";
        },
        {kPrepareSeconds, options.interrupted});
    part.made = end.kind == ChildEnd::Answered;
    return part.made || end.kind == ChildEnd::Stopped
               ? Error::success()
               : makeError("{0}: the incumbents' program cannot be made: {1}", subject.name, end.text);
  }

  /// Writes down what was found, and makes a winner the incumbent.
  Error settle(Job &job, const Values &candidate, Finding &finding) {
    ItemResult &r = job.result;
    Measurement &m = finding.measurement;
    m.key = job.key();
    ++result.measured;
    job.count(m);
    if (m.outcome != Outcome::Won)
      return ledger->add(m);
    const schedule::Record plain = recordOf(job.item(), subject.target, candidate);
    std::optional<schedule::Record> record;
    if (candidate != job.item().fallback && finding.againstFallback.high < 0 &&
        m.nanoseconds < finding.fallbackNanoseconds) {
      record = plain;
      fillProvenance(*record->mutable_provenance(), finding);
    }
    subject.records.prefer(plain);
    r.best = candidate;
    r.changeHere += m.change;
    r.gain = record ? finding.againstFallback : Comparison();
    job.search->won(candidate);
    offer(job, candidate);
    return ledger->addWinner(m, plain, record);
  }

  /// Of kernels of the same family, what is best for one is worth a try for the others: whole, or the code's
  /// part of it in their own tile.
  void offer(const Job &winner, const Values &values) {
    for (Job &job : jobs) {
      if (&job == &winner || job.item().key.family != winner.item().key.family ||
          job.item().kernel.index() != winner.item().kernel.index() ||
          job.item().grid.memoryBound != winner.item().grid.memoryBound)
        continue;
      Values code = job.result.best;
      for (const auto &[name, value] : values.all())
        if (name != kTileRows && name != kTileColumns && code.find(name))
          code.set(name, value);
      job.search->offer(code);
      job.search->offer(values);
      job.exhausted = false;
    }
  }

  void fillProvenance(schedule::Provenance &from, const Finding &finding) const {
    from.set_machine(machineOf(result.limits));
    from.set_commit(options.commit);
    from.set_generator(generatorOf(*subject.backend));
    from.set_date(options.date);
    from.set_budget_seconds(std::max(1.0, std::round(options.budget)));
    from.set_runs(uint32_t(finding.measurement.pairs));
    from.set_median_ns(std::round(finding.measurement.nanoseconds));
    from.set_spread_ns(std::round(finding.spreadNanoseconds));
    from.set_fallback_ns(std::round(finding.fallbackNanoseconds));
    auto percent = [](double change) { return std::round(-1000 * std::expm1(change)) / 10; };
    from.set_gain_percent(percent(finding.againstFallback.change));
    from.set_gain_low_percent(std::max(0.1, percent(finding.againstFallback.high)));
    from.set_gain_high_percent(percent(finding.againstFallback.low));
  }

  Subject &subject;
  Workspace &workspace;
  const TuneOptions &options;
  TuneResult result;
  std::unique_ptr<Ledger> ledger;
  std::vector<Job> jobs; ///< those that lose most first
  std::vector<Part> parts;
};

} // namespace

Expected<Profile> profileInChild(const Subject &subject, Workspace &workspace, const TuneOptions &options) {
  const std::string library = workspace.file("incumbents.so");
  const ChildEnd end = runInChild(
      [&]() -> Expected<std::string> {
        if (Error failed = makeLibrary(subject, subject.records, library))
          return std::move(failed);
        Expected<Profile> times = profile(subject, library, options.threads);
        if (!times)
          return times.takeError();
        return encode(*times);
      },
      {kPrepareSeconds, options.interrupted});
  if (end.kind == ChildEnd::Stopped)
    return Profile();
  if (end.kind != ChildEnd::Answered)
    return makeError("{0}: the program as it is cannot be timed: {1}", subject.name, end.text);
  return decodeProfile(end.text);
}

Expected<TuneResult> tune(Subject &subject, Workspace &workspace, const TuneOptions &options) {
  return Tuner(subject, workspace, options).run();
}

std::string generatorOf(const Backend &backend) {
  const std::string digits = llvm::utohexstr(hashBytes(backend.stamp), /*LowerCase=*/true, 16);
  return std::string(backend.name) + " " + digits.substr(0, 12);
}

std::string machineOf(const MachineLimits &limits) {
  return limits.machine + ", " + std::to_string(limits.threads) + " threads";
}

} // namespace lathe::tune
