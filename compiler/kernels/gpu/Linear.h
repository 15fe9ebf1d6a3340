//===- Linear.h - how a linear's products are made on a GPU ---------------------------------------------*- C++ -*-===//
//
//   y[n, p, r] = epilogue( sum over segments, in order, of (sum over a segment's steps, in order) )
//
// The columns are cut into kSegments segments of whole steps. In steps of few rows each warp of the block takes a
// segment of all of its panels; in steps of many each warp takes all segments of one panel, one after another. A
// segment's sum runs over its steps in the same instructions either way, and segments are added in their order: so a
// row's bits are the same in any program.
//
// Products are made by tensor cores (mma.sync, PTX ISA 9.7.14), which take 16 rows of weights, a panel, and 8 rows of
// activations. Which row and column of a fragment is which of the panel is ours to choose, as long as both operands agree,
// so panels are used as they lie (layout/Packed.h), without a copy in shared memory:
//
//   Dot    integer formats and bytes, m16n8k32: a step of 32 columns; exact integer sums, then as the CPU's
//   Half   f16, bf16 and f32, m16n8k8 of tf32: 8 columns. Weights are exact in tf32; an activation is the sum of two
//          tf32, 22 bits of it
//
// f32 weights, and integer formats with f32 activations, are multiplied one by one (multiplyAdd): Plain.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_LINEAR_H
#define LATHE_COMPILER_KERNELS_GPU_LINEAR_H

#include "compiler/kernels/gpu/Kernel.h"
#include <memory>

namespace lathe::gpu {

inline constexpr int64_t kSegments = 8;
/// Rows of activations in one product of the tensor cores.
inline constexpr int64_t kTokens = 8;

/// Products by tensor cores. A lane has g = lane / 4 and t = lane % 4; sums of a panel are four numbers a lane for each
/// 8 rows: (upper, 2t), (upper, 2t + 1), (lower, 2t), (lower, 2t + 1), of rows of the panel and of activations.
class Products {
public:
  virtual ~Products() = default;
  virtual int64_t steps() const = 0;
  /// Rows of the panel of the lane's sums.
  virtual std::pair<V, V> panelRows() const = 0;
  /// What the lane needs of a step of a panel, under way.
  virtual std::vector<V> load(V panel, V step) = 0;
  /// What it needs of the activations of a step.
  virtual std::vector<V> operand(V step) = 0;
  /// Adds the step's products to the sums (4 for each 8 rows).
  virtual void multiply(std::vector<V> &sums, const std::vector<V> &loaded, const std::vector<V> &operand) = 0;
};

std::unique_ptr<Products> dotProducts(const LinearKernel &k, TileCall &call);
std::unique_ptr<Products> halfProducts(const LinearKernel &k, TileCall &call);

/// Writes sums[n, r, p, 0] of the whole tile, each thread a slice of the columns of a row of weights; ends behind a barrier.
void writePlainSums(const LinearKernel &k, TileCall &call, const Array &sums);

} // namespace lathe::gpu

#endif
