//===- ToyCuda.h - the toy model for a GPU --------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_RUNTIME_DEVICE_CUDA_TOYCUDA_H
#define LATHE_TEST_RUNTIME_DEVICE_CUDA_TOYCUDA_H

#include "test/runtime/toy/ToyBundle.h"

namespace lathe::toy {

/// The toy's tables with a launch for each phase; the code is PTX, written by hand, for sm_90 and later.
struct CudaTables {
  std::vector<lathe_phase> phases;
  std::vector<lathe_unit> units; ///< one
  lathe_variant variant;
  lathe_model model;

  CudaTables();
  CudaTables(const CudaTables &) = delete;
};

/// The toy over `weights` on `device`. `tables` outlive it.
Result<std::shared_ptr<const Model>> openOn(std::shared_ptr<const Device> device, const CudaTables &tables,
                                            const Weights &weights);

} // namespace lathe::toy

#endif
