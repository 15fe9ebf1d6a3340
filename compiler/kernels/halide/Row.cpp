//===- Row.cpp - reductions over lanes, and the row of results that several families end with -------------------===//
#include "compiler/kernels/halide/Stages.h"
#include <numeric>

using namespace Halide;
using namespace lathe;

int lathe::vectorFor(int64_t extent, int64_t lanes) { return static_cast<int>(std::gcd(extent, lanes)); }

Tree lathe::treeReduce(Func f, int lanes, const std::function<Expr(Expr, Expr)> &join) {
  Tree tree;
  tree.levels = {f};
  for (int width = lanes / 2; width >= 1; width /= 2) {
    Func level(f.name() + "_" + std::to_string(width)), wide = tree.levels.back();
    level(tree.lane, tree.x) = join(wide(tree.lane, tree.x), wide(tree.lane + width, tree.x));
    tree.levels.push_back(level);
  }
  return tree;
}

RowOutput lathe::quantizeRow(KernelBuilder &kernel, Func row, ActFormat format, int64_t columns) {
  RowOutput out;
  Var i = out.i, g = out.g;
  if (format == ActFormat::F32) {
    out.y = Func("y_out");
    out.y(i) = row(i);
    kernel.out("y", out.y);
    return out;
  }
  const int group = static_cast<int>(scaleColumns(format));
  const float largest = format == ActFormat::Q16 ? 32512.0f : 127.0f;
  Var lane("lane");
  out.lanes = Func("amax_lanes");
  Expr magnitude = abs(row(g * group + lane));
  out.lanes(lane, g) = group == 32 ? max(magnitude, abs(row(g * group + 16 + lane))) : magnitude;
  out.tree = treeReduce(out.lanes, 16, [](Expr a, Expr b) { return max(a, b); });
  out.amax = Func("amax");
  out.amax(g) = out.tree.at(g);

  Expr zero = out.amax(g) < 7.888609052e-31f; // 2^-100
  out.inverse = Func("inverse");
  out.inverse(g) = strict_float(select(zero, 0.0f, largest / out.amax(g)));
  out.scale = Func("scale_out");
  out.scale(g) = strict_float(select(zero, 0.0f, out.amax(g) / largest));
  out.whole = Func("whole");
  out.whole(i) = cast<int32_t>(strict_float(round(row(i) * out.inverse(i / group))));
  out.q = Func("q_out");
  if (format == ActFormat::Q16) {
    out.q(i) = cast<int8_t>((out.whole(i) + 128) >> 8);
    out.low = Func("low_out");
    out.low(i) = cast<int8_t>(((out.whole(i) + 128) & 255) - 128);
  } else {
    out.q(i) = cast<int8_t>(out.whole(i));
  }
  const int summed = static_cast<int>(kSumColumns);
  out.within = RDom(0, summed, "within");
  out.sum = Func("sum_out");
  out.sum(g) = 0;
  out.sum(g) += out.whole(g * summed + out.within);
  kernel.out("q", out.q);
  if (format == ActFormat::Q16)
    kernel.out("low", out.low);
  kernel.out("scale", out.scale);
  kernel.out("sum", out.sum);
  return out;
}
