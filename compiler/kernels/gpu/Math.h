//===- Math.h - elementary functions of f32 in GPU code -------------------------------------------------*- C++ -*-===//
//
// Those of compiler/kernels/Elementary.h.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_MATH_H
#define LATHE_COMPILER_KERNELS_GPU_MATH_H

#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/gpu/Value.h"

namespace lathe::gpu {

V exponential(V x);
V hyperbolicTangent(V x);
V errorFunction(V x);
V sigmoid(V x);
V softplus(V x);
struct Angle {
  V cosine, sine;
};
/// Of f64.
Angle cosineAndSine(V x);
V softcap(V x, double cap);
V activate(Activation activation, V x, const ActivationShape &shape = {});
V xielu(V x, V positive, V negative, const ActivationShape &shape);
V gatedUnit(Activation activation, V gate, V up, const ActivationShape &shape);

} // namespace lathe::gpu

#endif
