//===- CpuDevice.h - the processor as a device ----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_CPUDEVICE_H
#define LATHE_RUNTIME_DEVICE_CPU_CPUDEVICE_H

#include "runtime/device/Device.h"

namespace lathe {

/// "cpu": variants for processors whose features this one has. Weights are used where they are mapped.
std::shared_ptr<const Device> cpuDevice();

/// Weights as the host sees them.
struct HostWeights final : DeviceWeights {
  explicit HostWeights(std::span<const uint8_t> data) : data(data) {}
  const std::span<const uint8_t> data;
};

/// Pages in the host's memory: address space until they are touched.
class HostPages final : public PageMemory {
public:
  static Result<std::unique_ptr<HostPages>> create(const PageShape &shape);

  void zero(int32_t page) override;
  void copy(int32_t from, int32_t to) override;
  std::optional<CacheFault> findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                          uint32_t end) const override;

  uint8_t *data() { return memory.data(); }
  /// Bytes from one layer to the next.
  uint64_t layerBytes() const { return shape.pages * shape.pageBytes; }

private:
  HostPages(const PageShape &shape, AlignedBuffer memory) : shape(shape), memory(std::move(memory)) {}

  PageShape shape;
  AlignedBuffer memory;
};

} // namespace lathe

#endif
