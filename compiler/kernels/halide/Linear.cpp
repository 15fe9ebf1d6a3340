//===- Linear.cpp - y = x W^T over packed panels: the mathematics -----------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"
#include "compiler/kernels/halide/Decode.h"
#include "compiler/kernels/halide/Math.h"
#include <functional>

using namespace Halide;
using namespace lathe;

namespace {

Dot dotFor(PackedFormat format, const TargetDesc &target) {
  if (!isInteger(format))
    return Dot::None;
  if (target.features & (CpuAVX512_VNNI | CpuAVX_VNNI))
    return Dot::Four;
  return panelLayout(format).largestCode() > 15 ? Dot::Wide : Dot::Pairs;
}

/// sums[n, h, p, r, g] = sum over group h of step g of code times activation: the products with the high plane of
/// activations, times 256, and those with the low plane. At most 32 * 255 * 32512 < 2^28.
void defineSums(LinearStages &s, PackedFormat format, const KernelBuilder &args) {
  Var g("g");
  const Expr n = s.n, h = s.h, p = s.p, r = s.r;
  const std::vector<ImageParam> planes = {args.in("q"), args.in("low")};
  const PanelLayout &layout = panelLayout(format);
  const int quads = static_cast<int>(layout.group) / 4;

  s.codes = Func("codes");
  const Expr code = codeAt(args, format, s.b, n, s.quad, g, p);
  s.codes(s.b, n, s.quad, p, g) = s.dot == Dot::Wide ? cast<int16_t>(code) : code;

  // Sums of pairs, [half, n]: the two halves of a quad stay apart, as they lie in memory, until the group's end.
  auto addPairs = [&](Type type, const std::function<Expr(Expr column)> &activation) {
    Func pairs("pairs");
    pairs(s.half, n, h, p, r, g) = cast(type, 0);
    Expr column = 2 * s.half + s.pairLane.x, quad = h * quads + s.pairLane.y, before = pairs(s.half, n, h, p, r, g);
    Expr product = cast(type, s.codes(column, n, quad, p, g)) * cast(type, activation(4 * quad + column));
    // Never saturates here; it is the form that becomes vpmaddubsw.
    pairs(s.half, n, h, p, r, g) = s.dot == Dot::Pairs ? saturating_add(before, product) : before + product;
    s.pairs.push_back(pairs);
    s.sums(n, h, p, r, g) += cast<int32_t>(pairs(s.lane, n, h, p, r, g));
  };

  s.sums = Func("sums");
  s.sums(n, h, p, r, g) = cast<int32_t>(0);
  s.pairLane = RDom(0, 2, 0, quads, "pairLane");
  s.lane = s.dot == Dot::Four ? RDom(0, 4, 0, quads, "lane") : RDom(0, 2, "lane");
  if (s.dot == Dot::Wide) { // both planes at once: 16-bit products take them as they are
    s.activations = Func("activations");
    s.activations(s.c, r, g) =
        cast<int16_t>(planes[0](g * 32 + s.c, r)) * cast<int16_t>(256) + cast<int16_t>(planes[1](g * 32 + s.c, r));
    addPairs(Int(32), [&](Expr column) { return s.activations(column, r, g); });
    return;
  }
  for (ImageParam plane : planes) {
    if (plane.name() != planes.front().name())
      s.sums(n, h, p, r, g) = s.sums(n, h, p, r, g) * 256;
    if (s.dot == Dot::Pairs) {
      addPairs(Int(16), [&](Expr column) { return plane(g * 32 + column, r); });
      continue;
    }
    Expr quad = h * quads + s.lane.y;
    s.sums(n, h, p, r, g) +=
        cast<int32_t>(s.codes(s.lane.x, n, quad, p, g)) * cast<int32_t>(plane(g * 32 + 4 * quad + s.lane.x, r));
  }
}

void defineAcc(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  s.acc = Func("acc");
  s.acc(s.n, s.p, s.r) = 0.f;
  if (s.dot == Dot::None) {
    RDom k(0, static_cast<int>(kernel.columns), "k");
    s.step = k;
    s.acc(s.n, s.p, s.r) += cast<float>(args.in("w")(s.n, k, s.p)) * args.in("x")(k, s.r);
    return;
  }
  RDom g(0, static_cast<int>(kernel.columns / kGroup), "g");
  s.step = g;
  ImageParam scale = args.in("scale"), sum = args.in("sum");
  const PanelLayout &layout = panelLayout(kernel.format);
  defineSums(s, kernel.format, args);
  Expr total = s.acc(s.n, s.p, s.r);
  for (int h = 0; h < layout.groups(); ++h) {
    Expr summed = layout.groups() == 1 ? sum(2 * g, s.r) + sum(2 * g + 1, s.r) : sum(2 * g + h, s.r);
    Expr dot = s.sums(s.n, h, s.p, s.r, g);
    if (layout.zero)
      dot = dot - layout.zero * summed;
    if (layout.minimum)
      total = total + minimumAt(args, kernel.format, s.n, h, g, s.p) * (cast<float>(summed) * scale(g, s.r));
    total = total + cast<float>(dot) * (scaleAt(args, kernel.format, s.n, h, g, s.p) * scale(g, s.r));
  }
  // Strict, or two tile sizes may add a group's terms in different orders. It costs the fused form, no time where it
  // was measured: additions have ports of their own (Zen 3, Zen 5).
  s.acc(s.n, s.p, s.r) = strict_float(total);
}

/// Bias, activation or gated pair, scale, softcap, residual, in that order.
Expr epilogue(const LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  auto sum = [&](Expr panel) {
    Expr value = s.acc(s.n, panel, s.r);
    return kernel.bias ? value + args.in("bias")(s.n, panel) : value;
  };
  Expr value;
  if (kernel.gated)
    value = gatedUnit(kernel.activation, sum(2 * s.p), sum(2 * s.p + 1), kernel.shape);
  else
    value = activate(kernel.activation, sum(s.p), kernel.shape);
  if (kernel.scale != 1)
    value = value * static_cast<float>(kernel.scale);
  if (kernel.softcap != 0)
    value = softcap(value, kernel.softcap);
  if (kernel.residual)
    value = args.in("residual")(s.n, s.p, s.r) + value;
  return strict_float(value);
}

} // namespace

LinearStages lathe::defineKernel(const LinearKernel &kernel, KernelBuilder &args) {
  LinearStages stages;
  stages.dot = dotFor(kernel.format, args.target);
  defineAcc(stages, kernel, args);
  stages.y = Func("y_linear");
  stages.y(stages.n, stages.p, stages.r) = epilogue(stages, kernel, args);
  args.out("y", stages.y);
  return stages;
}
