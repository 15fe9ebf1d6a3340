//===- HalideMathTest.cpp - elementary functions against libm, in ULP -------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

/// f at `count` points evenly over [low, high], by vector code and by scalar code.
struct Samples {
  std::vector<float> x, vector, scalar;
};

Samples sample(Halide::Expr (*f)(Halide::Expr), double low, double high, int count = 20000) {
  Samples s;
  Halide::Buffer<float> in(count);
  for (int i = 0; i < count; ++i) {
    s.x.push_back(static_cast<float>(low + (high - low) * i / (count - 1)));
    in(i) = s.x.back();
  }
  Halide::Var i;
  for (bool wide : {true, false}) {
    Halide::Func g;
    g(i) = f(in(i));
    if (wide)
      g.vectorize(i, 16, Halide::TailStrategy::GuardWithIf);
    Halide::Buffer<float> out = g.realize({count});
    (wide ? s.vector : s.scalar).assign(out.begin(), out.end());
  }
  return s;
}

/// The worst error in units in the last place of the f32 nearest to the exact value.
void expectWithin(double ulps, Halide::Expr (*f)(Halide::Expr), double (*exact)(double), double low, double high) {
  Samples s = sample(f, low, high);
  double worst = 0;
  for (size_t i = 0; i < s.x.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(s.vector[i]), std::bit_cast<uint32_t>(s.scalar[i])) << "at " << s.x[i];
    double y = exact(s.x[i]);
    float nearest = std::fabs(static_cast<float>(y));
    double ulp = std::max(std::nextafter(nearest, INFINITY) - nearest, std::numeric_limits<float>::min());
    worst = std::max(worst, std::fabs(s.vector[i] - y) / ulp);
  }
  testing::Test::RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LE(worst, ulps);
}

double exactSigmoid(double x) { return 1 / (1 + std::exp(-x)); }

} // namespace

TEST(HalideMath, Exponential) {
  expectWithin(2, exponential, std::exp, -87, 88);
  expectWithin(2, exponential, std::exp, -1, 1);
  Samples s = sample(exponential, -1000, 1000, 3);
  EXPECT_EQ(s.vector, (std::vector<float>{0, 1, s.vector[2]}));
  EXPECT_NEAR(s.vector[2] / std::exp(88.0), 1, 1e-6);
}

TEST(HalideMath, HyperbolicTangent) {
  expectWithin(3, hyperbolicTangent, std::tanh, -1, 1);
  expectWithin(3, hyperbolicTangent, std::tanh, -100, 100);
}

TEST(HalideMath, ErrorFunction) {
  expectWithin(4, errorFunction, std::erf, -1.5, 1.5);
  expectWithin(4, errorFunction, std::erf, -10, 10);
}

TEST(HalideMath, CosineAndSineOfLargeAngles) {
  std::vector<double> angles = {0, 0.5, -3, 100000.25, -268435455.75};
  for (int i = 0; i < 4000; ++i)
    angles.push_back(0.37 * i * i);
  for (int quarter = -9; quarter <= 9; ++quarter)
    for (double near : {-1e-9, 0.0, 1e-9, 0.7853981633974483})
      angles.push_back(quarter * 1.5707963267948966 + near);
  const int count = static_cast<int>(angles.size());
  Halide::Buffer<double> in(angles.data(), count);
  Halide::Var i, t;
  Halide::Func f;
  const Angle angle = cosineAndSine(in(i));
  f(i, t) = Halide::mux(t, {angle.cosine, angle.sine});
  Halide::Buffer<double> out = f.realize({count, 2});
  for (int n = 0; n < count; ++n) {
    EXPECT_NEAR(out(n, 0), std::cos(angles[n]), 1e-10) << angles[n];
    EXPECT_NEAR(out(n, 1), std::sin(angles[n]), 1e-10) << angles[n];
  }
}

TEST(HalideMath, Sigmoid) { expectWithin(4, sigmoid, exactSigmoid, -80, 80); }

TEST(HalideMath, Softplus) {
  expectWithin(6, softplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }, -80, 80);
}
