//===- Tuner.cpp - from a model to records ---------------------------------------------------------------------------===//
#include "compiler/tune/Tuner.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "compiler/support/Output.h"
#include "compiler/tune/CostModel.h"
#include "compiler/tune/ProcessRounds.h"
#include "compiler/tune/Search.h"
#include "runtime/device/cpu/Roofline.h"
#include "llvm/Support/FileSystem.h"
#include <chrono>
#include <cmath>
#include <thread>

namespace lathe::tune {
namespace {

using llvm::Error;
using llvm::Expected;

// The use that keys are weighed by: a prompt, then new tokens one by one. A program between decode and prefill, of many
// sequences, counts as some steps.
constexpr double kPromptTokens = 512, kNewTokens = 128, kOtherSteps = 16;
/// A key whose turn is shorter finds out nothing.
constexpr double kLeastShare = 1.5;
/// Beyond the budget, a confirmation that has begun may take this part of it, or so many seconds.
constexpr double kGracePart = 0.1, kGraceSeconds = 2;
constexpr size_t kSeeds = 4;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

unsigned coresOr(unsigned threads) { return threads ? threads : std::max(1u, std::thread::hardware_concurrency()); }

/// Steps of program `index` in the common use.
double stepsOf(const ProgramSet &set, size_t index, uint32_t rows) {
  if (index == 0)
    return kNewTokens;
  return set.programs[index].distinctSequences || index + 1 < set.programs.size()
             ? kOtherSteps
             : std::max(1.0, kPromptTokens / std::max(1u, rows));
}

/// A key on its way.
struct Job {
  ItemResult result;
  double lost = 0; ///< seconds above the limit, in the common use
  double stepSeconds = 0;
  std::unique_ptr<Search> search;
  size_t confirmations = 0;
  bool exhausted = false;

  Use &use() { return result.item.uses[result.use]; }
};

class Tuner {
public:
  Tuner(Subject &subject, Workspace &workspace, const TuneOptions &options)
      : subject(subject), workspace(workspace), options(options), incumbentFile(workspace.file("incumbent.so")) {}

  Expected<TuneResult> run() {
    result.limits = measureMachine(coresOr(options.threads));
    if (Error failed = open())
      return std::move(failed);
    if (Error failed = prepare())
      return std::move(failed);
    if (Error failed = work())
      return std::move(failed);
    for (Job &job : jobs)
      result.items.push_back(std::move(job.result));
    result.interrupted = options.interrupted && options.interrupted();
    result.records = found.size();
    return std::move(result);
  }

private:
  void say(const std::string &text) const {
    if (options.progress)
      options.progress(text);
  }
  bool interrupted() const { return options.interrupted && options.interrupted(); }

  /// The records' file and the journal, and what they know already.
  Error open() {
    if (llvm::sys::fs::exists(options.output)) {
      const size_t before = subject.records.all().size();
      if (Error wrong = subject.records.addFile(options.output))
        return wrong;
      found.assign(subject.records.all().begin() + ptrdiff_t(before), subject.records.all().end());
    }
    const JournalHead head = {subject.name, subject.target.name, generatorOf(*subject.backend), machineOf(result.limits),
                              coresOr(options.threads)};
    Expected<std::unique_ptr<Journal>> opened = Journal::open(options.output + ".journal", head, options.fresh);
    if (!opened)
      return opened.takeError();
    journal = std::move(*opened);
    for (const Measurement &m : journal->before().measurements) {
      if (m.outcome != Outcome::Won || m.record.empty())
        continue;
      Expected<std::vector<schedule::Record>> record = parseRecords(options.output + ".journal", m.record);
      if (!record)
        return record.takeError();
      replace(record->front());
    }
    result.before = journal->before().measurements.size();
    return Error::success();
  }

  /// Puts a record that was found in its place.
  void replace(const schedule::Record &record) {
    llvm::erase_if(found, [&](const schedule::Record &other) { return overlap(other, record); });
    found.push_back(record);
  }

  /// What the journal says won is the incumbent.
  void replay(Item &item) {
    for (const Measurement &m : journal->before().measurements)
      if (m.outcome == Outcome::Won && m.key == item.key.print())
        if (std::optional<Values> values = parseValues(m.values, item)) {
          item.current = *values;
          subject.records.prefer(recordOf(item, subject.target, *values));
        }
  }

