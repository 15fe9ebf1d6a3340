//===- Driver.h - the CUDA driver of this machine -------------------------------------------------------*- C++ -*-===//
//
// libcuda.so.1, or the library that the environment variable LATHE_CUDA_DRIVER names, found with dlopen when it is first
// asked for: nothing of Lathe is linked with it, and a machine without it runs all but GPUs.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_DRIVER_H
#define LATHE_RUNTIME_DEVICE_CUDA_DRIVER_H

#include "runtime/core/Result.h"
#include "runtime/device/cuda/DriverApi.h"
#include <string>

namespace lathe::cuda {

struct Driver {
#define X(name, parameters) CUresult(*name) parameters = nullptr;
  LATHE_CUDA_DRIVER_API(X)
#undef X

  /// The driver, loaded and initialised when it is first asked for, which takes it a tenth of a second; never unloaded.
  /// Fails where there is none, where it is too old, and where it finds no device.
  static Result<const Driver *> get();

  /// In the driver's words: "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  std::string words(CUresult code) const;
};

} // namespace lathe::cuda

#endif
