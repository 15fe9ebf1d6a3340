//===- CudaWeights.h - weights, copied to a card --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_CUDAWEIGHTS_H
#define LATHE_RUNTIME_DEVICE_CUDA_CUDAWEIGHTS_H

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Memory.h"

namespace lathe::cuda {

struct CudaWeights final : DeviceWeights {
  explicit CudaWeights(DeviceMemory memory) : memory(std::move(memory)) {}
  const DeviceMemory memory;
};

/// Copies `data` in chunks, so that a file that is mapped is read while the chunk before is under way. Fails, having
/// copied nothing, where the card has not so much memory.
Result<std::shared_ptr<const DeviceWeights>> loadWeights(const Card &card, std::span<const uint8_t> data);

} // namespace lathe::cuda

#endif
