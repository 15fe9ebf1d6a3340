//===- LinearDot.h - integer weights times bytes ------------------------------------------------------*- C++ -*-===//
//
// Lane (g, t) has rows 2g and 2g + 1 of the panel. Of whole steps it has quads 2t and 2t + 1, which lie side by side in
// the activations: one m16n8k32 for each plane of them. Of parts of 16 columns (two scales in a step) each has products of
// its own: m16n8k32 in which the other part's activations are zero, or, where operands are staged, m16n8k16 of quads t and
// 4 + t. Sums of integers are exact, so that is the same.
//
// A sum d is made in the low bits of the f32 1.5 * 2^23 + d, which a product's addend begins with: |d| < 2^22. That of two
// planes is 256 d + d', rounded once.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_LINEARDOT_H
#define LATHE_COMPILER_KERNELS_GPU_LINEARDOT_H

#include "compiler/kernels/gpu/Linear.h"

namespace lathe::gpu {

/// What is the same wherever operands come from.
class DotMath {
public:
  DotMath(const LinearKernel &k, Code &code, bool staged);

  const LinearKernel &k;
  Code &c;
  const PanelLayout &layout;
  const bool twice;                    ///< two planes of activations
  const int64_t groups, scales, parts; ///< of a step: of weights' and of activations' scales, and products
  const bool halves;                   ///< parts are products of 16 columns
  const V g, t;

  /// Lines of a plane that the lane has words of rows 2g and 2g + 1 of.
  std::vector<V> lines(int bits);
  bool needsSums() const { return layout.zero || layout.minimum; }

  /// Of the planes' words by lines, d's and m's: words of two f16 by groups, or the block's word and two bytes a group.
  std::vector<V> weights(const std::vector<V> &loaded);
  /// Scales of x, and sums of 16 columns, of one row's step.
  struct Column {
    std::vector<V> scales, sums;
  };
  /// Of two words of each plane and the lane's columns, of which there is one where the tile has one row.
  std::vector<V> operand(const std::vector<V> &planes, const std::vector<Column> &columns);
  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand);

private:
  V shiftOf(int bits, int64_t second);
  V doubledE2M1(V codes);
  V scaledSum(const Column &of, int64_t group);
  std::vector<V> product(const std::vector<V> &codes, const V *plane, int64_t part, const V *starts);
};

} // namespace lathe::gpu

#endif
