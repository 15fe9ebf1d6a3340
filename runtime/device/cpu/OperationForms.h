//===- OperationForms.h - multiply-adds as fast as the units take them ----------------------------------*- C++ -*-===//
//
// The instructions that the kernels multiply with (compiler/kernels/halide/Linear.h), on registers alone.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_OPERATIONFORMS_H
#define LATHE_RUNTIME_DEVICE_CPU_OPERATIONFORMS_H

#include <cstdint>
#include <vector>

namespace lathe {

struct OperationForm {
  const char *name; ///< "AVX-512 FMA"
  void (*loop)(int64_t iterations);
  double perIteration; ///< operations, 2 for a multiply-add
};

/// Those that this processor has. There is at least one of f32.
const std::vector<OperationForm> &f32Forms();
const std::vector<OperationForm> &dot4Forms();

} // namespace lathe

#endif
