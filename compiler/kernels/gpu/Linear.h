//===- Linear.h - how a linear's products are made on a GPU ---------------------------------------------*- C++ -*-===//
//
//   y[n, p, r] = epilogue( sum over segments, in order, of (sum over a segment's steps, in order) )
//
// The columns are cut into steps of 32 and the steps into kSegments segments. A tile of few rows has a segment for each
// warp, which takes all of the tile's panels (Linear.cpp); one of many has its products spread over the warps, each of
// which takes all segments, one after another (LinearStaged.cpp). A segment's sum runs over its steps in the same
// instructions either way, and segments are added in their order: so a row's bits are the same in any program.
//
// Products are made by tensor cores (mma.sync, PTX ISA 9.7.14), which take 16 rows of weights, a panel, and 8 rows of
// activations. Which row and column of a fragment is which of the panel is ours to choose, as long as both operands agree
// and a float product's columns are the same everywhere (its sum's order is the hardware's):
//
//   Dot    integer formats and bytes, m16n8k32: exact integer sums, then as the CPU's
//   Half   bf16: m16n8k16, 16 columns; an activation is the sum of two bf16, 16 bits of it and more
//          f16: m16n8k8 of tf32, 8 columns, as f16 has too small a range to split activations into; two tf32, 22 bits
//
// f32 weights, and integer formats with f32 activations, are multiplied one by one (multiplyAdd): Plain.
//
// Why bf16 is not multiplied as tf32: m16n8k8 of tf32 takes as long as m16n8k16 of bf16, so two tf32 take 4 units of the
// tensor cores for what two bf16 take 2 and three (24 bits) take 3; at 310 TFLOP/s of mma.sync on an H100 (measured) that
// is at most 77, 155 and 103. Two bf16 rounded to nearest leave an error of 2^-18 of each activation at most, 2e-12 of
// its square in the mean; the 16 bits of Q16, of a group's largest, leave 1e-10. Nor need weights be widened: a word of a
// panel is an operand.
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

/// Steps of a linear's columns.
constexpr int64_t stepsOf(const LinearKernel &k) { return (k.columns + kGroup - 1) / kGroup; }
/// Whether tensor cores take its products.
bool usesTensorCores(const LinearKernel &k);
/// Whether a tile of so many rows and panels is one of many rows: it has a product for each warp.
bool isStaged(const LinearKernel &k);

/// A copy of a step of what a block multiplies from global memory into a buffer of shared memory: `units` of `bytes` (4, 8
/// or 16) each.
struct StepCopy {
  int64_t units, bytes;
  /// Where unit i of a step comes from.
  std::function<mlir::Value(V i, V step)> from;
  /// And goes to: bytes from the buffer's start.
  std::function<V(V i)> to;
  /// How many of its bytes there are; absent: all.
  std::function<V(V i, V step)> given = nullptr;
};

/// Products by tensor cores. A lane has g = lane / 4 and t = lane % 4; sums of a panel are four numbers a lane for each
/// 8 rows: (upper, 2t), (upper, 2t + 1), (lower, 2t), (lower, 2t + 1), of rows of the panel and of activations. A step is
/// made in slices(), each an operand of weights and one of activations.
class Products {
public:
  virtual ~Products() = default;
  virtual int64_t slices() const { return 1; }
  /// Rows of the panel of the lane's sums.
  virtual std::pair<V, V> panelRows() const = 0;
  /// Adds the slice's products to four sums.
  virtual void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) = 0;
};

/// From where panels and activations lie.
class DirectProducts : public Products {
public:
  /// What the lane needs of a panel, under way, and what it makes of it.
  virtual std::vector<V> load(V panel, V step, int64_t slice) = 0;
  virtual std::vector<V> weights(const std::vector<V> &loaded) = 0;
  /// Of the tile's group of kTokens rows of activations.
  virtual std::vector<V> operand(int64_t group, V step, int64_t slice) = 0;
};

/// From buffers of shared memory.
class StagedProducts : public Products {
public:
  virtual std::vector<StepCopy> copies() = 0;
  /// What follows is of that buffer; panels and groups of rows are counted from these on.
  virtual void from(mlir::Value buffer, V step, V firstPanel, V firstGroup) = 0;
  virtual std::vector<V> weights(int64_t panel, int64_t slice) = 0;
  virtual std::vector<V> operand(int64_t group, int64_t slice) = 0;
};

/// How the products of a tile of many rows are spread over the warps, and what it takes of shared memory.
struct Spread {
  int64_t rowWarps, panelWarps; ///< kWarps together
  int64_t groups, panels;       ///< of a warp
  int64_t allGroups() const { return rowWarps * groups; }
  int64_t allPanels() const { return panelWarps * panels; }
  /// Sums lie [n][row][panel] with these strides, which keep lanes on banks of their own.
  static constexpr int64_t kRowStride = 20;
  int64_t panelStride() const { return kRowStride * allGroups() * kTokens + kPanelRows; }
  int64_t sumBytes() const { return panelStride() * allPanels() * 4; }
};
Spread spreadOf(int64_t rows, int64_t panels);
/// Bytes of shared memory of a tile of many rows, with so many buffers.
int64_t stagedBytes(const LinearKernel &k, int64_t buffers);

std::unique_ptr<DirectProducts> dotProducts(const LinearKernel &k, TileCall &call);
std::unique_ptr<DirectProducts> halfProducts(const LinearKernel &k, TileCall &call);
std::unique_ptr<StagedProducts> stagedDotProducts(const LinearKernel &k, TileCall &call, const Spread &spread);
std::unique_ptr<StagedProducts> stagedHalfProducts(const LinearKernel &k, TileCall &call, const Spread &spread);
int64_t dotBufferBytes(const LinearKernel &k, const Spread &spread);
int64_t halfBufferBytes(const LinearKernel &k, const Spread &spread);

/// Writes sums[n, r, p, 0] of the whole tile, each thread a slice of the columns of a row of weights; ends behind a barrier.
void writePlainSums(const LinearKernel &k, TileCall &call, const Array &sums);
/// The same by tensor cores, from buffers; the sums' array is made here.
Array writeStagedSums(const LinearKernel &k, TileCall &call);

} // namespace lathe::gpu

#endif