  /// Makes the incumbents' program, times its phases and puts the keys in order.
  Error prepare() {
    Expected<std::vector<Item>> items = itemsOf(subject, options.families);
    if (!items)
      return items.takeError();
    for (Item &item : *items)
      replay(item);
    say("tune: makes and times the program as it is");
    const ChildEnd end = runInChild(
        [&]() -> Expected<std::string> {
          if (Error failed = makeLibrary(subject, subject.records, incumbentFile))
            return std::move(failed);
          Expected<Profile> times = profile(subject, incumbentFile, options.threads, result.limits);
          if (!times)
            return times.takeError();
          return encode(*times);
        },
        {3600, options.interrupted});
    if (end.kind == ChildEnd::Stopped)
      return Error::success();
    if (end.kind != ChildEnd::Answered)
      return makeError("{0}: the program as it is cannot be timed: {1}", subject.name, end.text);
    Expected<Profile> times = decodeProfile(end.text);
    if (!times)
      return times.takeError();
    result.threads = times->threads;
    for (Item &item : *items)
      addJob(std::move(item), *times);
    llvm::sort(jobs, [](const Job &a, const Job &b) {
      return a.lost != b.lost ? a.lost > b.lost : a.result.item.key.print() < b.result.item.key.print();
    });
    double lost = 0;
    for (const Job &job : jobs)
      lost += job.lost;
    for (Job &job : jobs) {
      job.result.weight = lost > 0 ? job.lost / lost : 0;
      if (Error failed = begin(job))
        return failed;
    }
    return Error::success();
  }

  void addJob(Item item, const Profile &times) {
    Job job;
    double most = -1;
    for (auto [index, use] : llvm::enumerate(item.uses)) {
      const Profile::ProgramTime &program = times.programs[use.program];
      if (!program.possible)
        continue;
      for (size_t phase : use.phases) {
        const Profile::PhaseTime &time = program.phases[phase];
        use.seconds += time.seconds, use.limitSeconds += time.limitSeconds;
        use.bytes += time.bytes, use.operations += time.operations;
        use.rate = time.rate, use.memory = time.memory;
      }
      const double lost = stepsOf(subject.set, use.program, program.rows) * std::max(0.0, use.seconds - use.limitSeconds);
      job.lost += lost;
      if (lost > most)
        most = lost, job.result.use = index, job.stepSeconds = program.stepSeconds;
    }
    if (most < 0)
      return; // no step runs it
    job.result.best = item.current;
    job.result.item = std::move(item);
    jobs.push_back(std::move(job));
  }

  /// The search, with what the journal has of the key.
  Error begin(Job &job) {
    ItemResult &r = job.result;
    const Item &item = r.item;
    std::vector<Values> seeds;
    if (item.current != item.fallback)
      seeds.push_back(item.fallback);
    for (const schedule::Record &record : llvm::reverse(subject.records.all()))
      if (record.target() == subject.target.name && record.family() == item.key.family &&
          record.types() == item.key.types && seeds.size() < kSeeds)
        if (std::optional<Values> values = valuesOf(record, item))
          seeds.push_back(*values);
    const Use use = job.use();
    const int64_t rows = std::min<int64_t>(item.grid.rows, rowsOfStep(use.program));
    const double rate = operationsPerSecond(use.rate, result.limits), phases = double(use.phases.size());
    job.search = std::make_unique<Search>(
        item.space, item.current, std::move(seeds),
        [kernel = item.kernel, grid = item.grid, target = subject.target, use, rows, rate, phases,
         limits = result.limits](const Values &values) {
          return estimateSeconds({.kernel = kernel,
                                  .grid = grid,
                                  .target = target,
                                  .rows = rows,
                                  .bytes = use.bytes / phases,
                                  .operations = use.operations / phases,
                                  .operationRate = rate,
                                  .readRate = limits.readBytesPerSecond,
                                  .threads = limits.threads},
                                 values);
        },
        hashNumber(options.seed, hashBytes(item.key.print())));
    for (const Measurement &m : journal->before().measurements) {
      if (m.key != item.key.print())
        continue;
      count(job, m);
      if (m.outcome == Outcome::Won && !m.record.empty())
        r.gain = gainOf(parseRecords("", m.record));
      if (std::optional<Values> values = parseValues(m.values, item))
        job.search->known(*values);
    }
    const std::string key = item.key.print();
    if (llvm::none_of(journal->before().keys, [&](const KeyLine &line) { return line.key == key; }))
      return journal->add(KeyLine{key, subject.set.programs[use.program].name, item.current.print(),
                                  item.fallback.print(), use.seconds * 1e9, use.limitSeconds * 1e9, use.memory,
                                  r.weight});
    return Error::success();
  }

  /// As a record has it.
  static Comparison gainOf(Expected<std::vector<schedule::Record>> record) {
    const schedule::Provenance from = llvm::cantFail(std::move(record)).front().provenance(); // open() has read it
    auto change = [](double percent) { return std::log1p(-percent / 100); };
    return {.pairs = from.runs(),
            .change = change(from.gain_percent()),
            .low = change(from.gain_high_percent()),
            .high = change(from.gain_low_percent())};
  }

  int64_t rowsOfStep(size_t program) const {
    return program == 0 ? 1 : subject.set.programs[program].maxRows;
  }

