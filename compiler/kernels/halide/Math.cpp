//===- Math.cpp - elementary functions of f32 as Halide expressions ---------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/Elementary.h"

using Halide::cast;
using Halide::Expr;
using Halide::reinterpret;
using Halide::select;
using Halide::strict_float;
using namespace lathe;

namespace {

struct Ops {
  using E = Expr;
  static E number(const E &like, double value) {
    return like.type() == Halide::Float(64) ? Expr(value) : Expr(static_cast<float>(value));
  }
  static E round(const E &x) { return Halide::round(x); }
  static E floor(const E &x) { return Halide::floor(x); }
  static E abs(const E &x) { return Halide::abs(x); }
  static E min(const E &a, const E &b) { return Halide::min(a, b); }
  static E max(const E &a, const E &b) { return Halide::max(a, b); }
  static E select(const E &condition, const E &a, const E &b) { return Halide::select(condition, a, b); }
  static E either(const E &a, const E &b) { return a || b; }
  static E power(const E &n) { return reinterpret<float>((cast<int32_t>(n) + 127) << 23); }
  static E strict(const E &x) { return strict_float(x); }
};
using Functions = Elementary<Ops>;

} // namespace

Expr lathe::exponential(Expr x) { return Functions::exponential(x); }
Expr lathe::hyperbolicTangent(Expr x) { return Functions::hyperbolicTangent(x); }
Expr lathe::errorFunction(Expr x) { return Functions::errorFunction(x); }
Expr lathe::sigmoid(Expr x) { return Functions::sigmoid(x); }
Expr lathe::softplus(Expr x) { return Functions::softplus(x); }
Expr lathe::softcap(Expr x, double cap) { return Functions::softcap(x, cap); }

lathe::Angle lathe::cosineAndSine(Expr x) {
  const Functions::Angle angle = Functions::cosineAndSine(x);
  return {angle.cosine, angle.sine};
}

Expr lathe::activate(Activation activation, Expr x, const ActivationShape &shape) {
  return Functions::activate(activation, x, shape);
}

Expr lathe::xielu(Expr x, Expr positive, Expr negative, const ActivationShape &shape) {
  return Functions::xielu(x, positive, negative, shape);
}

Expr lathe::gatedUnit(Activation activation, Expr gate, Expr up, const ActivationShape &shape) {
  return Functions::gatedUnit(activation, gate, up, shape);
}

Expr lathe::multiplyAdd(Expr a, Expr b, Expr c, const TargetDesc &target) {
  if (!target.fusesProducts())
    return strict_float(a * b + c);
  // Halide has no such operation. It calls an unknown function lane by lane; LLVM knows this one by its name, and makes
  // vectors of it again.
  return Halide::Internal::Call::make(Halide::Float(32), "llvm.fma.f32", {a, b, c}, Halide::Internal::Call::PureExtern);
}

Expr lathe::widen(Expr half, const TargetDesc &target) {
  if (half.type() != Halide::Float(16) || (target.features & (CpuF16C | CpuASIMD)))
    return cast<float>(half);
  // The magnitude's bits, moved to where f32 has them, are the value times 2^-112; that also normalises denormals.
  Expr bits = cast<int32_t>(reinterpret<uint16_t>(half));
  Expr magnitude = bits & 0x7fff, sign = (bits & 0x8000) << 16;
  Expr finite = reinterpret<int32_t>(strict_float(reinterpret<float>(magnitude << 13) * 5.192296858534828e+33f));
  Expr special = (magnitude << 13) | 0x7f800000; // infinity, NaN
  return reinterpret<float>(select(magnitude >= 0x7c00, special, finite) | sign);
}

Expr lathe::fromHalfBits(Expr bits) { return cast<float>(reinterpret(Halide::Float(16), bits)); }
