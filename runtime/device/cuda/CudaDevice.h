//===- CudaDevice.h - GPUs as devices -------------------------------------------------------------------*- C++ -*-===//
//
// "cuda:0", "cuda:1", …: variants for GPUs of their kind. Weights are a copy on the card, pages lie there, and a step is
// a CUDA graph of its phases (CudaExecutor.h). The driver is found when a GPU is first asked for (Driver.h).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_CUDADEVICE_H
#define LATHE_RUNTIME_DEVICE_CUDA_CUDADEVICE_H

#include "runtime/device/Device.h"

namespace lathe {

/// The GPUs of this machine, found once. Fails, saying why, where there is none.
Result<std::vector<std::shared_ptr<const Device>>> cudaDevices();

} // namespace lathe

#endif
