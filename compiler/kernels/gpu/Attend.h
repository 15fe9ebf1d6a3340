//===- Attend.h - the two ways of attention on a GPU (private to writeKernel) ---------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ATTEND_H
#define LATHE_COMPILER_KERNELS_GPU_ATTEND_H

#include "compiler/kernels/gpu/Kernel.h"

namespace lathe::gpu {

/// Whether attention's products are made by tensor cores: then a call may take several rows, and a row's bits are the
/// same however many.
bool usesTensorCores(const AttendKernel &k);
/// Rows of a call at most.
int64_t mostRows(const AttendKernel &k);

/// The score of a position that is not seen; the maximum where none is, by its bits.
inline constexpr float kUnseen = -1e30f;
inline constexpr int32_t kInfinityBelow = static_cast<int32_t>(0xff800000);

/// What the products of a row at `position` and a head of the group are multiplied by.
V scoreFactor(const AttendKernel &k, TileCall &call, V position, V head);

/// The array from an element on.
inline Array from(const Array &array, const std::vector<V> &index) {
  Array result = array;
  result.pointer = array.address(index);
  return result;
}

} // namespace lathe::gpu

#endif
