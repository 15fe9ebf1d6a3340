//===- Attend.h - the two ways of attention on a GPU (private to writeKernel) ----------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ATTEND_H
#define LATHE_COMPILER_KERNELS_GPU_ATTEND_H

#include "compiler/kernels/gpu/Kernel.h"

namespace lathe::gpu {

/// Whether attention's products are made by tensor cores: then a call may take several rows, and a row has the same bits
/// however many.
bool usesTensorCores(const AttendKernel &k);
/// Rows of a call at most.
int64_t mostRows(const AttendKernel &k);

void writeTensorAttend(const AttendKernel &k, TileCall &call);

/// What a score is below which nothing is seen.
inline constexpr float kUnseen = -1e30f;

/// The array from an element on.
inline Array from(const Array &array, const std::vector<V> &index) {
  Array result = array;
  result.pointer = array.address(index);
  return result;
}

} // namespace lathe::gpu

#endif
