//===- Math.cpp - elementary functions of f32 in GPU code ------------------------------------------------------===//
#include "compiler/kernels/gpu/Math.h"
#include "compiler/kernels/gpu/Code.h"

namespace lathe::gpu {

/// Coefficients from the highest power down.
static V polynomial(V x, std::initializer_list<float> coefficients) {
  V value;
  for (float coefficient : coefficients)
    value = value.code ? value * x + coefficient : x.same(coefficient);
  return value;
}

V exponential(V x) {
  V bounded = max(min(x, 88.0f), -87.0f);
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact.
  V n = roundToEven(bounded * 1.44269504f);
  V r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  V p = polynomial(r, {1.395171916e-03f, 8.369598221e-03f, 4.166618726e-02f, 1.666651289e-01f, 5.000000101e-01f});
  V e = (p * (r * r) + r) + 1.0f;
  V power = fromBits((toI32(n) + 127) << 23);
  return select(x < -87.0f, x.same(0), e * power);
}

V hyperbolicTangent(V x) {
  V a = abs(x), z = x * x;
  V small = x + x * (z * polynomial(z, {-5.717044512e-03f, 2.065058679e-02f, -5.374349792e-02f, 1.333149128e-01f,
                                        -3.333328393e-01f}));
  V large = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  return select(a < 0.625f, small, select(x < 0.0f, -large, large));
}

V errorFunction(V x) {
  V a = min(abs(x), 4.0f), z = x * x; // erf 4 is 1 in f32
  V small = x * polynomial(z, {7.889122779e-05f, -8.020842252e-04f, 5.189535448e-03f, -2.685444465e-02f,
                               1.128360018e-01f, -3.761262714e-01f, 1.128379166e+00f});
  // ln erfc on [1, 4]
  V tail = polynomial(a, {1.855740685e-04f, -2.939607862e-03f, 2.180532050e-02f, -1.030373732e-01f, -6.382256723e-01f,
                          -1.127040039e+00f, -3.537187959e-04f});
  V large = 1.0f - exponential(tail);
  return select(a < 1.0f, small, select(x < 0.0f, -large, large));
}

V sigmoid(V x) { return 1.0f / (1.0f + exponential(-x)); }

V softplus(V x) {
  // ln(1 + t) = 2 artanh(t / (2 + t)), t in (0, 1]: the series in z = s^2 <= 1/9.
  V t = exponential(-abs(x)), s = t / (2.0f + t), z = s * s;
  V series = polynomial(z, {1.0f / 15, 1.0f / 13, 1.0f / 11, 1.0f / 9, 1.0f / 7, 1.0f / 5, 1.0f / 3, 1.0f});
  return max(x, 0.0f) + 2.0f * s * series;
}

Angle cosineAndSine(V x) {
  // x = n pi / 2 + r, |r| <= pi / 4; pi / 2 in two parts, the first of 24 bits, so that n times it is exact.
  V n = roundToEven(x * 0.63661977236758134308);
  V r = (x - n * 1.5707962512969970703125) - n * 7.549789954891882e-08;
  V z = r * r;
  auto series = [&](std::initializer_list<double> coefficients) {
    V value;
    for (double coefficient : coefficients)
      value = value.code ? value * z + coefficient : x.same(coefficient);
    return value;
  };
  // The first terms of the power series: the next is below 7e-12.
  V sine = r * series({-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0});
  V cosine = series({1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
  V quarter = n - 4 * floorOf(n * 0.25); // 0 .. 3
  V odd = (quarter == 1) | (quarter == 3), one = x.same(1), minus = x.same(-1);
  V cosineSign = select((quarter == 1) | (quarter == 2), minus, one);
  V sineSign = select(quarter >= 2, minus, one);
  return {cosineSign * select(odd, sine, cosine), sineSign * select(odd, cosine, sine)};
}

V softcap(V x, double cap) {
  const auto c = static_cast<float>(cap);
  return c * hyperbolicTangent(x / c);
}

static V activated(Activation activation, V x) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::SiLU:
    return x * sigmoid(x);
  case Activation::GELUErf:
    return 0.5f * x * (1.0f + errorFunction(x * 0.70710678f));
  case Activation::GELUTanh: // sqrt(2 / pi) = 0.79788456
    return 0.5f * x * (1.0f + hyperbolicTangent(0.79788456f * (x + 0.044715f * (x * x * x))));
  case Activation::ReLU:
    return max(x, 0.0f);
  case Activation::ReLUSquared:
    return max(x, 0.0f) * max(x, 0.0f);
  case Activation::XIELU:
    break; // has a function of its own
  }
  return x;
}

V activate(Activation activation, V x, const ActivationShape &shape) {
  if (shape.slope == 1)
    return activated(activation, x);
  const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
  return activated(activation, x * slope) * inverse;
}

V xielu(V x, V positive, V negative, const ActivationShape &shape) {
  const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
  V steep = x * slope, below = min(steep, 0.0f); // above 0 e^x may be too large
  V side = select(steep > 0, positive * steep * steep, (negative + 0.5f) * (exponential(below) - 1.0f - below));
  return (side + 0.5f * steep) * inverse;
}

V gatedUnit(Activation activation, V gate, V up, const ActivationShape &shape) {
  if (const auto limit = static_cast<float>(shape.clamp); shape.clamp != 0) {
    gate = min(gate, limit);
    up = clamp(up, -limit, limit);
  }
  if (shape.offset != 0)
    up = up + static_cast<float>(shape.offset);
  return activate(activation, gate, shape) * up;
}

} // namespace lathe::gpu
