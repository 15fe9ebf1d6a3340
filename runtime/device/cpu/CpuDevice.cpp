#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuExecutor.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include <cstring>

namespace lathe {

namespace {

/// Bits of a cached number, and its exponent's.
template <typename Bits> constexpr Bits kExponent = sizeof(Bits) == 2 ? Bits(0x7c00) : Bits(0x7f800000);

/// Whether one of `count` numbers is not finite. Without a branch, so that it runs as vectors.
template <typename Bits> bool any(const Bits *numbers, size_t count) {
  unsigned found = 0;
  for (size_t i = 0; i < count; ++i)
    found |= (numbers[i] & kExponent<Bits>) == kExponent<Bits>;
  return found != 0;
}

/// What is wrong with a number that is not finite.
template <typename Bits> CacheFault faultOf(Bits number, size_t position, bool key) {
  return {0, uint32_t(position), key, (number & (kExponent<Bits> ^ Bits(~Bits(0)) >> 1)) != 0};
}

/// Positions begin .. end - 1 of one layer's page: for each head K [headSize][64], V [64][valueSize].
template <typename Bits>
std::optional<CacheFault> lookAt(const lathe_cache &cache, const Bits *page, uint32_t begin, uint32_t end) {
  constexpr size_t positions = LATHE_PAGE_POSITIONS;
  for (uint32_t head = 0; head < cache.kv_heads; ++head) {
    for (uint32_t i = 0; i < cache.head_size; ++i, page += positions)
      if (any(page + begin, end - begin))
        for (size_t p = begin; p < end; ++p)
          if (any(page + p, 1))
            return faultOf(page[p], p, true);
    if (any(page + size_t(begin) * cache.value_size, size_t(end - begin) * cache.value_size))
      for (size_t i = size_t(begin) * cache.value_size;; ++i)
        if (any(page + i, 1))
          return faultOf(page[i], i / cache.value_size, false);
    page += positions * cache.value_size;
  }
  return std::nullopt;
}

/// The same where each head has bytes and then their scales, f32 [2][64].
std::optional<CacheFault> lookAtScales(const lathe_cache &cache, const uint8_t *page, uint32_t begin, uint32_t end) {
  constexpr size_t positions = LATHE_PAGE_POSITIONS;
  for (uint32_t head = 0; head < cache.kv_heads; ++head) {
    page += positions * (size_t(cache.head_size) + cache.value_size);
    const auto *scales = reinterpret_cast<const uint32_t *>(page);
    for (size_t which : {0, 1})
      for (size_t p = begin; p < end; ++p)
        if (const uint32_t scale = scales[which * positions + p]; any(&scale, 1))
          return faultOf(scale, p, which == 0);
    page += 2 * positions * sizeof(float);
  }
  return std::nullopt;
}

class CpuDevice final : public Device {
public:
  std::string name() const override { return "cpu"; }

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
    std::optional<CacheFault> fault = cache.type.code == LATHE_INT ? lookAtScales(cache, start, begin, end)
                                      : cache.type.bits == 16
                                          ? lookAt(cache, reinterpret_cast<const uint16_t *>(start), begin, end)
                                          : lookAt(cache, reinterpret_cast<const uint32_t *>(start), begin, end);
    if (fault) {
      fault->layer = layer;
      return fault;
    }
  }
  return std::nullopt;
}

} // namespace lathe
