//===- Norm.cpp - norms of a row: the mathematics ---------------------------------------------------------------===//
//
// Sums run in 32 lanes (element i in lane i mod 32, ascending), then halve: one order on every target.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Spaces.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

std::vector<lathe::Parameter> lathe::normSpace(const NormKernel &, const TargetDesc &) { return {}; }

/// Sum of value(i) over the row, in 32 lanes.
static Func laneSums(const char *name, int columns, Var lane, Var one, const std::function<Expr(Expr)> &value) {
  Func f(name);
  f(lane, one) = 0.0f;
  if (int whole = columns / 32) {
    RDom step(0, whole, "step");
    f(lane, one) += value(step * 32 + lane);
  }
  if (int rest = columns % 32) {
    RDom last(0, rest, "last");
    f(last, one) += value(columns - rest + last);
  }
  return f;
}

Built lathe::buildNorm(const NormKernel &k, const TargetDesc &target, const Values &) {
  KernelBuilder kernel(k, target);
  NormStages s;
  const int columns = static_cast<int>(k.columns);
  ImageParam x = kernel.in("x");
  auto in = [&](Expr i) -> Expr {
    if (!k.gatherRows)
      return x(i);
    return x(i, unsafe_promise_clamped(kernel.load("rows", {0}), 0, static_cast<int>(k.gatherRows) - 1));
  };
  auto add = [](Expr a, Expr b) { return strict_float(a + b); };
  const float count = static_cast<float>(columns);

  s.row = Func("row");
  if (k.kind == NormKind::None) {
    s.row(s.i) = in(s.i);
  } else {
    s.mean = Func("mean");
    if (k.kind == NormKind::Layer) {
      s.sums = laneSums("sums", columns, s.lane, s.one, in);
      s.sumTree = treeReduce(s.sums, 32, add);
      s.mean(s.one) = strict_float(s.sumTree.at(s.one) / count);
    }
    auto centred = [&](Expr i) { return k.kind == NormKind::Layer ? in(i)-s.mean(0) : in(i); };
    s.squares = laneSums("squares", columns, s.lane, s.one, [&](Expr i) { return centred(i) * centred(i); });
    s.squareTree = treeReduce(s.squares, 32, add);
    s.inverse = Func("inverse_norm");
    s.inverse(s.one) = strict_float(1.0f / sqrt(s.squareTree.at(s.one) / count + static_cast<float>(k.eps)));
    Expr weight = kernel.in("weight")(s.i);
    Expr value = centred(s.i) * s.inverse(0) * (k.unitOffset ? 1.0f + weight : weight);
    s.row(s.i) = strict_float(k.bias ? value + kernel.in("bias")(s.i) : value);
  }
  s.output = quantizeRow(kernel, s.row, k.output, k.columns);
  scheduleNorm(s, k, target);
  return kernel.finish();
}
