#include "runtime/device/cuda/Limits.h"
#include "runtime/device/cuda/LimitForms.h"
#include "runtime/device/cuda/Memory.h"
#include <algorithm>
#include <map>

namespace lathe::cuda {
namespace {

constexpr uint64_t kMostMemory = uint64_t(2) << 30, kLeastRegion = 64 << 10;
constexpr double kSampleSeconds = 2e-3; ///< far more than a launch takes
constexpr double kRoofSeconds = 0.08;   ///< for all samples of a roof, of which the first wake the clocks
constexpr uint32_t kMostCount = 1 << 30;

class CardMeter final : public Meter {
public:
  CardMeter(const Card &card) : card(card) { machine = card.model; }

  Result<void> setUp(std::vector<uint64_t> footprints);
  Result<void> measure() override;

private:
  Result<void> attribute(CUdevice_attribute which, uint64_t &value) const;
  /// Seconds of one launch.
  Result<double> run(const LimitForm &form, unsigned blocks, uint32_t iterations, uint32_t passes);
  /// Adds a sample, of a launch as long as one should be.
  Result<void> sample(const Roof &roof, RoofForm &form);

  const Card &card;
  uint64_t processors = 1;
  Stream stream;
  Event before, after;
  Module module;
  std::map<std::string, CUfunction> functions;
  DeviceMemory memory; ///< while it measures
  std::map<const RoofForm *, uint32_t> counts; ///< that took long enough
};

Result<void> CardMeter::attribute(CUdevice_attribute which, uint64_t &value) const {
  int found = 0;
  if (CUresult code = card.driver.cuDeviceGetAttribute(&found, which, card.handle()))
    return card.failure(code, "asking what it is");
  value = uint64_t(std::max(found, 0));
  return {};
}

Result<void> CardMeter::setUp(std::vector<uint64_t> footprints) {
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  uint64_t cache = 0;
  if (Result<void> known = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, processors); !known)
    return known;
  if (Result<void> known = attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, cache); !known)
    return known;
  for (Event *event : {&before, &after}) {
    Result<Event> made = createEvent(card);
    if (!made)
      return made.takeError();
    *event = made.take();
  }
  Result<Stream> made = createStream(card);
  if (!made)
    return made.takeError();
  stream = made.take();
  CUmodule loaded = nullptr;
  if (CUresult code = card.driver.cuModuleLoadData(&loaded, limitKernels().c_str()))
    return card.failure(code, "loading the kernels that measure its limits");
  module = Module(card, loaded);
  for (const LimitForm &form : limitForms())
    if (CUresult code = card.driver.cuModuleGetFunction(&functions[form.entry], module.get(), form.entry.c_str()))
      return card.failure(code, "finding " + form.entry + ", which measures its limits");

  size_t free = 0, total = 0;
  if (CUresult code = card.driver.cuMemGetInfo_v2(&free, &total))
    return card.failure(code, "asking for its free memory");
  const uint64_t most = std::max(std::min<uint64_t>(kMostMemory, free / 2) / kLeastRegion, uint64_t(1)) * kLeastRegion;
  const auto add = [&](Roof::Kind kind, const char *name, uint64_t bytes) {
    Roof &roof = all.emplace_back(Roof{.kind = kind, .name = name, .bytes = bytes});
    for (size_t way = 0; way < limitForms().size(); ++way)
      if (limitForms()[way].kind == kind)
        roof.forms.push_back({.name = limitForms()[way].name, .way = way});
  };
  add(Roof::Kind::Read, "memory", most);
  if (cache / 2 >= kLeastRegion && cache < most)
    add(Roof::Kind::Read, "L2", cache / 2 / kLeastRegion * kLeastRegion);
  std::ranges::sort(footprints, std::greater());
  for (uint64_t bytes : footprints)
    if (const uint64_t region = (bytes + kLeastRegion - 1) / kLeastRegion * kLeastRegion;
        bytes && region < most && all.back().bytes != region)
      add(Roof::Kind::Read, "step", region);
  add(Roof::Kind::F32, "f32", 0);
  add(Roof::Kind::Half, "half", 0);
  add(Roof::Kind::Dot4, "dot4", 0);
  return {};
}

