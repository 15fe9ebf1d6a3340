#include "tools/lathe/bench/Recorded.h"
#include "tools/lathe/Bundle.h"
#include <algorithm>

namespace lathe::bench {
namespace {

double secondsBetween(StepRecord::Clock::time_point begin, StepRecord::Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

Bound boundOf(Roof::Kind roof) {
  return roof == Roof::Kind::Dot4 ? Bound::Dot4 : roof == Roof::Kind::Half ? Bound::Half : Bound::F32;
}

} // namespace

PhaseWork Recorded::Place::work() const {
  const double runs = double(seconds.size());
  return {sum.bytes / runs, sum.operations / runs, sum.rate};
}

void Recorded::add(const StepRecord &record, size_t skipped, size_t steps) {
  uint64_t length = depth;
  const std::vector<StepRecord::Step> &all = record.steps();
  for (size_t step = 0; step < skipped; ++step)
    length += all[step].rows / sequences;
  for (size_t begin = skipped; begin + steps <= all.size(); begin += steps) {
    addRun(record, begin, steps, length);
    if (goesOn)
      for (size_t step = begin; step < begin + steps; ++step)
        length += all[step].rows / sequences;
  }
}

void Recorded::addRun(const StepRecord &record, size_t begin, size_t steps, uint64_t length) {
  const StepRecord::Step &first = record.steps()[begin], &last = record.steps()[begin + steps - 1];
  const size_t count = last.firstPhase + last.nPhases - first.firstPhase;
  bool same = places.empty() || places.size() == count;
  for (size_t i = 0; same && i < places.size(); ++i)
    same = places[i].table == record.phases()[first.firstPhase + i].table;
  if (!same)
    return;
  if (places.empty())
    for (size_t i = 0; i < count; ++i)
      places.push_back({record.phases()[first.firstPhase + i].table, {}, {}});
  Run run;
  run.workers.resize(record.workers());
  for (size_t i = begin; i < begin + steps; ++i) {
    const StepRecord::Step &step = record.steps()[i];
    length += step.rows / sequences;
    addStep(record, step, length, step.firstPhase - first.firstPhase, run);
  }
  runs.push_back(std::move(run));
}

void Recorded::addStep(const StepRecord &record, const StepRecord::Step &step, uint64_t length, size_t place,
                       Run &run) {
  const StepShape shape{.rows = uint32_t(step.rows / sequences), .length = length, .sequences = sequences};
  Timeline line{.rows = shape.rows, .seconds = secondsBetween(step.begin, step.end)};
  run.seconds += line.seconds;
  auto before = step.begin; // the last end of the phase before
  for (size_t phase = step.firstPhase; phase < step.firstPhase + step.nPhases; ++phase, ++place) {
    const StepRecord::Phase &ran = record.phases()[phase];
    Timeline::Phase slice{.name = ran.table->name, .group = 0, .work = workOf(*ran.table, ran.tiles, shape)};
    auto begun = before, ended = before; // by the last worker
    for (size_t worker = 0; worker < record.workers(); ++worker) {
      const StepRecord::Span &span = record.span(worker, phase);
      slice.workers.push_back({secondsBetween(step.begin, span.begin), secondsBetween(step.begin, span.end)});
      begun = std::max(begun, span.begin);
      ended = std::max(ended, span.end);
    }
    for (size_t worker = 0; worker < record.workers(); ++worker) {
      const StepRecord::Span &span = record.span(worker, phase);
      run.workers[worker].barrier += secondsBetween(before, span.begin);
      run.workers[worker].working += secondsBetween(span.begin, span.end);
      run.workers[worker].imbalance += secondsBetween(span.end, ended);
    }
    if (phase > step.firstPhase)
      barriers.push_back(secondsBetween(before, begun) * 1e9);
    places[place].seconds.push_back(secondsBetween(before, ended));
    places[place].sum.bytes += slice.work.bytes;
    places[place].sum.operations += slice.work.operations;
    places[place].sum.rate = slice.work.rate;
    line.phases.push_back(std::move(slice));
    before = ended;
  }
  run.steps.push_back(std::move(line));
}

double Recorded::bytes() const {
  double sum = 0;
  for (const Place &place : places)
    sum += place.work().bytes;
  return sum;
}

double Recorded::seconds() const {
  double sum = 0;
  for (const Place &place : places)
    sum += tune::median(place.seconds);
  return sum;
}

std::vector<PhaseWork> Recorded::works() const {
  std::vector<PhaseWork> works;
  for (const Place &place : places)
    works.push_back(place.work());
  return works;
}

/// Of the kernel that leads the phase, as its record's key has it: its linear or else its attention or the first.
std::string Recorded::scheduleOf(const lathe_phase &phase) const {
  const lathe_kernel *leads = nullptr;
  for (const char *family : {"linear_", "attend_", ""})
    for (uint32_t i = 0; i < phase.n_calls && !leads; ++i) {
      const lathe_kernel &kernel = variant->kernels[variant->calls[phase.first_call + i].kernel];
      if (std::string_view(kernel.symbol).starts_with(family))
        leads = &kernel;
    }
  return leads ? leads->schedule : "fallback";
}

std::vector<PhaseResult> Recorded::phases(const MachineLimits &limits) const {
  std::vector<PhaseResult> phases;
  for (const Place &place : places) {
    const std::string name = cli::withoutLayer(place.table->name).str();
    auto found = std::ranges::find(phases, name, &PhaseResult::name);
    if (found == phases.end())
      found = phases.insert(phases.end(), {.name = name, .schedule = scheduleOf(*place.table)});
    const PhaseWork work = place.work();
    found->count += 1;
    found->seconds += tune::median(place.seconds);
    found->bytes += work.bytes;
    found->operations += work.operations;
    found->rate = work.rate;
    found->limitSeconds += limitSeconds(work, limits);
  }
  for (PhaseResult &phase : phases) {
    const PhaseWork work{phase.bytes, phase.operations, phase.rate};
    const bool reads = readSeconds(work, limits) >= operationSeconds(work, limits);
    phase.bound = reads ? Bound::Reading : boundOf(operationsRoof(phase.rate, limits));
  }
  return phases;
}

void Recorded::fill(StepResult &result, const MachineLimits &limits) const {
  result.phases = phases(limits);
  result.seconds = seconds();
  result.sequences = sequences;
  result.barriers = {double(places.size()), quartilesOf(barriers)};
  if (runs.empty())
    return;
  std::vector<const Run *> ordered;
  for (const Run &run : runs)
    ordered.push_back(&run);
  std::ranges::sort(ordered, {}, &Run::seconds);
  // Workers' times: the mean of the half in the middle.
  const size_t from = ordered.size() / 4, to = ordered.size() - from;
  result.workers.assign(runs.front().workers.size(), {});
  for (size_t i = from; i < to; ++i)
    for (size_t worker = 0; worker < result.workers.size(); ++worker) {
      const WorkerResult &seen = ordered[i]->workers[worker];
      result.workers[worker].working += seen.working / double(to - from);
      result.workers[worker].imbalance += seen.imbalance / double(to - from);
      result.workers[worker].barrier += seen.barrier / double(to - from);
    }
  const std::vector<Timeline> &steps = ordered[from]->steps;
  result.timeline = *std::ranges::max_element(steps, {}, &Timeline::rows);
  for (Timeline::Phase &phase : result.timeline.phases)
    phase.group = size_t(std::ranges::find(result.phases, cli::withoutLayer(phase.name).str(), &PhaseResult::name) -
                         result.phases.begin());
}

} // namespace lathe::bench
