//===- HalideRecurrenceTest.cpp - convolutions and scans, row after row -----------------------------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

double silu(double x) { return x / (1 + std::exp(-x)); }

/// The place of channel c's weight k in panels of 16 channels.
int64_t inPanel(int64_t c, int64_t k, int64_t columns) { return (c / 16 * columns + k) * 16 + c % 16; }

/// Rows 0 .. 6 of one sequence, in block 3 of a state that is full of garbage to begin with.
void checkConv(const ConvKernel &k, const TargetDesc &target) {
  KernelRun run(k, target);
  const std::vector<double> w = randomValues(run.count("w"), 1), bias = randomValues(panelsOf(k.channels) * 16, 2);
  run.fill("w", w);
  if (k.bias)
    run.fill("bias", bias);
  run.fill("state", [](int64_t) { return 1e9; });
  run.fill("blocks", {3});
  std::vector<std::vector<double>> seen;
  for (int64_t position = 0; position < 7; ++position) {
    seen.push_back(randomValues(k.channels, 10 + position));
    run.fill("x", seen.back());
    run.fill("positions", {double(position)});
    run.call();
    std::vector<double> expected = run.read("y"); // of lanes beyond the channels: whatever is there
    for (int64_t c = 0; c < k.channels; ++c) {
      double sum = k.bias ? toF32(bias[c]) : 0;
      for (int64_t i = std::max<int64_t>(0, position - k.width + 1); i <= position; ++i)
        sum += toF32(w[inPanel(c, i - position + k.width - 1, k.width)]) * toF32(seen[i][c]);
      expected[c] = k.activation == Activation::SiLU ? silu(sum) : sum;
    }
    run.expectNear("y", expected);
  }
}

void checkScan(const ScanKernel &k, const TargetDesc &target) {
  KernelRun run(k, target);
  const int64_t channels = k.heads * k.headSize, n = k.stateSize, tile = (k.groups * k.groupHeads) / k.heads - 1;
  std::vector<double> a = randomValues(run.count("a"), 1), d = randomValues(run.count("d"), 2),
                      bias = randomValues(run.count("dt_bias"), 3), state(channels * n);
  for (double &value : a)
    value = -std::abs(value);
  run.fill("a", a);
  run.fill("d", d);
  run.fill("dt_bias", bias);
  run.fill("state", [](int64_t) { return 1e9; });
  run.fill("blocks", {2});
  run.fill("tile", {0, double(tile), 0, 0});
  for (int64_t position = 0; position < 5; ++position) {
    const std::vector<double> x = randomValues(channels, 10 + position), dt = randomValues(k.heads, 20 + position),
                              b = randomValues(k.groups * n, 30 + position),
                              c = randomValues(k.groups * n, 40 + position);
    run.fill("x", x);
    run.fill("dt", dt);
    run.fill("b", b);
    run.fill("c", c);
    run.fill("positions", {double(position)});
    run.call();
    std::vector<double> expected = run.read("y");
    for (int64_t channel = 0; channel < channels; ++channel) {
      const int64_t head = channel / k.headSize, group = (tile * k.heads + head) / k.groupHeads;
      double step = std::log1p(std::exp(toF32(dt[head]) + toF32(bias[head])));
      step = std::max(step, k.dtMin);
      step = k.dtMax > 0 ? std::min(step, k.dtMax) : step;
      double sum = toF32(d[head]) * toF32(x[channel]);
      for (int64_t i = 0; i < n; ++i) {
        const double decay = toF32(k.byChannel ? a[inPanel(channel, i, n)] : a[head]);
        double &h = state[channel * n + i];
        h = std::exp(step * decay) * h + step * toF32(x[channel]) * toF32(b[group * n + i]);
        sum += h * toF32(c[group * n + i]);
      }
      expected[channel] = sum;
    }
    run.expectNear("y", expected);
  }
}

} // namespace

TEST(HalideConv, EdgeChannelsAndWidths) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t channels : {2, 15, 16, 17, 48})
      for (int64_t width : {1, 2, 4})
        if (target.name == hostTarget().name || (channels == 17 && width == 4))
          checkConv({.channels = channels,
                     .width = width,
                     .bias = width != 2,
                     .activation = width == 4 ? Activation::SiLU : Activation::None,
                     .stateElements = panelsOf(channels) * 16 * width + 32},
                    target);
}

TEST(HalideScan, OfChannels) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t heads : {2, 16, 37, 48})
      if (target.name == hostTarget().name || heads == 37)
        checkScan({.heads = heads,
                   .headSize = 1,
                   .stateSize = 5,
                   .groups = 1,
                   .groupHeads = heads,
                   .byChannel = true,
                   .stateElements = panelsOf(heads) * 16 * 5 + 16},
                  target);
}

TEST(HalideScan, OfHeads) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t headSize : {1, 10, 16, 64})
      if (target.name == hostTarget().name || headSize == 10)
        checkScan({.heads = 2,
                   .headSize = headSize,
                   .stateSize = 6,
                   .groups = 3,
                   .groupHeads = 4,
                   .dtMin = headSize == 10 ? 0.5 : 0,
                   .dtMax = headSize == 10 ? 0.9 : 0,
                   .stateElements = 2 * headSize * 6 + 16},
                  target);
}
