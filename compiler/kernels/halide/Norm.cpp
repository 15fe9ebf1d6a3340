//===- Norm.cpp - norms of a row: the mathematics ---------------------------------------------------------------===//
//
// Sums run in 32 lanes (element i in lane i mod 32, ascending), then halve: one order on every target. A row is one
// group of all columns, or several that are normed each by itself.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// Sum of value(i, group) over each group, in 32 lanes.
static Func laneSums(const char *name, int columns, Var lane, Var group, const std::function<Expr(Expr, Expr)> &value) {
  Func f(name);
  f(lane, group) = 0.0f;
  if (int whole = columns / 32) {
    RDom step(0, whole, "step");
    f(lane, group) += value(step * 32 + lane, group);
  }
  if (int rest = columns % 32) {
    RDom last(0, rest, "last");
    f(last, group) += value(columns - rest + last, group);
  }
  return f;
}

NormStages lathe::defineKernel(const NormKernel &k, KernelBuilder &kernel) {
  NormStages s;
  const int columns = static_cast<int>(k.width());
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
    auto at = [&](Expr i, Expr group) { return in(group * columns + i); };
    s.mean = Func("mean");
    if (k.kind == NormKind::Layer) {
      s.sums = laneSums("sums", columns, s.lane, s.group, at);
      s.sumTree = treeReduce(s.sums, 32, add);
      s.mean(s.group) = strict_float(s.sumTree.at(s.group) / count);
    }
    auto centred = [&](Expr i, Expr group) {
      return k.kind == NormKind::Layer ? at(i, group) - s.mean(group) : at(i, group);
    };
    s.squares = laneSums("squares", columns, s.lane, s.group,
                         [&](Expr i, Expr group) { return centred(i, group) * centred(i, group); });
    s.squareTree = treeReduce(s.squares, 32, add);
    s.inverse = Func("inverse_norm");
    s.inverse(s.group) = strict_float(1.0f / sqrt(s.squareTree.at(s.group) / count + static_cast<float>(k.eps)));
    Expr group = k.group ? s.i / columns : Expr(0), place = k.group ? s.i % columns : Expr(s.i);
    Expr value = centred(place, group) * s.inverse(group);
    if (!k.unweighted) {
      Expr weight = kernel.in("weight")(k.wide ? Expr(s.i) : place);
      value = value * (k.unitOffset ? 1.0f + weight : weight);
    }
    s.row(s.i) = strict_float(k.bias ? value + kernel.in("bias")(k.wide ? Expr(s.i) : place) : value);
  }
  s.output = quantizeRow(kernel, s.row, k.output, k.columns);
  return s;
}
