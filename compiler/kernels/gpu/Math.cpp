//===- Math.cpp - elementary functions of f32 in GPU code ------------------------------------------------------===//
#include "compiler/kernels/gpu/Math.h"
#include "compiler/kernels/Elementary.h"
#include "compiler/kernels/gpu/Code.h"

namespace lathe::gpu {

namespace {

struct Ops {
  using E = V;
  static E number(E like, double value) { return like.same(value); }
  static E round(E x) { return roundToEven(x); }
  static E floor(E x) { return floorOf(x); }
  static E abs(E x) { return gpu::abs(x); }
  static E min(E a, E b) { return gpu::min(a, b); }
  static E max(E a, E b) { return gpu::max(a, b); }
  static E select(E condition, E a, E b) { return gpu::select(condition, a, b); }
  static E either(E a, E b) { return a | b; }
  static E power(E n) { return fromBits((toI32(n) + 127) << 23); }
  static E strict(E x) { return x; } // as all operations are
};
using Functions = Elementary<Ops>;

} // namespace

V exponential(V x) { return Functions::exponential(x); }
V hyperbolicTangent(V x) { return Functions::hyperbolicTangent(x); }
V errorFunction(V x) { return Functions::errorFunction(x); }
V sigmoid(V x) { return Functions::sigmoid(x); }
V softplus(V x) { return Functions::softplus(x); }
V softcap(V x, double cap) { return Functions::softcap(x, cap); }

Angle cosineAndSine(V x) {
  const Functions::Angle angle = Functions::cosineAndSine(x);
  return {angle.cosine, angle.sine};
}

V activate(Activation activation, V x, const ActivationShape &shape) {
  return Functions::activate(activation, x, shape);
}

V xielu(V x, V positive, V negative, const ActivationShape &shape) {
  return Functions::xielu(x, positive, negative, shape);
}

V gatedUnit(Activation activation, V gate, V up, const ActivationShape &shape) {
  return Functions::gatedUnit(activation, gate, up, shape);
}

} // namespace lathe::gpu
