//===- HalideNormTest.cpp - norms and the quantised row ---------------------------------------------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace lathe;
using namespace lathe::test;

static std::vector<double> referenceNorm(const NormKernel &k, const std::vector<double> &x,
                                         const std::vector<double> &weight, const std::vector<double> &bias) {
  if (k.kind == NormKind::None)
    return x;
  std::vector<double> y(x.size());
  int64_t n = k.width();
  for (auto begin = x.begin(); begin != x.end(); begin += n) {
    double mean = 0, squares = 0, count = static_cast<double>(n);
    if (k.kind == NormKind::Layer)
      mean = std::accumulate(begin, begin + n, 0.0) / count;
    for (int64_t i = 0; i < n; ++i)
      squares += (begin[i] - mean) * (begin[i] - mean);
    for (int64_t i = 0; i < n; ++i)
      y[begin - x.begin() + i] = (begin[i] - mean) / std::sqrt(squares / count + k.eps) *
                                     (k.unweighted   ? 1
                                      : k.unitOffset ? 1 + weight[i]
                                                     : weight[i]) +
                                 (k.bias ? bias[i] : 0);
  }
  return y;
}

static void check(const NormKernel &k, const TargetDesc &target, std::vector<double> x = {}) {
  KernelRun run(k, target);
  if (x.empty())
    x = randomValues(k.columns, 3);
  std::vector<double> weight = randomValues(k.width(), 4), bias = randomValues(k.width(), 5);
  if (k.gatherRows) {
    int64_t row = k.gatherRows - 1;
    run.fill("rows", [&](int64_t) { return static_cast<double>(row); });
    run.fill("x", [&](int64_t i) { return i / k.columns == row ? x[i % k.columns] : 1e9; });
  } else {
    run.fill("x", x);
  }
  if (k.kind != NormKind::None && !k.unweighted)
    run.fill("weight", weight);
  if (k.bias)
    run.fill("bias", bias);
  run.call();
  std::vector<double> reference = referenceNorm(k, x, weight, bias);
  if (k.output == ActFormat::F32)
    run.expectNear("y", reference);
  else
    expectQuantized(run, reference);
}

TEST(HalideNorm, EdgeColumns) {
  for (const TargetDesc &target : runnableTargets())
    for (NormKind kind : {NormKind::None, NormKind::RMS, NormKind::Layer})
      for (int64_t columns : {1, 15, 16, 17, 31, 32, 33, 48, 172, 577})
        if (target.name == hostTarget().name || columns == 1 || columns == 172)
          check({.kind = kind, .columns = columns, .eps = 1e-5}, target);
}

TEST(HalideNorm, Quantised) {
  for (const TargetDesc &target : runnableTargets())
    for (NormKind kind : {NormKind::None, NormKind::RMS, NormKind::Layer})
      for (int64_t columns : {32, 64, 576, 11008})
        check({.kind = kind, .columns = columns, .eps = 1e-5, .output = ActFormat::Q16}, target);
}

TEST(HalideNorm, Options) {
  for (NormKind kind : {NormKind::RMS, NormKind::Layer})
    for (bool bias : {false, true})
      for (bool offset : {false, true})
        for (int64_t gather : {0, 3})
          check({kind, 172, 1e-6, bias, offset, ActFormat::F32, gather}, hostTarget());
  check({NormKind::Layer, 64, 1e-6, true, true, ActFormat::Q16, 5}, hostTarget());
}

TEST(HalideNorm, Groups) {
  for (const TargetDesc &target : runnableTargets())
    for (NormKind kind : {NormKind::RMS, NormKind::Layer})
      for (int64_t group : {12, 20, 64, 80})
        check({.kind = kind, .columns = 5 * group, .eps = 1e-6, .bias = group == 20, .group = group}, target);
  check({.kind = NormKind::RMS, .columns = 96, .eps = 1e-6, .output = ActFormat::Q16, .group = 12}, hostTarget());
  check({.kind = NormKind::RMS, .columns = 36, .eps = 1e-6, .gatherRows = 3, .group = 12}, hostTarget());
}

TEST(HalideNorm, Unweighted) {
  for (NormKind kind : {NormKind::RMS, NormKind::Layer}) {
    check({.kind = kind, .columns = 60, .eps = 1e-5, .unweighted = true}, hostTarget());
    check({.kind = kind, .columns = 60, .eps = 1e-5, .bias = true, .group = 12, .unweighted = true}, hostTarget());
  }
}

TEST(HalideNorm, ZeroAndTinyRows) {
  for (const TargetDesc &target : runnableTargets()) {
    NormKernel copy{.kind = NormKind::None, .columns = 64, .output = ActFormat::Q16};
    check(copy, target, std::vector<double>(64, 0.0));
    KernelRun tiny(copy, target);
    tiny.fill("x", [](int64_t i) { return i % 2 ? 1e-40 : -1e-42; });
    tiny.call();
    tiny.expectEqual("q", std::vector<double>(64, 0.0));
    tiny.expectEqual("low", std::vector<double>(64, 0.0));
    tiny.expectEqual("scale", {0, 0});
    tiny.expectEqual("sum", {0, 0, 0, 0});
    check({.kind = NormKind::RMS, .columns = 64, .eps = 1e-5}, target, std::vector<double>(64, 0.0));
  }
}

// 32512 in each group makes the scale 1: halves show that rounding is to even.
TEST(HalideNorm, RoundsHalfToEven) {
  for (const TargetDesc &target : runnableTargets()) {
    std::vector<double> x(32, 0.0), q(32, 0.0), low(32, 0.0);
    x[0] = 32512, q[0] = 127;
    x[1] = 0.5, x[2] = 1.5, low[2] = 2, x[3] = -0.5, x[4] = -2.5, low[4] = -2, x[5] = 128.5, q[5] = 1, low[5] = -128;
    x[31] = -32510.5, q[31] = -127, low[31] = 2;
    KernelRun run(NormKernel{.kind = NormKind::None, .columns = 32, .output = ActFormat::Q16}, target);
    run.fill("x", x);
    run.call();
    run.expectEqual("q", q);
    run.expectEqual("low", low);
    run.expectEqual("sum", {32512 + 2 - 2 + 128, -32510});
    run.expectEqual("scale", {1});
  }
}
