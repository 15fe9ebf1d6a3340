//===- Trial.cpp - programs run side by side, in turn -------------------------------------------------------------===//
#include "compiler/tune/Trial.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "compiler/tune/Statistics.h"
#include "compiler/tune/Steps.h"
#include <chrono>
#include <cmath>
#include <random>

namespace lathe::tune {
namespace {

using llvm::Expected;

/// A turn takes about so long, that a clock's grain and a switch between programs are small in it.
constexpr double kTurnSeconds = 4e-3;
constexpr size_t kMostSteps = 12;
/// Steps beyond this fill the caches themselves; none is spent on warming up.
constexpr double kLongStep = 20e-3;
/// Of a group's phases in a turn, the part whose slowest is taken.
constexpr double kUndisturbed = 0.25;
/// Rounds whose logits are compared.
constexpr size_t kCompared = 3;
/// A candidate that is slower by so much in each of so many rounds has lost.
constexpr double kLost = 0.02, kFarLost = 0.2;
constexpr size_t kLostRounds = 4, kFarLostRounds = 2;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool hasLost(const TrialResult::Times &times) {
  const std::vector<double> changes = tune::changes(times);
  auto allAbove = [&](double least) { return llvm::all_of(changes, [=](double x) { return x > least; }); };
  return (changes.size() >= kLostRounds && allAbove(kLost)) || (changes.size() >= kFarLostRounds && allAbove(kFarLost));
}

class Trial {
public:
  Trial(const Subject &subject, const TrialPlan &plan)
      : subject(subject), plan(plan), groupOf(plan.excerpt.kept.size(), plan.groups.size()),
        steps(turnOf(plan.stepSeconds)) {
    for (size_t group = 0; group < plan.groups.size(); ++group)
      for (size_t phase : plan.groups[group].phases)
        groupOf[phase] = group;
  }

  llvm::Error load() {
    runs.resize(plan.libraries.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      const size_t place = plan.reversed ? runs.size() - 1 - i : i;
      Expected<std::shared_ptr<const Model>> model = openLibrary(subject, plan.libraries[place]);
      if (!model)
        return model.takeError();
      Expected<std::unique_ptr<Steps>> steps = Steps::create(*model, plan.excerpt.program, plan.threads);
      if (!steps)
        return steps.takeError();
      runs[place] = std::move(*steps);
    }
    return llvm::Error::success();
  }

  Expected<TrialResult> run() {
    TrialResult result;
    result.groups.assign(plan.groups.size(), TrialResult::Times(runs.size()));
    for (std::unique_ptr<Steps> &steps : runs) // pages in weights and code
      if (llvm::Error failed = steps->step())
        return std::move(failed);
    std::mt19937_64 random(plan.seed);
    for (size_t round = 0; round < plan.rounds; ++round) {
      std::vector<size_t> order(runs.size());
      for (size_t i = 0; i < order.size(); ++i)
        order[i] = i;
      for (size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random() % i]);
      std::vector<uint64_t> hashes(runs.size(), 0);
      for (size_t i : order) {
        Expected<std::vector<double>> seconds = turn(*runs[i], round < kCompared ? &hashes[i] : nullptr);
        if (!seconds)
          return seconds.takeError();
        for (size_t group = 0; group < result.groups.size(); ++group)
          result.groups[group][i].push_back((*seconds)[group]);
      }
      for (uint64_t hash : hashes)
        result.sameBits &= hash == hashes.front();
      if (!result.sameBits || (plan.giveUp && llvm::all_of(result.groups, hasLost)))
        break;
    }
    return result;
  }

private:
  /// Seconds of each group in a step.
  Expected<std::vector<double>> turn(Steps &run, uint64_t *hash) {
    std::vector<std::vector<double>> seen(plan.groups.size());
    const PhaseObserver watch = [&](const PhaseEvent &event) {
      if (const size_t group = groupOf[event.phase]; group < seen.size())
        seen[group].push_back(event.seconds);
    };
    for (size_t step = 0; step < steps.warming + steps.kept; ++step) {
      if (llvm::Error failed = run.step(step < steps.warming ? PhaseObserver() : watch))
        return std::move(failed);
      if (hash)
        *hash = hashNumber(run.logitsHash(), *hash);
    }
    std::vector<double> seconds;
    for (size_t group = 0; group < seen.size(); ++group)
      seconds.push_back(std::max(quantile(seen[group], kUndisturbed) * double(plan.groups[group].count), 1e-9));
    return seconds;
  }

