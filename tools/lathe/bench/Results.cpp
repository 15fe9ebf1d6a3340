#include "tools/lathe/bench/Results.h"
#include <algorithm>
#include <cmath>

namespace lathe::bench {

Quartiles quartilesOf(const std::vector<double> &values) {
  return {tune::quantile(values, 0.25), tune::median(values), tune::quantile(values, 0.75)};
}

const char *name(ScheduleKind kind) {
  switch (kind) {
  case ScheduleKind::Tuned:
    return "tuned";
  case ScheduleKind::Nearest:
    return "nearest";
  case ScheduleKind::Fallback:
    return "fallback";
  }
  return "?";
}

const char *name(Bound bound) {
  switch (bound) {
  case Bound::Reading:
    return "read";
  case Bound::F32:
    return "f32";
  case Bound::Dot4:
    return "dot4";
  case Bound::Half:
    return "half";
  }
  return "?";
}

ScheduleKind PhaseResult::scheduleKind() const {
  return schedule == "tuned"               ? ScheduleKind::Tuned
         : schedule.starts_with("nearest") ? ScheduleKind::Nearest
                                           : ScheduleKind::Fallback;
}

double Timeline::Phase::end() const {
  double last = 0;
  for (const Span &span : workers)
    last = std::max(last, span.end);
  return last;
}

double StepResult::limitSeconds() const {
  double sum = 0;
  for (const PhaseResult &phase : phases)
    sum += phase.limitSeconds;
  return sum;
}

Ratio ratioOf(const std::vector<double> &first, const std::vector<double> &second) {
  std::vector<double> x;
  for (size_t i = 0; i < std::min(first.size(), second.size()); ++i)
    x.push_back(std::log(second[i] / first[i]));
  const tune::Comparison comparison = tune::compare(x, kRatioConfidence);
  return {comparison.pairs, std::exp(comparison.change), std::exp(comparison.low), std::exp(comparison.high)};
}

} // namespace lathe::bench
