//===- Job.cpp - a key on its way through tuning ------------------------------------------------------------------===//
#include "compiler/tune/Job.h"
#include "compiler/support/Hash.h"
#include "compiler/tune/CostModel.h"
#include "runtime/device/Roofline.h"

namespace lathe::tune {

// The use that keys are weighed by: a prompt, then new tokens one by one. A program between decode and prefill, of many
// sequences, counts as some steps.
static constexpr double kPromptTokens = 512, kNewTokens = 128, kOtherSteps = 16;
/// Records of near kernels, and winners of this run, that a search begins with.
static constexpr size_t kSeeds = 4;
/// Bytes of a phase that come from memory rather than from a cache.
static constexpr double kFromMemory = 256 << 10;
/// A key's time above the limit counts as at least this part of it all: the limit may have been measured while
/// something else had the machine.
static constexpr double kLeastLost = 0.1;

/// Steps of a program in that use.
static double stepsOf(const ProgramSet &set, size_t index, uint32_t rows) {
  if (index == 0)
    return kNewTokens;
  return set.programs[index].distinctSequences || index + 1 < set.programs.size()
             ? kOtherSteps
             : std::max(1.0, kPromptTokens / std::max(1u, rows));
}

void Job::count(const Measurement &measurement) {
  ++result.tried;
  result.failed += !measurement.ran();
  confirmations += measurement.confirmation;
}

void raiseLimits(MachineLimits &limits, const Profile &times) {
  for (const Profile::ProgramTime &program : times.programs)
    for (const Profile::PhaseTime &time : program.phases) {
      if (!(time.seconds > 0))
        continue;
      const PhaseWork &work = time.work;
      const double operations = work.operations / time.seconds;
      // Few bytes may have come from a cache.
      if (work.bytes > kFromMemory)
        limits.readBytesPerSecond = std::max(limits.readBytesPerSecond, work.bytes / time.seconds);
      if (operationsRoof(work.rate, limits) == Roof::Kind::F32)
        limits.f32OperationsPerSecond = std::max(limits.f32OperationsPerSecond, operations);
      else
        limits.dot4OperationsPerSecond =
            std::max(limits.dot4OperationsPerSecond, operations * (work.rate == LATHE_RATE_DOT4_TWICE ? 2 : 1));
    }
}

std::vector<Job> jobsOf(std::vector<Item> items, const Subject &subject, const Profile &times,
                        const MachineLimits &limits) {
  std::vector<Job> jobs;
  for (Item &item : items) {
    Job job;
    double most = -1;
    for (auto [index, use] : llvm::enumerate(item.uses)) {
      const Profile::ProgramTime &program = times.programs[use.program];
      if (!program.possible)
        continue;
      for (size_t phase : use.phases) {
        const Profile::PhaseTime &time = program.phases[phase];
        use.seconds += time.seconds, use.limitSeconds += limitSeconds(time.work, limits);
        use.bytes += time.work.bytes, use.operations += time.work.operations;
        use.rate = time.work.rate;
      }
      use.memory = use.bytes / limits.readBytesPerSecond >= use.operations / operationsPerSecond(use.rate, limits);
      const double above = std::max(kLeastLost * use.seconds, use.seconds - use.limitSeconds);
      const double lost = stepsOf(subject.set, use.program, program.rows) * above;
      job.lost += lost;
      if (lost > most)
        most = lost, job.result.use = index;
    }
    if (most < 0)
      continue;
    job.result.best = item.current;
    job.result.item = std::move(item);
    jobs.push_back(std::move(job));
  }
  double all = 0;
  for (const Job &job : jobs)
    all += job.lost;
  for (Job &job : jobs)
    job.result.weight = all > 0 ? job.lost / all : 0;
  for (Job &job : jobs) { // all take part in the first generation of their program
    double most = 0;
    for (const Job &other : jobs)
      if (other.program() == job.program())
        most = std::max(most, other.lost);
    job.credit = most > 0 ? 1 - job.lost / most : 0;
  }
  llvm::sort(jobs, [](const Job &a, const Job &b) { return a.lost != b.lost ? a.lost > b.lost : a.key() < b.key(); });
  return jobs;
}

void begin(Job &job, const Subject &subject, const Ledger &ledger, const MachineLimits &limits, uint64_t seed) {
  const Item &item = job.item();
  std::vector<Values> seeds;
  if (item.current != item.fallback)
    seeds.push_back(item.fallback);
  for (const schedule::Record &record : llvm::reverse(subject.records.all()))
    if (record.target() == subject.target.name && record.family() == item.key.family &&
        record.types() == item.key.types && seeds.size() < kSeeds)
      if (std::optional<Values> values = valuesOf(record, item))
        seeds.push_back(*values);
  const Use use = job.use();
  const double phases = double(use.phases.size());
  auto cost = [kernel = item.kernel, grid = item.grid, target = subject.target, use, phases, limits,
               rows = use.program == 0 ? 1 : item.grid.rows](const Values &values) {
    return estimateSeconds({.kernel = kernel,
                            .grid = grid,
                            .target = target,
                            .rows = rows,
                            .bytes = use.bytes / phases,
                            .operations = use.operations / phases,
                            .operationRate = operationsPerSecond(use.rate, limits),
                            .readRate = limits.readBytesPerSecond,
                            .threads = limits.threads},
                           values);
  };
  const std::string key = job.key();
  job.search = std::make_unique<Search>(item.space, item.current, std::move(seeds), std::move(cost),
                                        hashNumber(seed, hashBytes(key)));
  for (const Measurement &m : ledger.before().measurements)
    if (m.key == key) {
      job.count(m);
      if (std::optional<Values> values = parseValues(m.values, item))
        job.search->known(*values);
    }
  if (const std::vector<const Measurement *> winners = ledger.winners(key); !winners.empty())
    job.result.gain = ledger.gain(*winners.back());
}

} // namespace lathe::tune
