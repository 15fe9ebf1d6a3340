//===- Memory.h - memory on a card, and of the host where the card copies -------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_MEMORY_H
#define LATHE_RUNTIME_DEVICE_CUDA_MEMORY_H

#include "runtime/device/cuda/Card.h"
#include <cstdint>

namespace lathe::cuda {

/// Memory on the card, 256-aligned. Move-only.
class DeviceMemory {
public:
  DeviceMemory() = default;
  /// `what` names the memory in the error, which says how much there is: "KV cache".
  static Result<DeviceMemory> create(const Card &card, uint64_t bytes, const char *what);
  /// The same, zeroed.
  static Result<DeviceMemory> createZero(const Card &card, uint64_t bytes, const char *what);

  CUdeviceptr address() const { return memory.get(); }
  uint64_t size() const { return length; }

private:
  Owned<CUdeviceptr, &Driver::cuMemFree_v2> memory;
  uint64_t length = 0;
};

/// Memory of the host that stays where it is, so that copies to and from it run beside what the host does. Move-only.
class PinnedMemory {
public:
  PinnedMemory() = default;
  static Result<PinnedMemory> create(const Card &card, uint64_t bytes, const char *what);

  uint8_t *data() const { return static_cast<uint8_t *>(memory.get()); }
  uint64_t size() const { return length; }

private:
  Owned<void *, &Driver::cuMemFreeHost> memory;
  uint64_t length = 0;
};

} // namespace lathe::cuda

#endif
