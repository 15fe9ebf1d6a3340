//===- LinearHalf.h - f16 and bf16 weights times f32 --------------------------------------------------*- C++ -*-===//
//
// bf16: a slice is 16 columns, m16n8k16 twice. f16: 8 columns, m16n8k8 of tf32 twice. Lane (g, t) has columns 2t and
// 2t + 1 of each 8: of tf32 they are slots t and t + 4.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_LINEARHALF_H
#define LATHE_COMPILER_KERNELS_GPU_LINEARHALF_H

#include "compiler/kernels/gpu/Linear.h"

namespace lathe::gpu {

/// Columns of which a lane has two, neighbours.
inline constexpr int64_t kEight = 8;

/// What is the same wherever operands come from.
class HalfMath {
public:
  HalfMath(const LinearKernel &k, Code &code);

  const LinearKernel &k;
  Code &c;
  const bool brain;
  const int64_t eights; ///< of a slice
  const bool whole;     ///< all steps are whole
  const V g, t;

  int64_t slices() const { return kGroup / kEight / eights; }
  V column(V step, int64_t slice, int64_t eight) {
    return step * double(kGroup) + double((slice * eights + eight) * kEight);
  }
  /// Of each 8 columns two words, of the upper and the lower row: columns 2t and 2t + 1.
  std::vector<V> weights(const std::vector<V> &pairs);
  /// Of each 8 columns two numbers, the first of which is in column(); large parts, then small ones.
  std::vector<V> operand(std::vector<V> numbers, V step, int64_t slice);
  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand);
};

} // namespace lathe::gpu

#endif
