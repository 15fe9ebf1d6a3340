//===- Math.h - elementary functions of f32 as Halide expressions -------------------------------------*- C++ -*-===//
//
// Kernels are linked with nothing, so what libm would do is written out here. Every operation is strict (no fused or
// reassociated form), so a value has the same bits in scalar and vector code and on every target.
//
// Method: argument reduction as in W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980); the
// polynomials are minimax fits (Lawson's iteration) on the reduced intervals, found in f64 and rounded to f32.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_MATH_H
#define LATHE_COMPILER_KERNELS_HALIDE_MATH_H

#include "compiler/kernels/Kernel.h"
#include "compiler/target/Target.h"
#include <Halide.h>

namespace lathe {

/// e^x within 2 ULP for x in [-87, 88]; 0 below, e^88 above.
Halide::Expr exponential(Halide::Expr x);
/// tanh x within 3 ULP.
Halide::Expr hyperbolicTangent(Halide::Expr x);
/// erf x within 4 ULP.
Halide::Expr errorFunction(Halide::Expr x);
/// 1 / (1 + e^-x) within 4 ULP.
Halide::Expr sigmoid(Halide::Expr x);

/// cos x and sin x of f64, within 1e-10 for |x| < 2^28.
struct Angle {
  Halide::Expr cosine, sine;
};
Angle cosineAndSine(Halide::Expr x);

/// ln(1 + e^x) within 6 ULP; 0 below -87.
Halide::Expr softplus(Halide::Expr x);

/// cap * tanh(x / cap).
Halide::Expr softcap(Halide::Expr x, double cap);
/// GELU forms: arXiv:1606.08415; SiLU: arXiv:1702.03118; squared ReLU: arXiv:2109.08668.
Halide::Expr activate(Activation activation, Halide::Expr x, const ActivationShape &shape = {});
/// arXiv:2411.13010, of a slope.
Halide::Expr xielu(Halide::Expr x, Halide::Expr positive, Halide::Expr negative, const ActivationShape &shape);
/// activate(gate) * up: arXiv:2002.05202.
Halide::Expr gatedUnit(Activation activation, Halide::Expr gate, Halide::Expr up, const ActivationShape &shape);

/// a * b + c rounded once, whatever the schedule is; twice where the target has no such instruction.
Halide::Expr multiplyAdd(Halide::Expr a, Halide::Expr b, Halide::Expr c, const TargetDesc &target);
/// An f16 as f32: by the hardware, or without F16C by integer operations, exactly (Halide's own emulation is scalar).
Halide::Expr widen(Halide::Expr half, const TargetDesc &target);
/// The f16 whose bits `bits` (u16) holds, as f32.
Halide::Expr fromHalfBits(Halide::Expr bits);

} // namespace lathe

#endif
