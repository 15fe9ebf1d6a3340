//===- Linear.h - the stages of the linear kernel -----------------------------------------------------*- C++ -*-===//
//
//   y[n, p, r] = epilogue( sum_g  d[n, g, p] * s[g, r] * (dot[n, p, r, g] - zero * sum[g, r])  (+ m[n, g, p] * s * sum)
//   )
//
// n is the row within a panel of 16 (the vector), p the panel, r the row of activations, g the group of 32 columns; dot
// is an exact integer sum, of the activations' two planes of bytes one after the other. Float formats: y[n, p, r] =
// sum_k w[n, k, p] * x[k, r]. Each output adds its groups (columns) in ascending order with the same operations
// whatever the tile is, so GEMV and GEMM agree bit for bit.
//
// Three ways to the integer dot, by what the machine multiplies:
//   Four   u8 * i8 -> i32 in fours (VNNI's vpdpbusd)
//   Pairs  4-bit weights: u8 * i8 -> i16 in pairs (vpmaddubsw); a group's 16 products a lane fit: 16 * 15 * 128 < 2^15
//   Wide   8-bit weights: i16 * i16 -> i32 in pairs (vpmaddwd), both planes at once; vpmaddubsw would saturate
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_LINEAR_H
#define LATHE_COMPILER_KERNELS_HALIDE_LINEAR_H

#include "compiler/kernels/halide/Builder.h"

namespace lathe {

enum class Dot { None, Four, Pairs, Wide };

/// What the directives (compiler/schedule/halide/Linear.cpp) order.
struct LinearStages {
  Dot dot = Dot::None;
  Halide::Var n{"n"}, p{"p"}, r{"r"};
  Halide::Func y;                  ///< [n, p, r] after the epilogue; p counts output panels
  Halide::Func acc;                ///< [n, p, r] f32 sums; p counts weight panels
  Halide::RVar step;               ///< acc's reduction: groups, or columns of float formats
  Halide::Func sums;               ///< [n, p, r, g] i32: the exact dot of a group
  Halide::RDom lane;               ///< sums' reduction: x within one lane's multiply, then the rest
  std::vector<Halide::Func> pairs; ///< [half, n, p, r, g]: i16, one a plane (Pairs); i32 (Wide)
  Halide::Var half{"half"};
  Halide::RDom pairLane;
  std::vector<Halide::Func> unpacked; ///< [b, n, j, p, g] weights as the multiply takes them, in registers
  Halide::Var b{"b"}, j{"j"};
  Halide::Func activations; ///< [c, r, g] i16: a group of a row, its planes joined (Wide)
  Halide::Var c{"c"};
};

/// Orders the stages. Values: `rows` x `panels` of accumulators in registers, `unroll` steps of the reduction at once.
void scheduleLinear(LinearStages &stages, const LinearKernel &kernel, const Values &values);

} // namespace lathe

#endif