  const Subject &subject;
  const TrialPlan &plan;
  std::vector<size_t> groupOf; ///< of each phase; beyond all groups: none
  const Turn steps;
  std::vector<std::unique_ptr<Steps>> runs;
};

/// Of one program.
Expected<Profile::ProgramTime> profileProgram(std::shared_ptr<const Model> model, size_t program, unsigned threads) {
  constexpr double kEnough = 0.3;
  constexpr size_t kLeast = 3, kMost = 24;
  Profile::ProgramTime time;
  time.phases.resize(model->variant().programs[program].n_phases);
  Expected<std::unique_ptr<Steps>> steps = Steps::create(model, program, threads);
  if (!steps)
    return steps.takeError();
  time.possible = (*steps)->possible();
  if (!time.possible)
    return time;
  if (llvm::Error failed = (*steps)->step())
    return std::move(failed);
  std::vector<std::vector<double>> seconds(time.phases.size());
  const double start = now();
  for (size_t i = 0; i < kMost && (i < kLeast || now() - start < kEnough); ++i) {
    std::vector<PhaseEvent> events; // what they point to stays; what they could fetch does not
    if (llvm::Error failed = (*steps)->step([&](const PhaseEvent &event) {
          seconds[event.phase].push_back(event.seconds);
          events.push_back({event.phase, event.table, event.seconds, event.tiles, {}, 0, 0, 0});
        }))
      return std::move(failed);
    const StepShape &shape = (*steps)->shape();
    time.rows = shape.rows * shape.sequences;
    for (const PhaseEvent &event : events)
      time.phases[event.phase].work = workOf(*event.table, event.tiles, shape);
  }
  for (size_t i = 0; i < seconds.size(); ++i)
    time.phases[i].seconds = quantile(seconds[i], kUndisturbed);
  return time;
}

} // namespace

Turn turnOf(double stepSeconds) {
  const double step = std::max(stepSeconds, 1e-6);
  return {step < kLongStep ? size_t(1) : 0, std::clamp<size_t>(size_t(std::ceil(kTurnSeconds / step)), 1, kMostSteps)};
}

std::vector<double> changes(const TrialResult::Times &times, size_t library) {
  std::vector<double> changes;
  for (size_t i = 0; i < std::min(times.front().size(), times[library].size()); ++i)
    changes.push_back(std::log(times[library][i] / times.front()[i]));
  return changes;
}

Expected<TrialResult> runTrial(const Subject &subject, const TrialPlan &plan) {
  Trial trial(subject, plan);
  if (llvm::Error failed = trial.load())
    return std::move(failed);
  return trial.run();
}

double Profile::stepSeconds(const Excerpt &excerpt) const {
  const ProgramTime &program = programs[excerpt.program];
  double seconds = 0;
  for (size_t phase : excerpt.kept)
    seconds += program.possible ? program.phases[phase].seconds : 0;
  return seconds;
}

Expected<Profile> profile(const Subject &subject, const std::string &library, unsigned threads) {
  Expected<std::shared_ptr<const Model>> model = openLibrary(subject, library);
  if (!model)
    return model.takeError();
  Profile result;
  for (size_t i = 0; i < (*model)->variant().n_programs; ++i) {
    Expected<Profile::ProgramTime> time = profileProgram(*model, i, threads);
    if (!time)
      return time.takeError();
    result.programs.push_back(std::move(*time));
  }
  return result;
}

} // namespace lathe::tune
