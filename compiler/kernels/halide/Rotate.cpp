//===- Rotate.cpp - rotary embedding: the mathematics -----------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// cos (t = 0) and sin of the sum of the two tabulated angles.
static Expr tabulatedAngle(KernelBuilder &kernel, const RotationStages &s, const Rotation &k, Expr page, Expr place) {
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
static Expr grownAngle(KernelBuilder &kernel, RotationStages &s, const Rotation &k, Expr position) {
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

RotationStages::RotationStages(KernelBuilder &kernel, const Rotation &rotation, int64_t maxPages) {
  const int page = static_cast<int>(kPagePositions);
  Expr position = kernel.load("positions", {0});
  Expr logical = unsafe_promise_clamped(position / page, 0, static_cast<int>(maxPages) - 1);
  angle = Func("angle");
  angle(t, i) = rotation.rule == LengthRule::Grow ? grownAngle(kernel, *this, rotation, position)
                                                  : tabulatedAngle(kernel, *this, rotation, logical, position % page);
  pair = RDom(0, static_cast<int>(rotation.rotated / 2), "pair");
}

void RotationStages::rotate(Func out, const Rotation &rotation, int64_t headSize, const std::vector<Expr> &rest,
                            const std::function<Expr(Expr)> &x) const {
  const int pairs = static_cast<int>(rotation.rotated / 2), size = static_cast<int>(headSize);
  const bool interleaved = rotation.pairing == Pairing::Interleaved;
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

RotateStages lathe::defineKernel(const RotateKernel &k, KernelBuilder &kernel) {
  RotateStages s;
  ImageParam x = kernel.in("x");
  s.turn = RotationStages(kernel, k.rotation, k.maxPages);
  s.y = Func("y_out");
  s.y(s.c, s.h) = undef<float>();
  s.turn.rotate(s.y, k.rotation, k.headSize, {s.h}, [&](Expr c) { return x(c, s.h); });
  kernel.out("y", s.y);
  return s;
}
