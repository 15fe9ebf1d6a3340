//===- Append.cpp - rotary embedding and the KV cache's new entry: the mathematics ------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Spaces.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

std::vector<lathe::Parameter> lathe::appendSpace(const AppendKernel &, const TargetDesc &) { return {}; }

/// out(c, rest) = x(c, rest) with its leading 2 * pairs components rotated: first, second of each pair, then the rest.
static void rotate(Func out, Func angle, RDom pair, const AppendKernel &k, const std::vector<Expr> &rest,
                   const std::function<Expr(Expr)> &x) {
  const int pairs = static_cast<int>(k.rotated / 2), size = static_cast<int>(k.headSize);
  const bool interleaved = k.pairing == Pairing::Interleaved;
  auto at = [&](Expr c) {
    std::vector<Expr> index = {c};
    index.insert(index.end(), rest.begin(), rest.end());
    return index;
  };
  Expr first = interleaved ? Expr(2 * pair) : Expr(pair), second = interleaved ? 2 * pair + 1 : pair + pairs;
  Expr cosine = angle(0, pair), sine = angle(1, pair);
  out(at(first)) = strict_float(x(first) * cosine - x(second) * sine);
  out(at(second)) = strict_float(x(second) * cosine + x(first) * sine);
  if (size > 2 * pairs) {
    RDom still(2 * pairs, size - 2 * pairs, "still");
    out(at(still)) = x(still);
  }
}

/// cos (t = 0) and sin of the sum of the two tabulated angles.
static Expr tabulatedAngle(KernelBuilder &kernel, const AppendStages &s, const AppendKernel &k, Expr page, Expr place) {
  ImageParam high = kernel.in("high"), low = kernel.in("low");
  auto at = [&](ImageParam table, int part, Expr entry) -> Expr {
    if (k.rule == LengthRule::None)
      return table(part, s.i, entry);
    Expr beyond = select(kernel.load("lengths", {0}) > static_cast<int>(k.limit), 1, 0);
    return table(part, s.i, entry, beyond);
  };
  Expr ch = at(high, 0, page), sh = at(high, 1, page), cl = at(low, 0, place), sl = at(low, 1, place);
  return strict_float(mux(s.t, {ch * cl - sh * sl, sh * cl + ch * sl}));
}

/// The same of position * f_i * g^i, g of the sequence's length.
static Expr grownAngle(KernelBuilder &kernel, AppendStages &s, const AppendKernel &k, Expr position) {
  ImageParam frequencies = kernel.in("frequencies"), growth = kernel.in("growth");
  auto both = [](Expr first, Expr second) { return cast<double>(first) + cast<double>(second); };
  Expr beyond = clamp(kernel.load("lengths", {0}) - static_cast<int>(k.limit), 0, static_cast<int>(k.grown) - 1);
  s.grown = Func("grown");
  s.grown(s.i) = cast<double>(1);
  s.power = RDom(1, static_cast<int>(k.rotated / 2) - 1, "power");
  s.grown(s.power) = strict_float(s.grown(s.power - 1) * both(growth(0, beyond), growth(1, beyond)));
  Expr frequency = both(frequencies(0, s.i), frequencies(1, s.i)) * s.grown(s.i);
  const Angle angle = cosineAndSine(strict_float(cast<double>(position) * frequency));
  const auto magnitude = cast<double>(Expr(k.magnitude));
  return cast<float>(strict_float(mux(s.t, {angle.cosine * magnitude, angle.sine * magnitude})));
}

Built lathe::buildAppend(const AppendKernel &k, const TargetDesc &target, const Values &) {
  KernelBuilder kernel(k, target);
  AppendStages s;
  const int page = static_cast<int>(kPagePositions), size = static_cast<int>(k.headSize);
  Expr position = kernel.load("positions", {0});
  Expr logical = unsafe_promise_clamped(position / page, 0, static_cast<int>(k.maxPages) - 1), place = position % page;
  ImageParam key = kernel.in("k"), value = kernel.in("v");

  s.key = Func("key");
  if (k.rotated) {
    ImageParam q = kernel.in("q");
    s.angle = Func("angle");
    s.angle(s.t, s.i) =
        k.rule == LengthRule::Grow ? grownAngle(kernel, s, k, position) : tabulatedAngle(kernel, s, k, logical, place);
    s.pair = RDom(0, static_cast<int>(k.rotated / 2), "pair");
    s.qr = Func("qr_out");
    s.qr(s.c, s.h) = undef<float>();
    rotate(s.qr, s.angle, s.pair, k, {s.h}, [&](Expr c) { return q(c, s.h); });
    kernel.out("qr", s.qr);
    s.key(s.c) = undef<float>();
    rotate(s.key, s.angle, s.pair, k, {}, [&](Expr c) { return key(c); });
  } else {
    s.key(s.c) = key(s.c);
  }

  // With splits, the call for the split that holds the position writes: 1 or 0 times.
  Expr times = k.splitPositions
                   ? select(kernel.load("tile", {2}) == position / static_cast<int>(k.splitPositions), 1, 0)
                   : Expr(1);
  s.component = RDom(0, size, 0, times, "component");
  Type type = halideType(k.cache == CacheFormat::F32 ? ElementType::F32 : ElementType::F16);
  Expr physical =
      unsafe_promise_clamped(kernel.load("pages", {logical, kernel.load("slots", {0})}), 0, kernel.extent("K", 2) - 1);
  Expr row = unsafe_promise_clamped(place, 0, page - 1);
  s.keys = Func("K_out");
  s.keys(s.place, s.c, s.page) = undef(type);
  s.keys(row, s.component.x, physical) = cast(type, s.key(s.component.x));
  s.values = Func("V_out");
  s.values(s.c, s.place, s.page) = undef(type);
  s.values(s.component.x, row, physical) = cast(type, value(s.component.x));
  kernel.out("K", s.keys);
  kernel.out("V", s.values);
  scheduleAppend(s, k, target);
  return kernel.finish();
}
