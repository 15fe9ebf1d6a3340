//===- Math.cpp - elementary functions of f32 as Halide expressions ---------------------------------------------===//
#include "compiler/kernels/halide/Math.h"

using Halide::cast;
using Halide::Expr;
using Halide::reinterpret;
using Halide::select;
using Halide::strict_float;
using namespace lathe;

/// Coefficients from the highest power down.
static Expr polynomial(Expr x, std::initializer_list<float> coefficients) {
  Expr value;
  for (float coefficient : coefficients)
    value = value.defined() ? value * x + coefficient : Expr(coefficient);
  return value;
}

Expr lathe::exponential(Expr x) {
  Expr bounded = Halide::max(Halide::min(x, 88.0f), -87.0f);
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact.
  Expr n = Halide::round(bounded * 1.44269504f);
  Expr r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  Expr p = polynomial(r, {1.395171916e-03f, 8.369598221e-03f, 4.166618726e-02f, 1.666651289e-01f, 5.000000101e-01f});
  Expr e = (p * (r * r) + r) + 1.0f;
  Expr power = reinterpret<float>((cast<int32_t>(n) + 127) << 23);
  return strict_float(select(x < -87.0f, 0.0f, e * power));
}

Expr lathe::hyperbolicTangent(Expr x) {
  Expr a = Halide::abs(x), z = x * x;
  Expr small = x + x * (z * polynomial(z, {-5.717044512e-03f, 2.065058679e-02f, -5.374349792e-02f, 1.333149128e-01f,
                                           -3.333328393e-01f}));
  Expr large = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  return strict_float(select(a < 0.625f, small, select(x < 0.0f, -large, large)));
}

Expr lathe::errorFunction(Expr x) {
  Expr a = Halide::min(Halide::abs(x), 4.0f), z = x * x; // erf 4 is 1 in f32
  Expr small = x * polynomial(z, {7.889122779e-05f, -8.020842252e-04f, 5.189535448e-03f, -2.685444465e-02f,
                                  1.128360018e-01f, -3.761262714e-01f, 1.128379166e+00f});
  // ln erfc on [1, 4]
  Expr tail = polynomial(a, {1.855740685e-04f, -2.939607862e-03f, 2.180532050e-02f, -1.030373732e-01f,
                             -6.382256723e-01f, -1.127040039e+00f, -3.537187959e-04f});
  Expr large = 1.0f - exponential(tail);
  return strict_float(select(a < 1.0f, small, select(x < 0.0f, -large, large)));
}

Expr lathe::sigmoid(Expr x) { return strict_float(1.0f / (1.0f + exponential(-x))); }

lathe::Angle lathe::cosineAndSine(Expr x) {
  auto f64 = [](double value) { return Expr(value); };
  // x = n pi / 2 + r, |r| <= pi / 4; pi / 2 in two parts, the first of 24 bits, so that n times it is exact.
  Expr n = Halide::round(x * f64(0.63661977236758134308));
  Expr r = (x - n * f64(1.5707962512969970703125)) - n * f64(7.549789954891882e-08);
  Expr z = r * r;
  auto series = [&](std::initializer_list<double> coefficients) {
    Expr value;
    for (double coefficient : coefficients)
      value = value.defined() ? value * z + f64(coefficient) : f64(coefficient);
    return value;
  };
  // The first terms of the power series: the next is below 7e-12.
  Expr sine = r * series({-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0});
  Expr cosine = series({1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
  Expr quarter = n - f64(4) * Halide::floor(n * f64(0.25)); // 0 .. 3
  Expr odd = quarter == f64(1) || quarter == f64(3);
  Expr cosineSign = select(quarter == f64(1) || quarter == f64(2), f64(-1), f64(1));
  Expr sineSign = select(quarter >= f64(2), f64(-1), f64(1));
  return {strict_float(cosineSign * select(odd, sine, cosine)), strict_float(sineSign * select(odd, cosine, sine))};
}

Expr lathe::softplus(Expr x) {
  // ln(1 + t) = 2 artanh(t / (2 + t)), t in (0, 1]: the series in z = s^2 <= 1/9.
  Expr t = exponential(-Halide::abs(x)), s = t / (2.0f + t), z = s * s;
  Expr series = polynomial(z, {1.0f / 15, 1.0f / 13, 1.0f / 11, 1.0f / 9, 1.0f / 7, 1.0f / 5, 1.0f / 3, 1.0f});
  return strict_float(Halide::max(x, 0.0f) + 2.0f * s * series);
}

Expr lathe::softcap(Expr x, double cap) {
  float c = static_cast<float>(cap);
  return strict_float(c * hyperbolicTangent(x / c));
}

static Expr activated(Activation activation, Expr x) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::SiLU:
    return strict_float(x * sigmoid(x));
  case Activation::GELUErf:
    return strict_float(0.5f * x * (1.0f + errorFunction(x * 0.70710678f)));
  case Activation::GELUTanh: // sqrt(2 / pi) = 0.79788456
    return strict_float(0.5f * x * (1.0f + hyperbolicTangent(0.79788456f * (x + 0.044715f * (x * x * x)))));
  case Activation::ReLU:
    return Halide::max(x, 0.0f);
  case Activation::ReLUSquared:
    return strict_float(Halide::max(x, 0.0f) * Halide::max(x, 0.0f));
  case Activation::XIELU:
    break; // has a function of its own
  }
  return x;
}

Expr lathe::activate(Activation activation, Expr x, const ActivationShape &shape) {
  if (shape.slope == 1)
    return activated(activation, x);
  const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
  return strict_float(activated(activation, x * slope) * inverse);
}

Expr lathe::xielu(Expr x, Expr positive, Expr negative, const ActivationShape &shape) {
  const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
  Expr steep = x * slope, below = Halide::min(steep, 0.0f); // above 0 e^x may be too large
  Expr side = select(steep > 0, positive * steep * steep, (negative + 0.5f) * (exponential(below) - 1.0f - below));
  return strict_float((side + 0.5f * steep) * inverse);
}

Expr lathe::gatedUnit(Activation activation, Expr gate, Expr up, const ActivationShape &shape) {
  if (const auto limit = static_cast<float>(shape.clamp); shape.clamp != 0) {
    gate = Halide::min(gate, limit);
    up = Halide::clamp(up, -limit, limit);
  }
  if (shape.offset != 0)
    up = up + static_cast<float>(shape.offset);
  return strict_float(activate(activation, gate, shape) * up);
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
