//===- Math.h - elementary functions of f32 as Halide expressions -------------------------------------*- C++ -*-===//
//
// Those of compiler/kernels/Elementary.h, and what Halide has no operation for.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_MATH_H
#define LATHE_COMPILER_KERNELS_HALIDE_MATH_H

#include "compiler/kernels/Kernel.h"
#include "compiler/target/Target.h"
#include <Halide.h>

namespace lathe {

Halide::Expr exponential(Halide::Expr x);
Halide::Expr hyperbolicTangent(Halide::Expr x);
Halide::Expr errorFunction(Halide::Expr x);
Halide::Expr sigmoid(Halide::Expr x);

struct Angle {
  Halide::Expr cosine, sine;
};
Angle cosineAndSine(Halide::Expr x);

Halide::Expr softplus(Halide::Expr x);

Halide::Expr softcap(Halide::Expr x, double cap);
Halide::Expr activate(Activation activation, Halide::Expr x, const ActivationShape &shape = {});
Halide::Expr xielu(Halide::Expr x, Halide::Expr positive, Halide::Expr negative, const ActivationShape &shape);
Halide::Expr gatedUnit(Activation activation, Halide::Expr gate, Halide::Expr up, const ActivationShape &shape);

/// a * b + c rounded once, whatever the schedule is; twice where the target has no such instruction.
Halide::Expr multiplyAdd(Halide::Expr a, Halide::Expr b, Halide::Expr c, const TargetDesc &target);
/// An f16 as f32: by the hardware, or without F16C by integer operations, exactly (Halide's own emulation is scalar).
Halide::Expr widen(Halide::Expr half, const TargetDesc &target);
/// The f16 whose bits `bits` (u16) holds, as f32.
Halide::Expr fromHalfBits(Halide::Expr bits);

} // namespace lathe

#endif
