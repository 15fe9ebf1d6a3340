#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/PageCheck.h"
#include "runtime/device/cpu/CpuExecutor.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include <cstring>

namespace lathe {

namespace {

class CpuDevice final : public Device {
public:
  std::string name() const override { return "cpu"; }
  std::string description() const override { return "this processor"; }
  std::string target() const override { return "host"; }
  bool hasFreePages() const override { return true; }

  std::optional<std::string> lacks(const lathe_variant &variant) const override {
    if (variant.device != LATHE_DEVICE_CPU)
      return "this is a processor";
    const uint32_t missing = variant.features & ~cpuFeatures();
    return missing ? std::optional("this processor lacks " + cpuFeatureNames(missing)) : std::nullopt;
  }

  Result<std::shared_ptr<const DeviceWeights>> load(std::span<const uint8_t> data) const override {
    return std::shared_ptr<const DeviceWeights>(std::make_shared<HostWeights>(data));
  }

  Result<std::unique_ptr<PageMemory>> createPages(const PageShape &shape) const override {
    Result<std::unique_ptr<HostPages>> pages = HostPages::create(shape);
    if (!pages)
      return pages.takeError();
    return std::unique_ptr<PageMemory>(pages.take());
  }

  Result<std::unique_ptr<Executor>> createExecutor(const ExecutorInput &input,
                                                   const DeviceOptions &options) const override {
    Result<std::unique_ptr<WorkerPool>> workers = WorkerPool::create(options.threads);
    if (!workers)
      return workers.takeError();
    Result<std::unique_ptr<CpuExecutor>> executor = CpuExecutor::create(input, workers.take());
    if (!executor)
      return executor.takeError();
    return std::unique_ptr<Executor>(executor.take());
  }
};

} // namespace

std::shared_ptr<const Device> cpuDevice() {
  static const auto device = std::make_shared<const CpuDevice>();
  return device;
}

Result<std::unique_ptr<HostPages>> HostPages::create(const PageShape &shape) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(uint64_t(shape.pages), shape.pageBytes, &bytes) ||
      __builtin_mul_overflow(bytes, shape.layers, &bytes))
    return error(shape.what, ": ", shape.pages, " pages of ", shape.layers, " x ", shape.pageBytes,
                 " bytes are more than an address space");
  // Small pages of the system: a short sequence touches a little of each layer, and big ones would be zeroed whole.
  Result<AlignedBuffer> memory = AlignedBuffer::create(bytes, shape.what);
  if (!memory)
    return memory.takeError();
  return std::unique_ptr<HostPages>(new HostPages(shape, memory.take()));
}

void HostPages::zero(int32_t page) {
  for (uint32_t layer = 0; layer < shape.layers; ++layer)
    std::memset(memory.data() + layer * layerBytes() + uint64_t(page) * shape.pageBytes, 0, shape.pageBytes);
}

void HostPages::copy(int32_t from, int32_t to) {
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    uint8_t *base = memory.data() + layer * layerBytes();
    std::memcpy(base + uint64_t(to) * shape.pageBytes, base + uint64_t(from) * shape.pageBytes, shape.pageBytes);
  }
}

std::optional<CacheFault> HostPages::findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                                   uint32_t end) const {
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    const uint8_t *start = memory.data() + layer * layerBytes() + uint64_t(page) * shape.pageBytes;
    std::optional<CacheFault> fault = lathe::findNonFinite(cache, start, begin, end);
    if (fault) {
      fault->layer = layer;
      return fault;
    }
  }
  return std::nullopt;
}

} // namespace lathe
