//===- HalidePointwiseTest.cpp - rows element by element --------------------------------------------------------===//
#include "test/compiler/kernels/Activations.h"
#include "test/compiler/kernels/HalideHarness.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

/// `z`: of the other row, or of the vector.
static double reference(const PointwiseKernel &k, double x, double z) {
  switch (k.kind) {
  case Pointwise::Add:
    return x + k.value * z;
  case Pointwise::Glu:
    return gatedUnit(k.activation, x, z, k.shape);
  case Pointwise::Activate:
    return activated(k.activation, x, k.shape);
  case Pointwise::Scale:
    return k.value * x * (k.weights ? z : 1);
  case Pointwise::Softcap:
    return k.value * std::tanh(x / k.value);
  case Pointwise::Clip:
    return std::clamp(x, -k.value, k.value);
  case Pointwise::Gate:
    return x / (1 + std::exp(-z));
  }
  return x;
}

static void check(const PointwiseKernel &k, const TargetDesc &target) {
  KernelRun run(k, target);
  std::vector<double> x = randomValues(k.columns, 3), z = randomValues(k.columns, 4), y(x.size());
  run.fill("x", x);
  if (k.kind == Pointwise::Add || k.kind == Pointwise::Glu)
    run.fill("z", z);
  if (k.activation == Activation::XIELU) {
    run.fill("positive", [](int64_t) { return 0.7; });
    run.fill("negative", [](int64_t) { return 0.4; });
  }
  if (k.weights)
    run.fill("weight", [&](int64_t i) { return z[i]; });
  run.call();
  for (size_t i = 0; i < x.size(); ++i)
    y[i] = reference(k, toF32(x[i]), toF32(z[k.weights == 1 ? 0 : i]));
  if (k.output == ActFormat::F32)
    run.expectNear("y", y);
  else
    expectQuantized(run, y);
}

TEST(HalidePointwise, EdgeColumns) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t columns : {1, 15, 17, 60, 64})
      check({.kind = Pointwise::Add, .columns = columns, .value = 0.7}, target);
}

TEST(HalidePointwise, EveryKind) {
  for (const TargetDesc &target : runnableTargets()) {
    check({.kind = Pointwise::Add, .columns = 37, .value = 1}, target);
    for (Pointwise kind : {Pointwise::Scale, Pointwise::Softcap, Pointwise::Clip})
      check({.kind = kind, .columns = 37, .value = 0.8}, target);
    for (int64_t weights : {1, 37})
      check({.kind = Pointwise::Scale, .columns = 37, .value = 0.8, .weights = weights}, target);
    for (Activation activation :
         {Activation::SiLU, Activation::GELUErf, Activation::GELUTanh, Activation::ReLU, Activation::ReLUSquared}) {
      check({.kind = Pointwise::Activate, .columns = 37, .activation = activation}, target);
      check({.kind = Pointwise::Glu, .columns = 37, .activation = activation}, target);
      const ActivationShape shape{1.702, 0.75, 1};
      check({.kind = Pointwise::Activate, .columns = 37, .activation = activation, .shape = {1.702}}, target);
      check({.kind = Pointwise::Glu, .columns = 37, .activation = activation, .shape = shape}, target);
    }
  }
}

TEST(HalidePointwise, LearnedActivation) {
  for (const TargetDesc &target : runnableTargets())
    for (double slope : {1.0, 1.5})
      check({.kind = Pointwise::Activate, .columns = 37, .activation = Activation::XIELU, .shape = {slope}}, target);
}

TEST(HalidePointwise, Quantised) {
  for (const TargetDesc &target : runnableTargets()) {
    check({.kind = Pointwise::Glu, .columns = 96, .activation = Activation::SiLU, .output = ActFormat::Q16}, target);
    check({.kind = Pointwise::Clip, .columns = 576, .value = 0.5, .output = ActFormat::Q16}, target);
  }
}
