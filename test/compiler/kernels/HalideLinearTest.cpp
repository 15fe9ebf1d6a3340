//===- HalideLinearTest.cpp - GEMV and GEMM: exact on integers, near on reals, the same bits for every tile ------===//
#include "test/compiler/kernels/Activations.h"
#include "test/compiler/kernels/HalideHarness.h"
#include "test/compiler/kernels/PackedMatrix.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

/// `columns`, or the next multiple that rows of the format have.
int64_t columnsFor(PackedFormat format, int64_t columns) {
  const int64_t unit = packedColumns(format);
  return (columns + unit - 1) / unit * unit;
}

LinearKernel linear(PackedFormat format, int64_t columns, int64_t rows, int64_t panels) {
  LinearKernel k{};
  k.format = format;
  k.input = isInteger(format) ? ActFormat::Q16 : ActFormat::F32;
  k.columns = columnsFor(format, columns);
  k.rows = rows;
  k.panels = panels;
  k.outputStride = panels * kPanelRows;
  return k;
}

/// A kernel with seeded arguments and the f64 result they should give.
struct Case {
  Case(const LinearKernel &k, const TargetDesc &target, bool integers = false)
      : Case(k, target, fallbackValues(k, target), integers) {}

  Case(const LinearKernel &k, const TargetDesc &target, const Values &values, bool integers) : run(k, target, values) {
    PackedMatrix w = randomMatrix(k.format, k.panels * kPanelRows, k.columns, 11, integers);
    run.fillMatrix(w.bytes);
    auto fill = [&](const char *name, uint64_t seed) {
      std::vector<double> values =
          integers ? randomIntegers(run.count(name), seed) : randomValues(run.count(name), seed);
      for (double &value : values)
        value = toF32(value);
      run.fill(name, values);
      return values;
    };
    std::vector<double> x = activations(k, integers, fill);
    std::vector<double> bias, residual;
    if (k.bias)
      bias = fill("bias", 14);
    if (k.residual)
      residual = fill("residual", 15);

    const int64_t out = k.gated ? k.panels / 2 : k.panels;
    reference.resize(k.rows * out * kPanelRows);
    for (int64_t r = 0; r < k.rows; ++r)
      for (int64_t p = 0; p < out; ++p)
        for (int64_t n = 0; n < kPanelRows; ++n) {
          auto sum = [&](int64_t panel) {
            const int64_t row = panel * kPanelRows + n;
            double total = k.bias ? bias[row] : 0;
            for (int64_t c = 0; c < k.columns; ++c)
              total += w.values[row * k.columns + c] * x[r * k.columns + c];
            return total;
          };
          double value = k.gated ? gatedUnit(k.activation, sum(2 * p), sum(2 * p + 1), k.shape)
                                 : activated(k.activation, sum(p), k.shape);
          value *= k.scale;
          if (k.softcap)
            value = k.softcap * std::tanh(value / k.softcap);
          const int64_t at = (r * out + p) * kPanelRows + n;
          reference[at] = value + (k.residual ? residual[at] : 0);
        }
    run.call();
  }

  /// Fills the inputs; returns what they mean, [rows][columns].
  template <class Fill> std::vector<double> activations(const LinearKernel &k, bool integers, Fill fill) {
    if (k.input == ActFormat::F32)
      return fill("x", 12);
    const int64_t groups = k.columns / kGroup;
    std::vector<double> q = randomIntegers(k.rows * k.columns, 12, integers ? 1 : 127),
                        low = randomIntegers(q.size(), 16, integers ? 4 : 128), scale(k.rows * groups, 1.0 / 256),
                        sum(k.rows * groups * 2, 0), x(q.size());
    if (!integers)
      for (int64_t i = 0; double random : randomValues(k.rows * groups, 13))
        scale[i++] = toF32(0.0001 * std::fabs(random));
    for (size_t i = 0; i < q.size(); ++i) {
      low[i] = std::min(low[i], 127.0);
      const double whole = 256 * q[i] + low[i];
      sum[i / kSumColumns] += whole;
      x[i] = whole * scale[i / kGroup];
    }
    run.fill("q", q);
    run.fill("low", low);
    run.fill("scale", scale);
    run.fill("sum", sum);
    return x;
  }

  KernelRun run;
  std::vector<double> reference;
};

/// Sums of n random terms are off by their roundings: about sqrt(n) of the terms' size.
double slack(const LinearKernel &k) { return std::max(1.0, std::sqrt(double(k.columns)) / 8); }

} // namespace