  void count(Job &job, const Measurement &m) {
    ++job.result.tried;
    job.result.failed += !m.ran();
    job.confirmations += m.pairs > kScreenRounds;
    if (m.outcome != Outcome::Won)
      return;
    job.result.won = true;
    job.result.nanoseconds = m.nanoseconds;
    job.result.change += m.change;
  }

  /// Turns, until the time is up or nothing is left to try.
  Error work() {
    const double end = now() + options.budget;
    for (bool any = true; any && !interrupted() && now() < end;) {
      any = false;
      double lost = 0;
      for (const Job &job : jobs)
        lost += job.exhausted ? 0 : job.lost;
      for (Job &job : jobs) {
        const double left = end - now();
        if (left <= 0 || interrupted())
          break;
        if (job.exhausted)
          continue;
        any = true;
        const double share = std::max(kLeastShare, lost > 0 ? left * job.lost / lost : left);
        lost -= job.lost;
        if (Error failed = workOn(job, std::min(end, now() + share), end))
          return failed;
      }
    }
    return Error::success();
  }

  Error workOn(Job &job, double until, double end) {
    const double grace = std::max(kGraceSeconds, kGracePart * options.budget);
    ItemResult &r = job.result;
    while (now() < until && !interrupted()) {
      std::optional<Values> candidate = job.search->next();
      if (!candidate) {
        job.exhausted = true;
        break;
      }
      say(llvm::formatv("tune: {0}: candidate {1}{2}; {3:f0} s left", r.item.key.print(), r.tried + 1,
                        r.won ? llvm::formatv(", {0:f1} % found", -100 * std::expm1(r.change)).str() : "", end - now())
              .str());
      ProcessRounds rounds(subject, workspace, r.item, job.use(), job.stepSeconds, subject.records, r.best,
                           incumbentFile,
                           {.threads = options.threads,
                            .seed = hashBytes(candidate->print(), options.seed),
                            .stop = [&] { return interrupted() || now() > end; },
                            .stopConfirming = [&] { return interrupted() || now() > end + grace; }});
      Finding finding = measure(rounds, *candidate, r.best, job.confirmations);
      if (finding.stopped)
        break;
      if (Error failed = settle(job, *candidate, finding, rounds.candidateLibrary()))
        return failed;
    }
    return Error::success();
  }

  /// Writes down what was found, and makes a winner the incumbent.
  Error settle(Job &job, const Values &candidate, Finding &finding, const std::string &library) {
    ItemResult &r = job.result;
    Measurement &m = finding.measurement;
    m.key = r.item.key.print();
    ++result.measured;
    count(job, m);
    if (m.outcome != Outcome::Won)
      return journal->add(m);
    std::optional<schedule::Record> record;
    if (candidate != r.item.fallback && finding.againstFallback.high < 0 && m.nanoseconds < finding.fallbackNanoseconds) {
      record = recordOf(r.item, subject.target, candidate);
      fillProvenance(*record->mutable_provenance(), finding);
      m.record = textOf(*record, /*oneLine=*/true);
      while (!m.record.empty() && m.record.back() == '\n')
        m.record.pop_back();
    }
    if (Error failed = journal->add(m))
      return failed;
    const schedule::Record plain = recordOf(r.item, subject.target, candidate);
    subject.records.prefer(plain);
    if (record)
      replace(*record);
    else // the fallback itself is better than a record was
      llvm::erase_if(found, [&](const schedule::Record &other) { return overlap(other, plain); });
    r.best = candidate;
    r.changeHere += m.change;
    r.gain = finding.againstFallback;
    job.search->won(candidate);
    if (std::error_code problem = llvm::sys::fs::rename(library, incumbentFile))
      return makeError("{0}: {1}", incumbentFile, problem.message());
    return writeRecords();
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

  Error writeRecords() {
    Expected<Merged> merged = mergeRecords({{options.output, found}});
    if (!merged)
      return merged.takeError();
    return writeFile(options.output, [&](llvm::raw_ostream &out) {
      out << textOf(merged->records);
      return Error::success();
    });
  }

  Subject &subject;
  Workspace &workspace;
  const TuneOptions &options;
  const std::string incumbentFile;
  TuneResult result;
  std::unique_ptr<Journal> journal;
  std::vector<Job> jobs; ///< those that lose most first
  std::vector<schedule::Record> found; ///< of the records' file
};

} // namespace

Expected<TuneResult> tune(Subject &subject, Workspace &workspace, const TuneOptions &options) {
  return Tuner(subject, workspace, options).run();
}

std::string generatorOf(const Backend &backend) {
  return llvm::formatv("{0} {1}", backend.name, llvm::utohexstr(hashBytes(backend.stamp), /*LowerCase=*/true, 16).substr(0, 12))
      .str();
}

std::string machineOf(const MachineLimits &limits) {
  return limits.cpu + ", " + std::to_string(limits.threads) + " threads";
}

} // namespace lathe::tune
