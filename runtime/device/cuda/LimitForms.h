//===- LimitForms.h - kernels that read, or multiply, as fast as it goes --------------------------------*- C++ -*-===//
//
// Written by hand in PTX, which the driver compiles for any card from sm_80 on: a few instructions over and over, nothing of
// which may be left out. All take (address, count of iterations, passes, address of a word that is never written).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_LIMITFORMS_H
#define LATHE_RUNTIME_DEVICE_CUDA_LIMITFORMS_H

#include "runtime/device/Limits.h"
#include <string>
#include <vector>

namespace lathe::cuda {

struct LimitForm {
  Roof::Kind kind;
  std::string name;   ///< "8 loads of 16 bytes a thread, 4 blocks of 256"
  std::string entry;  ///< the kernel
  unsigned threads;   ///< of a block
  unsigned blocks;    ///< for each multiprocessor
  double perThread;   ///< bytes, or operations, that an iteration makes in a thread
};

/// Of each kind there are several.
const std::vector<LimitForm> &limitForms();
/// The kernels of all of them.
const std::string &limitKernels();

} // namespace lathe::cuda

#endif