TEST(HalideLinear, ExactOnIntegers) {
  for (const TargetDesc &target : runnableTargets())
    for (PackedFormat format : packedFormats()) {
      Case one(linear(format, 64, 1, 2), target, /*integers=*/true), many(linear(format, 96, 7, 3), target, true);
      one.run.expectEqual("y", one.reference);
      many.run.expectEqual("y", many.reference);
    }
}

TEST(HalideLinear, NearOnReals) {
  for (PackedFormat format : packedFormats())
    for (int64_t rows : {1, 5, 6, 24})
      for (int64_t panels : {1, 2, 5}) {
        LinearKernel k = linear(format, 576, rows, panels);
        Case real(k, hostTarget());
        real.run.expectNear("y", real.reference, slack(k));
      }
}

TEST(HalideLinear, OddColumnsOfFloats) {
  for (int64_t columns : {1, 3, 7, 172, 575}) {
    LinearKernel k = linear(PackedFormat::F32, columns, 3, 2);
    Case real(k, hostTarget());
    real.run.expectNear("y", real.reference, slack(k));
  }
}

TEST(HalideLinear, Epilogues) {
  for (PackedFormat format : {PackedFormat::F32, PackedFormat::Q4_1})
    for (Activation act : {Activation::None, Activation::SiLU, Activation::GELUErf, Activation::GELUTanh,
                           Activation::ReLU, Activation::ReLUSquared})
      for (bool gated : {false, true}) {
        LinearKernel k = linear(format, 64, 2, 4);
        k.activation = act;
        k.gated = gated;
        k.bias = true;
        k.residual = !gated;
        k.scale = gated ? 1 : 0.5;
        k.softcap = act == Activation::None ? 30 : 0;
        Case real(k, hostTarget());
        real.run.expectNear("y", real.reference, 4 * slack(k));
        k.shape = gated ? ActivationShape{1.702, 0.75, 1} : ActivationShape{1.702};
        Case shaped(k, hostTarget());
        shaped.run.expectNear("y", shaped.reference, 4 * slack(k));
      }
}

/// The promise behind equal results over batch and chunk sizes: a row's bits do not depend on the tile it is computed
/// in.
TEST(HalideLinear, SameBitsForEveryTile) {
  for (const TargetDesc &target : runnableTargets())
    for (PackedFormat format : packedFormats())
      for (bool gated : {false, true}) {
        LinearKernel many = linear(format, 160, 12, 4), one = linear(format, 160, 1, 4);
        many.gated = one.gated = gated;
        many.activation = one.activation = Activation::SiLU;
        many.residual = one.residual = !gated;
        Case all(many, target);
        const std::vector<double> expected = all.run.read("y");
        const int64_t width = one.outputStride / (gated ? 2 : 1);
        for (int64_t r : {0, 5, 11}) {
          KernelRun single(one, target);
          for (const Argument &argument : signature(one)) {
            if (argument.output)
              continue;
            const int64_t row = all.run.count(argument.name) / (isMatrixPart(argument.name) ? 1 : many.rows);
            std::vector<double> values = all.run.read(argument.name);
            const int64_t first = row == all.run.count(argument.name) ? 0 : r * row;
            single.fill(argument.name, [&](int64_t i) { return values[first + i]; });
          }
          single.call();
          single.expectEqual("y", {expected.begin() + r * width, expected.begin() + (r + 1) * width});
        }
      }
}

/// Every value of the schedule's space computes the same bits.
TEST(HalideLinear, SameBitsForEverySchedule) {
  const TargetDesc target = hostTarget();
  for (PackedFormat format : {PackedFormat::F16, PackedFormat::Q4_1, PackedFormat::Q8_0, PackedFormat::Q6_K}) {
    LinearKernel k = linear(format, 96, 12, 8);
    const Values fallback = fallbackValues(k, target);
    const std::vector<double> expected = Case(k, target, fallback, false).run.read("y");
    const Space space = backendFor(target).space(k, {}, target);
    int tried = 0;
    for (const Parameter &parameter : space.parameters)
      for (int64_t choice : parameter.choices) {
        Values values = fallback;
        values.set(parameter.name, choice);
        if (values == fallback || !space.holds(values))
          continue;
        Case other(k, target, values, false);
        other.run.expectEqual("y", expected);
        ++tried;
      }
    EXPECT_GT(tried, 8);
  }
}
