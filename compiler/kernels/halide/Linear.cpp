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
  if (target.has(CpuDOTPROD))
    return Dot::Signed;
  return panelLayout(kernel.format).largestCode() > 15 ? Dot::Wide : Dot::Pairs;
}

/// How far below their values codes lie as the multiply takes them.
int lowered(Dot dot, PackedFormat format) {
  return dot == Dot::Signed && panelLayout(format).largestCode() > 127 ? 128 : 0;
}

/// Parts of a step: columns that share a weight scale and a scale of activations.
int partsOf(const LinearKernel &kernel) {
  return static_cast<int>(std::max(panelLayout(kernel.format).groups(), kGroup / scaleColumns(kernel.input)));
}

/// What the activations alone give, made once for a register tile's rows: offsets[part, r] = -zero * sum of the part,
/// where codes have a zero; scaled[group, r] = sum of what the activations of a group of weights are, where groups have
/// minima. Parts and groups are counted over all steps.
void defineRowSums(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  const PanelLayout &layout = panelLayout(kernel.format);
  ImageParam scale = args.in("scale"), sum = args.in("sum");
  auto over = [&](int columns, auto &&value) { // all sums of so many columns
    Expr total;
    const int sums = columns / static_cast<int>(kSumColumns);
    for (int i = 0; i < sums; ++i)
      total = total.defined() ? total + value(s.part * sums + i) : value(s.part * sums + i);
    return total;
  };
  if (const int zero = layout.zero - lowered(s.dot, kernel.format); zero != 0) {
    s.offsets = Func("offsets");
    s.offsets(s.part, s.r) =
        over(static_cast<int>(kGroup) / partsOf(kernel), [&](Expr i) { return sum(i, s.r); }) * -zero;
  }
  if (layout.minimum) {
    s.scaled = Func("scaled");
    const int sumsOfScale = static_cast<int>(scaleColumns(kernel.input) / kSumColumns);
    s.scaled(s.part, s.r) = strict_float(over(static_cast<int>(layout.group), [&](Expr i) {
      return cast<float>(sum(i, s.r)) * scale(i / sumsOfScale, s.r);
    }));
  }
}

/// sums[n, h, p, r, g] = sum over part h of step g of code - zero times activation: of q16 the products with the high
/// plane, times 256, and those with the low plane. At most 32 * 255 * 32512 < 2^28.
void defineSums(LinearStages &s, const LinearKernel &kernel, const KernelBuilder &args) {
  Var g("g");
  const Expr n = s.n, h = s.h, p = s.p, r = s.r;
  std::vector<ImageParam> planes = {args.in("q")};
  if (kernel.input == ActFormat::Q16)
    planes.push_back(args.in("low"));
  const int quads = static_cast<int>(kGroup) / partsOf(kernel) / 4;

  s.codes = Func("codes");
  const Expr code = codeAt(args, kernel.format, s.b, n, s.quad, g, p);
  const auto lower = static_cast<uint8_t>(lowered(s.dot, kernel.format));
  s.codes(s.b, n, s.quad, p, g) = s.dot == Dot::Wide     ? cast<int16_t>(code)
                                  : s.dot == Dot::Signed ? reinterpret<int8_t>(code ^ lower)
                                                         : code;

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
  const bool twice = planes.size() == 2 && s.dot != Dot::Wide; // the first plane's sums are multiplied
  const Expr none = cast<int32_t>(0), offset = s.offsets.defined() ? s.offsets(g * partsOf(kernel) + h, r) : none;
  s.sums(n, h, p, r, g) = twice ? none : offset;
  s.pairLane = RDom(0, 2, 0, quads, "pairLane");
  s.lane = s.dot == Dot::Four || s.dot == Dot::Signed ? RDom(0, 4, 0, quads, "lane") : RDom(0, 2, "lane");
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
      s.sums(n, h, p, r, g) = s.sums(n, h, p, r, g) * 256 + offset;
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
    s.acc(s.n, s.p, s.r) = args.target.fusesProducts() ? sum : strict_float(sum);
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
  const PanelLayout &layout = panelLayout(kernel.format);
  const int parts = partsOf(kernel), groups = static_cast<int>(layout.groups()), ofGroup = parts / groups;
  const int scales = static_cast<int>(kGroup / scaleColumns(kernel.input));
  RDom steps(0, parts, 0, static_cast<int>(kernel.columns / kGroup), "steps");
  s.inner = steps.x;
  s.step = steps.y;
  defineRowSums(s, kernel, args);
  defineSums(s, kernel, args);
  const Expr h = steps.x, g = steps.y, group = h / ofGroup;
  const Expr factor = strict_float(scaleAt(args, kernel.format, s.n, group, g, s.p) *
                                   args.in("scale")(g * scales + h * scales / parts, s.r));
  Expr total = multiplyAdd(cast<float>(s.sums(s.n, h, s.p, s.r, g)), factor, s.acc(s.n, s.p, s.r), args.target);
  if (layout.minimum) { // once for a group, with its last part
    Expr whole = multiplyAdd(minimumAt(args, kernel.format, s.n, group, g, s.p), s.scaled(g * groups + group, s.r), total,
                             args.target);
    total = ofGroup == 1 ? whole : select(h % ofGroup == ofGroup - 1, whole, total);
  }
  s.acc(s.n, s.p, s.r) = total;
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
