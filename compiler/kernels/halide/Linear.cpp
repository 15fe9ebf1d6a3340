//===- Linear.cpp - y = x W^T over packed panels: the mathematics -----------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"
#include "compiler/kernels/halide/Decode.h"
#include "compiler/kernels/halide/Math.h"
#include <algorithm>
#include <functional>

using namespace Halide;
using namespace lathe;

namespace {

Dot dotFor(const LinearKernel &kernel, const TargetDesc &target) {
  if (kernel.input == ActFormat::F32)
    return Dot::None;
  if (target.features & (CpuAVX512_VNNI | CpuAVX_VNNI))
    return Dot::Four;
  return panelLayout(kernel.format).largestCode() > 15 ? Dot::Wide : Dot::Pairs;
}

/// Parts of a step: columns that share a weight scale and a scale of activations.
int partsOf(const LinearKernel &kernel) {
  return static_cast<int>(std::max(panelLayout(kernel.format).groups(), kGroup / scaleColumns(kernel.input)));
}

/// sums[n, h, p, r, g] = sum over part h of step g of code times activation: of q16 the products with the high plane,
/// times 256, and those with the low plane. At most 32 * 255 * 32512 < 2^28.
void defineSums(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  Var g("g");
  const Expr n = s.n, h = s.h, p = s.p, r = s.r;
  std::vector<ImageParam> planes = {args.in("q")};
  if (kernel.input == ActFormat::Q16)
    planes.push_back(args.in("low"));
  const int quads = static_cast<int>(kGroup) / partsOf(kernel) / 4;

  s.codes = Func("codes");
  const Expr code = codeAt(args, kernel.format, s.b, n, s.quad, g, p);
  s.codes(s.b, n, s.quad, p, g) = s.dot == Dot::Wide ? cast<int16_t>(code) : code;

  // Sums of pairs, [half, n]: the two halves of a quad stay apart, as they lie in memory, until the part's end.
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
  if (s.dot == Dot::Wide) { // all planes at once: 16-bit products take them as they are
    s.activations = Func("activations");
    Expr joined = cast<int16_t>(planes[0](g * 32 + s.c, r));
    if (planes.size() == 2)
      joined = joined * cast<int16_t>(256) + cast<int16_t>(planes[1](g * 32 + s.c, r));
    s.activations(s.c, r, g) = joined;
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

/// acc = sum_k w[n, k, p] * x[k, r].
void defineFloatAcc(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  if (!isInteger(kernel.format)) {
    RDom k(0, static_cast<int>(kernel.columns), "k");
    s.step = k;
    Expr sum = s.acc(s.n, s.p, s.r) + cast<float>(args.in("w")(s.n, k, s.p)) * args.in("x")(k, s.r);
    // Fused multiply-adds keep their order. Where there are none, LLVM adds the steps of an unrolled loop in another
    // one, and bits would depend on the schedule.
    s.acc(s.n, s.p, s.r) = args.target.has(CpuFMA) ? sum : strict_float(sum);
    return;
  }
  const PanelLayout &layout = panelLayout(kernel.format);
  const int quads = static_cast<int>(kGroup) / 4, quadsOfGroup = static_cast<int>(layout.group) / 4;
  Var g("g");
  s.weights = Func("weights");
  Expr code = cast<int32_t>(codeAt(args, kernel.format, s.b, s.n, s.quad, g, s.p)) - layout.zero;
  Expr group = s.quad / quadsOfGroup;
  Expr weight = scaleAt(args, kernel.format, s.n, group, g, s.p) * cast<float>(code);
  if (layout.minimum)
    weight = weight + minimumAt(args, kernel.format, s.n, group, g, s.p);
  s.weights(s.b, s.n, s.quad, s.p, g) = strict_float(weight);
  RDom k(0, 4, 0, quads, 0, static_cast<int>(kernel.columns / kGroup), "k");
  s.lane = k;
  s.step = k.z;
  s.acc(s.n, s.p, s.r) += s.weights(k.x, s.n, k.y, s.p, k.z) * args.in("x")(k.z * 32 + k.y * 4 + k.x, s.r);
}

void defineAcc(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  s.acc = Func("acc");
  s.acc(s.n, s.p, s.r) = 0.f;
  if (s.dot == Dot::None)
    return defineFloatAcc(s, kernel, args);
  RDom g(0, static_cast<int>(kernel.columns / kGroup), "g");
  s.step = g;
  ImageParam scale = args.in("scale"), sum = args.in("sum");
  const PanelLayout &layout = panelLayout(kernel.format);
  const int parts = partsOf(kernel), groups = static_cast<int>(layout.groups());
  const int scales = static_cast<int>(kGroup / scaleColumns(kernel.input));
  defineSums(s, kernel, args);
  Expr total = s.acc(s.n, s.p, s.r);
  for (int group = 0; group < groups; ++group) {
    const Expr weightScale = scaleAt(args, kernel.format, s.n, group, g, s.p);
    Expr dots, sums; // over the group's parts, times the activations' scales
    for (int h = group * parts / groups; h < (group + 1) * parts / groups; ++h) {
      const Expr own = scale(g * scales + h * scales / parts, s.r);
      const Expr summed = parts == 1 ? sum(2 * g, s.r) + sum(2 * g + 1, s.r) : sum(2 * g + h, s.r);
      Expr dot = s.sums(s.n, h, s.p, s.r, g);
      if (layout.zero)
        dot = dot - layout.zero * summed;
      // One part: both scales multiplied first, they are the same for a panel's whole register tile.
      const Expr scaledDot = parts == groups ? cast<float>(dot) * (weightScale * own) : cast<float>(dot) * own;
      const Expr scaledSum = cast<float>(summed) * own;
      dots = dots.defined() ? dots + scaledDot : scaledDot;
      sums = sums.defined() ? sums + scaledSum : scaledSum;
    }
    if (layout.minimum)
      total = total + minimumAt(args, kernel.format, s.n, group, g, s.p) * sums;
    total = total + (parts == groups ? dots : dots * weightScale);
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
  stages.dot = dotFor(kernel, args.target);
  defineAcc(stages, kernel, args);
  stages.y = Func("y_linear");
  stages.y(stages.n, stages.p, stages.r) = epilogue(stages, kernel, args);
  args.out("y", stages.y);
  return stages;
}
