#include "runtime/device/Limits.h"
#include <algorithm>
#include <chrono>

namespace lathe {
namespace {

constexpr unsigned kTries = 3, kSamples = 40; ///< of each form at first, of those that are fast
constexpr double kFast = 0.9;                 ///< as the fastest: worth more samples
constexpr size_t kFastForms = 3;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

} // namespace

double RoofForm::limit() const {
  double rate = 0;
  for (const Sample &sample : samples)
    rate = std::max(rate, sample.rate);
  return rate;
}

const RoofForm &Roof::best() const { return *std::ranges::max_element(forms, {}, &RoofForm::limit); }

MachineLimits limitsOf(const std::vector<Roof> &roofs, uint64_t footprint) {
  MachineLimits limits{};
  for (const Roof &roof : roofs)
    switch (roof.kind) {
    case Roof::Kind::Read:
      if (roof.name == "memory" || (footprint && roof.bytes >= footprint))
        limits.readBytesPerSecond = std::max(limits.readBytesPerSecond, roof.limit());
      break;
    case Roof::Kind::F32:
      limits.f32OperationsPerSecond = roof.limit();
      limits.f32Form = roof.best().name;
      break;
    case Roof::Kind::Dot4:
      limits.dot4OperationsPerSecond = roof.limit();
      limits.dot4Form = roof.best().name;
      break;
    case Roof::Kind::Half:
      limits.halfOperationsPerSecond = roof.limit();
      limits.halfForm = roof.best().name;
      break;
    }
  return limits;
}

MachineLimits Meter::limits(uint64_t footprint) const {
  MachineLimits limits = limitsOf(all, footprint);
  limits.machine = machine;
  limits.threads = threads;
  return limits;
}

Result<void> Meter::sampleForms(std::vector<RoofForm *> forms, double seconds,
                                const std::function<Result<void>(RoofForm &)> &sample) const {
  const double end = now() + seconds;
  const auto sampleAll = [&](unsigned times) -> Result<void> {
    for (unsigned i = 0; i < times && (i == 0 || now() < end); ++i)
      for (RoofForm *form : forms)
        if (Result<void> done = sample(*form); !done)
          return done;
    return {};
  };
  if (rounds == 0)
    if (Result<void> done = sampleAll(kTries); !done)
      return done;
  std::ranges::sort(forms, std::greater(), [](const RoofForm *form) { return form->limit(); });
  while (forms.size() > kFastForms || forms.back()->limit() < kFast * forms.front()->limit())
    forms.pop_back();
  return sampleAll(kSamples);
}

} // namespace lathe
