//===- Linear.h - the stages of the linear kernel -----------------------------------------------------*- C++ -*-===//
//
//   y[n, p, r] = epilogue( sum_g sum_h  d[n, h, g, p] * s[h, g, r] * (dot[n, h, p, r, g] - zero * sum[h, g, r])
//                                       (+ m[n, h, g, p] * s[h, g, r] * sum[h, g, r]) )
//
// n is the row within a panel of 16 (the vector), p the panel, r the row of activations, g the step of 32 columns, h
// its part of one weight scale and one scale of activations (one or two parts: 32 or 16 columns); dot is an exact
// integer sum, over planes of bytes of the activations one after the other. F32 activations:
// y[n, p, r] = sum_k w[n, k, p] * x[k, r], with weights of integer formats exact in f32. Each output adds its parts
// (columns) in ascending order with the same operations whatever the tile is, so GEMV and GEMM agree bit for bit.
//
// Four ways to the integer dot, by what the machine multiplies:
//   Four   u8 * i8 -> i32 in fours (VNNI's vpdpbusd)
//   Signed i8 * i8 -> i32 in fours (AArch64's sdot); codes beyond 127 lie 128 lower, and dot gets 128 * sum
//   Pairs  codes below 16: u8 * i8 -> i16 in pairs (vpmaddubsw); 16 products a lane fit: 16 * 15 * 128 < 2^15
//   Wide   others: i16 * i16 -> i32 in pairs (vpmaddwd), both planes at once; vpmaddubsw would saturate
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_LINEAR_H
#define LATHE_COMPILER_KERNELS_HALIDE_LINEAR_H

#include "compiler/kernels/halide/Builder.h"

namespace lathe {

enum class Dot { None, Four, Signed, Pairs, Wide };

/// What the directives (compiler/schedule/halide/Linear.cpp) order.
struct LinearStages {
  Dot dot = Dot::None;
  Halide::Var n{"n"}, p{"p"}, r{"r"};
  Halide::Func y;    ///< [n, p, r] after the epilogue; p counts output panels
  Halide::Func acc;  ///< [n, p, r] f32 sums; p counts weight panels
  Halide::RVar step;  ///< acc's reduction: steps, or columns of float formats
  Halide::RVar inner; ///< of integer dots: the parts of a step
  Halide::Var part{"part"};
  Halide::Func offsets; ///< [part, r] i32, where codes have a zero
  Halide::Func scaled;  ///< [group, r] f32, where there are minima
  Halide::Var h{"h"};
  Halide::Func sums;               ///< [n, h, p, r, g] i32: the exact dot of a part
  Halide::RDom lane;               ///< sums' reduction: x within one lane's multiply, then the rest
  std::vector<Halide::Func> pairs; ///< [half, n, h, p, r, g]: i16, one a plane (Pairs); i32 (Wide)
  Halide::Var half{"half"};
  Halide::RDom pairLane;
  Halide::Func codes;   ///< [b, n, quad, p, g] as the multiply takes them, in registers
  Halide::Func weights; ///< [b, n, quad, p, g] f32: of an integer format, for f32 activations
  Halide::Var b{"b"}, quad{"quad"};
  Halide::Func activations; ///< [c, r, g] i16: a step of a row, its planes joined (Wide)
  Halide::Var c{"c"};
};

} // namespace lathe

#endif