Result<double> CardMeter::run(const LimitForm &form, unsigned blocks, uint32_t iterations, uint32_t passes) {
  CUdeviceptr data = memory.address(), out = data;
  void *parameters[] = {&data, &iterations, &passes, &out};
  CUresult code = card.driver.cuEventRecord(before.get(), stream.get());
  if (!code)
    code = card.driver.cuLaunchKernel(functions[form.entry], blocks, 1, 1, form.threads, 1, 1, 0, stream.get(),
                                      parameters, nullptr);
  if (!code)
    code = card.driver.cuEventRecord(after.get(), stream.get());
  if (!code)
    code = card.driver.cuStreamSynchronize(stream.get());
  float milliseconds = 0;
  if (!code)
    code = card.driver.cuEventElapsedTime(&milliseconds, before.get(), after.get());
  if (code)
    return card.failure(code, "measuring its limits, " + form.name);
  return std::max(double(milliseconds) * 1e-3, 1e-7);
}

Result<void> CardMeter::sample(const Roof &roof, RoofForm &into) {
  const LimitForm &form = limitForms()[into.way];
  const bool reads = roof.kind == Roof::Kind::Read;
  auto blocks = unsigned(form.blocks * processors);
  double each = form.perThread * form.threads * blocks; // of an iteration; of a pass over the region, where it reads
  uint32_t iterations = 1;
  if (reads) {
    const double block = form.perThread * form.threads;
    blocks = unsigned(std::clamp<double>(double(roof.bytes) / block, 1, blocks));
    iterations = uint32_t(std::max(1.0, double(roof.bytes) / (block * blocks)));
    each = block * blocks * iterations;
  }
  for (uint32_t &count = counts.try_emplace(&into, 1).first->second;;) {
    Result<double> seconds = reads ? run(form, blocks, iterations, count) : run(form, blocks, count, 1);
    if (!seconds)
      return seconds.failure();
    if (*seconds >= kSampleSeconds / 2 || count == kMostCount) {
      into.samples.push_back({rounds, each * count / *seconds});
      return {};
    }
    // Not by more than a launch's own time can mislead to.
    count = uint32_t(std::min<double>(kMostCount, count * std::clamp(kSampleSeconds / *seconds, 2.0, 64.0)));
  }
}

Result<void> CardMeter::measure() {
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  Result<DeviceMemory> made = DeviceMemory::createZero(card, all.front().bytes, "measuring how fast memory is read");
  if (!made)
    return made.takeError();
  memory = made.take();
  // Operations first: they wake the clocks.
  for (const bool reads : {false, true})
    for (Roof &roof : all) {
      if ((roof.kind == Roof::Kind::Read) != reads)
        continue;
      std::vector<RoofForm *> forms;
      for (RoofForm &form : roof.forms)
        forms.push_back(&form);
      Result<void> done =
          sampleForms(std::move(forms), kRoofSeconds, [&](RoofForm &form) { return sample(roof, form); });
      if (!done)
        return done;
    }
  memory = {};
  ++rounds;
  return {};
}

} // namespace

Result<std::unique_ptr<Meter>> cardMeter(std::string_view name, std::vector<uint64_t> footprints) {
  Result<std::vector<const Card *>> found = cards();
  if (!found)
    return found.takeError();
  for (const Card *card : *found)
    if (card->name == name) {
      auto meter = std::make_unique<CardMeter>(*card);
      if (Result<void> ready = meter->setUp(std::move(footprints)); !ready)
        return ready.failure();
      return std::unique_ptr<Meter>(std::move(meter));
    }
  return error("there is no device ", std::string(name));
}

} // namespace lathe::cuda
