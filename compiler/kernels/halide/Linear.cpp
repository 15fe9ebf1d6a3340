//===- Linear.cpp - y = x W^T over packed panels: the mathematics -----------------------------------------------===//
#include "compiler/kernels/halide/Linear.h"
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Spaces.h"
#include <functional>

using namespace Halide;
using namespace lathe;

namespace {

Dot dotFor(PackedFormat format, const TargetDesc &target) {
  if (!isInteger(format))
    return Dot::None;
  if (target.has(CpuAVX512VNNI))
    return Dot::Four;
  return format == PackedFormat::Q8_0 ? Dot::Wide : Dot::Pairs;
}

/// w = d * (q - zero) + m.
int zeroPoint(PackedFormat format) { return format == PackedFormat::Q8_0 ? 128 : format == PackedFormat::Q4_0 ? 8 : 0; }

/// sums[n, p, r, g] = sum over the group of stored weight times activation: the
/// products with the high plane, times 256, and those with the low plane. At most 32 * 255 * 32512 < 2^28.
void defineSums(LinearStages &s, PackedFormat format, ImageParam w, const std::vector<ImageParam> &planes) {
  Var g("g");
  const Expr n = s.n, p = s.p, r = s.r;
  const bool bytes = format == PackedFormat::Q8_0;
  const int quads = bytes ? 8 : 4; // 64-byte lines of one group: see Kernel.h

  // Where a line's byte goes: nibble lines hold columns 8j + b (low) and 8j + 4 + b (high), byte lines 4j + b.
  struct Part {
    Func values;
    int stride, offset;
  };
  std::vector<Part> parts;
  auto unpack = [&](const char *name, Expr value, int stride, int offset) {
    Func f(name);
    f(s.b, s.n, s.j, s.p, g) = value;
    parts.push_back({f, stride, offset});
    s.unpacked.push_back(f);
  };
  Expr stored = w(s.b, s.n, s.j, g, s.p);
  if (!bytes) {
    unpack("nibble_low", stored & cast<uint8_t>(15), 8, 0);
    unpack("nibble_high", stored >> cast<uint8_t>(4), 8, 4);
  } else if (s.dot == Dot::Wide) {
    unpack("wide", cast<int16_t>(stored), 4, 0);
  } else {
    unpack("bytes", stored, 4, 0);
  }

  // Sums of pairs, [half, n]: the two halves of a line's four columns stay apart, as they lie in memory, until the
  // group's end.
  auto addPairs = [&](Type type, const std::function<Expr(Expr column)> &activation) {
    Func pairs("pairs");
    pairs(s.half, s.n, s.p, s.r, g) = cast(type, 0);
    for (Part &part : parts) {
      Expr column = 2 * s.half + s.pairLane.x, before = pairs(s.half, s.n, s.p, s.r, g);
      Expr product = cast(type, part.values(column, n, s.pairLane.y, p, g)) *
                     cast(type, activation(part.stride * s.pairLane.y + part.offset + column));
      // Never saturates here; it is the form that becomes vpmaddubsw.
      pairs(s.half, s.n, s.p, s.r, g) = s.dot == Dot::Pairs ? saturating_add(before, product) : before + product;
    }
    s.pairs.push_back(pairs);
    s.sums(s.n, s.p, s.r, g) += cast<int32_t>(pairs(s.lane, n, p, r, g));
  };

  s.sums = Func("sums");
  s.sums(s.n, s.p, s.r, g) = cast<int32_t>(0);
  s.pairLane = RDom(0, 2, 0, quads, "pairLane");
  s.lane = s.dot == Dot::Four ? RDom(0, 4, 0, quads, "lane") : RDom(0, 2, "lane");
  if (s.dot == Dot::Wide) { // both planes at once: 16-bit products take them as they are
    s.activations = Func("activations");
    s.activations(s.c, s.r, g) =
        cast<int16_t>(planes[0](g * 32 + s.c, s.r)) * cast<int16_t>(256) + cast<int16_t>(planes[1](g * 32 + s.c, s.r));
    addPairs(Int(32), [&](Expr column) { return s.activations(column, r, g); });
    return;
  }
  for (ImageParam plane : planes) {
    if (plane.name() != planes.front().name())
      s.sums(s.n, s.p, s.r, g) = s.sums(s.n, s.p, s.r, g) * 256;
    if (s.dot == Dot::Pairs) {
      addPairs(Int(16), [&](Expr column) { return plane(g * 32 + column, r); });
      continue;
    }
    for (Part &part : parts)
      s.sums(s.n, s.p, s.r, g) += cast<int32_t>(part.values(s.lane.x, n, s.lane.y, p, g)) *
                                  cast<int32_t>(plane(g * 32 + part.stride * s.lane.y + part.offset + s.lane.x, r));
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
  defineSums(s, kernel.format, args.in("w"), {args.in("q"), args.in("low")});
  Expr dot = s.sums(s.n, s.p, s.r, g);
  if (int zero = zeroPoint(kernel.format))
    dot = dot - zero * sum(g, s.r);
  Expr total = s.acc(s.n, s.p, s.r);
  if (kernel.format == PackedFormat::Q4_1)
    total = total + fromHalfBits(args.in("m")(s.n, g, s.p)) * (cast<float>(sum(g, s.r)) * scale(g, s.r));
  total = total + cast<float>(dot) * (fromHalfBits(args.in("d")(s.n, g, s.p)) * scale(g, s.r));
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
    value = activate(kernel.activation, sum(2 * s.p)) * sum(2 * s.p + 1);
  else
    value = activate(kernel.activation, sum(s.p));
  if (kernel.scale != 1)
    value = value * static_cast<float>(kernel.scale);
  if (kernel.softcap != 0)
    value = softcap(value, kernel.softcap);
  if (kernel.residual)
    value = args.in("residual")(s.n, s.p, s.r) + value;
  return strict_float(value);
}

} // namespace

Built lathe::buildLinear(const LinearKernel &kernel, const TargetDesc &target, const Values &values) {
  KernelBuilder args(kernel, target);
  LinearStages stages;
  stages.dot = dotFor(kernel.format, target);
  defineAcc(stages, kernel, args);
  stages.y = Func("y_linear");
  stages.y(stages.n, stages.p, stages.r) = epilogue(stages, kernel, args);
  scheduleLinear(stages, kernel, values);
  args.out("y", stages.y);
  return args.finish();
}

std::vector<lathe::Parameter> lathe::linearSpace(const LinearKernel &kernel, const TargetDesc &target) {
  // Fallbacks by register count: 32 of 16 lanes, 16 of 8, 16 of 4. Integer kernels need as many again for a group's
  // sums. 6 x 2 reached 65 % of the VNNI limit on Zen 5, 8 x 2 and 4 x 4 about 52 % (they spill); floats 6 x 4 reached
  // 85 % of FMA.
  const bool integer = isInteger(kernel.format), gemv = kernel.rows == 1;
  int64_t rows = 1, panels = 1;
  if (target.lanes == 16)
    rows = gemv ? 1 : 6, panels = gemv || !integer ? 4 : 2;
  else if (target.lanes == 8)
    rows = gemv ? 1 : integer ? 2 : 6, panels = gemv && !integer ? 4 : 1;
  else
    rows = gemv ? 1 : integer ? 1 : 3, panels = gemv && !integer ? 2 : 1;
  if (kernel.gated && panels == 1)
    panels = 2; // a gate and its up
  return {{"rows", {1, 2, 3, 4, 6, 8, 12, 16}, rows},
          {"panels", {1, 2, 3, 4, 6, 8}, panels},
          {"unroll", {1, 2, 4, 8}, integer ? 1 : 4}};
}
