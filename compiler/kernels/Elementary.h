//===- Elementary.h - elementary functions of f32, for every backend ------------------------------------*- C++ -*-===//
//
// Kernels are linked with nothing, so what libm would do is written out here, once: a backend gives what an expression of
// its code is and the operations that C++ does not have.
//
//   struct Ops {
//     using E = …;                      f32 (cosineAndSine: f64) with + - * / and comparisons, and numbers beside it
//     static E number(E like, double);  a constant of its type
//     static E round(E), floor(E);      to even
//     static E abs(E), min(E, E), max(E, E), select(E condition, E a, E b), either(E a, E b);
//     static E power(E n);              2^n of a whole n from -126 to 127
//     static E strict(E);               nothing in it is fused or reassociated
//   };
//
// Every result is strict, so a value has the same bits in scalar and vector code and on every target.
//
// Method: argument reduction as in W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980); the
// polynomials are minimax fits (Lawson's iteration) on the reduced intervals, found in f64 and rounded to f32.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_ELEMENTARY_H
#define LATHE_COMPILER_KERNELS_ELEMENTARY_H

#include "compiler/kernels/Kernel.h"
#include <initializer_list>

namespace lathe {

template <class Ops> struct Elementary {
  using E = typename Ops::E;

  /// e^x within 2 ULP for x in [-87, 88]; 0 below, e^88 above.
  static E exponential(E x) {
    E bounded = Ops::max(Ops::min(x, Ops::number(x, 88)), Ops::number(x, -87));
    // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact.
    E n = Ops::round(bounded * 1.44269504f);
    E r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
    E p = polynomial(r, {1.395171916e-03f, 8.369598221e-03f, 4.166618726e-02f, 1.666651289e-01f, 5.000000101e-01f});
    E e = (p * (r * r) + r) + 1.0f;
    return Ops::strict(Ops::select(x < -87.0f, Ops::number(x, 0), e * Ops::power(n)));
  }

  /// tanh x within 3 ULP.
  static E hyperbolicTangent(E x) {
    E a = Ops::abs(x), z = x * x;
    E small = x + x * (z * polynomial(z, {-5.717044512e-03f, 2.065058679e-02f, -5.374349792e-02f, 1.333149128e-01f,
                                          -3.333328393e-01f}));
    E large = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
    return Ops::strict(Ops::select(a < 0.625f, small, Ops::select(x < 0.0f, -large, large)));
  }

  /// erf x within 4 ULP.
  static E errorFunction(E x) {
    E a = Ops::min(Ops::abs(x), Ops::number(x, 4)), z = x * x; // erf 4 is 1 in f32
    E small = x * polynomial(z, {7.889122779e-05f, -8.020842252e-04f, 5.189535448e-03f, -2.685444465e-02f,
                                 1.128360018e-01f, -3.761262714e-01f, 1.128379166e+00f});
    // ln erfc on [1, 4]
    E tail = polynomial(a, {1.855740685e-04f, -2.939607862e-03f, 2.180532050e-02f, -1.030373732e-01f,
                            -6.382256723e-01f, -1.127040039e+00f, -3.537187959e-04f});
    E large = 1.0f - exponential(tail);
    return Ops::strict(Ops::select(a < 1.0f, small, Ops::select(x < 0.0f, -large, large)));
  }

  /// 1 / (1 + e^-x) within 4 ULP.
  static E sigmoid(E x) { return Ops::strict(1.0f / (1.0f + exponential(-x))); }

  /// ln(1 + e^x) within 6 ULP; 0 below -87.
  static E softplus(E x) {
    // ln(1 + t) = 2 artanh(t / (2 + t)), t in (0, 1]: the series in z = s^2 <= 1/9.
    E t = exponential(-Ops::abs(x)), s = t / (2.0f + t), z = s * s;
    E series = polynomial(z, {1.0f / 15, 1.0f / 13, 1.0f / 11, 1.0f / 9, 1.0f / 7, 1.0f / 5, 1.0f / 3, 1.0f});
    return Ops::strict(Ops::max(x, Ops::number(x, 0)) + 2.0f * s * series);
  }

  /// cos x and sin x of f64, within 1e-10 for |x| < 2^28.
  struct Angle {
    E cosine, sine;
  };
  static Angle cosineAndSine(E x) {
    auto f64 = [&](double value) { return Ops::number(x, value); };
    // x = n pi / 2 + r, |r| <= pi / 4; pi / 2 in two parts, the first of 24 bits, so that n times it is exact.
    E n = Ops::round(x * f64(0.63661977236758134308));
    E r = (x - n * f64(1.5707962512969970703125)) - n * f64(7.549789954891882e-08);
    E z = r * r;
    auto series = [&](std::initializer_list<double> coefficients) {
      E value = f64(*coefficients.begin());
      for (const double *next = coefficients.begin() + 1; next != coefficients.end(); ++next)
        value = value * z + f64(*next);
      return value;
    };
    // The first terms of the power series: the next is below 7e-12.
    E sine = r * series({-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0});
    E cosine = series({1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
    E quarter = n - f64(4) * Ops::floor(n * f64(0.25)); // 0 .. 3
    E odd = Ops::either(quarter == f64(1), quarter == f64(3));
    E cosineSign = Ops::select(Ops::either(quarter == f64(1), quarter == f64(2)), f64(-1), f64(1));
    E sineSign = Ops::select(quarter >= f64(2), f64(-1), f64(1));
    return {Ops::strict(cosineSign * Ops::select(odd, sine, cosine)),
            Ops::strict(sineSign * Ops::select(odd, cosine, sine))};
  }

  /// cap * tanh(x / cap).
  static E softcap(E x, double cap) {
    const auto c = static_cast<float>(cap);
    return Ops::strict(c * hyperbolicTangent(x / c));
  }

  /// GELU forms: arXiv:1606.08415; SiLU: arXiv:1702.03118; squared ReLU: arXiv:2109.08668.
  static E activate(Activation activation, E x, const ActivationShape &shape) {
    if (shape.slope == 1)
      return activated(activation, x);
    const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
    return Ops::strict(activated(activation, x * slope) * inverse);
  }

  /// arXiv:2411.13010, of a slope.
  static E xielu(E x, E positive, E negative, const ActivationShape &shape) {
    const auto slope = static_cast<float>(shape.slope), inverse = static_cast<float>(1 / shape.slope);
    E steep = x * slope, below = Ops::min(steep, Ops::number(x, 0)); // above 0 e^x may be too large
    E side = Ops::select(steep > 0.0f, positive * steep * steep, (negative + 0.5f) * (exponential(below) - 1.0f - below));
    return Ops::strict((side + 0.5f * steep) * inverse);
  }

  /// activate(gate) * up: arXiv:2002.05202.
  static E gatedUnit(Activation activation, E gate, E up, const ActivationShape &shape) {
    if (const auto limit = static_cast<float>(shape.clamp); shape.clamp != 0) {
      gate = Ops::min(gate, Ops::number(gate, limit));
      up = Ops::max(Ops::min(up, Ops::number(up, limit)), Ops::number(up, -limit));
    }
    if (shape.offset != 0)
      up = up + static_cast<float>(shape.offset);
    return Ops::strict(activate(activation, gate, shape) * up);
  }

private:
  /// Coefficients from the highest power down.
  static E polynomial(E x, std::initializer_list<float> coefficients) {
    E value = Ops::number(x, *coefficients.begin());
    for (const float *next = coefficients.begin() + 1; next != coefficients.end(); ++next)
      value = value * x + *next;
    return value;
  }

  static E activated(Activation activation, E x) {
    const E zero = Ops::number(x, 0);
    switch (activation) {
    case Activation::None:
      return x;
    case Activation::SiLU:
      return Ops::strict(x * sigmoid(x));
    case Activation::GELUErf:
      return Ops::strict(0.5f * x * (1.0f + errorFunction(x * 0.70710678f)));
    case Activation::GELUTanh: // sqrt(2 / pi) = 0.79788456
      return Ops::strict(0.5f * x * (1.0f + hyperbolicTangent(0.79788456f * (x + 0.044715f * (x * x * x)))));
    case Activation::ReLU:
      return Ops::max(x, zero);
    case Activation::ReLUSquared:
      return Ops::strict(Ops::max(x, zero) * Ops::max(x, zero));
    case Activation::XIELU:
      break; // has a function of its own
    }
    return x;
  }
};

} // namespace lathe

#endif
