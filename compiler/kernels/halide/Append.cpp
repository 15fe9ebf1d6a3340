//===- Append.cpp - the KV cache's new entry: the mathematics ---------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

SpreadStages::SpreadStages(const std::string &name, int64_t size, const std::vector<Var> &rest,
                           const std::function<Expr(std::vector<Expr>)> &x) {
  const int run = static_cast<int>(spreadOf(size)), half = run / 2;
  if (half)
    pair = RDom(0, half, 0, static_cast<int>(size) / run, name + "_pair");
  auto at = [&](Expr component) {
    std::vector<Expr> index(rest.begin(), rest.end());
    index.insert(index.begin(), component);
    return index;
  };
  for (int width = 1; width < run; width *= 2) {
    Func level(name + "_" + std::to_string(width));
    auto from = [&](Expr component) -> Expr {
      return levels.empty() ? x(at(component)) : levels.back()(at(component));
    };
    Expr start = pair.y * run, first = from(start + 2 * pair.x), second = from(start + 2 * pair.x + 1);
    level(at(c)) = undef<float>();
    level(at(start + pair.x)) = strict_float(first + second);
    level(at(start + half + pair.x)) = strict_float(first - second);
    levels.push_back(level);
  }
}

/// layout/Rows.h has the formulas; `spread` is h. Bits of magnitudes are ordered as these are, with infinity and NaN
/// above all numbers, and one of those is what the scale is then.
static BytesStages bytesOf(const std::string &name, int64_t size, int64_t spread, const std::function<Expr(Expr)> &x) {
  BytesStages s;
  s.within = RDom(0, static_cast<int>(size), name + "_within");
  s.largest = Func(name + "_largest");
  s.largest() = 0;
  s.largest() = max(s.largest(), reinterpret<int32_t>(x(s.within)) & 0x7fffffff);
  Expr largest = reinterpret<float>(s.largest()), finite = s.largest() < 0x7f800000;
  Expr zero = s.largest() < 0x0d800000; // 2^-100
  s.inverse = Func(name + "_inverse");
  s.inverse() = select(finite && !zero, strict_float(127.0f / largest), 0.0f);
  Expr scale = select(zero, 0.0f, strict_float(largest / static_cast<float>(127 * spread)));
  s.scale = Func(name + "_scale");
  s.scale() = reinterpret<float>(select(finite, reinterpret<int32_t>(scale), s.largest()));
  Var c("c");
  s.bytes = Func(name + "_bytes");
  s.bytes(c) = cast<int8_t>(cast<int32_t>(strict_float(round(x(c) * s.inverse()))));
  return s;
}

AppendStages lathe::defineKernel(const AppendKernel &k, KernelBuilder &kernel) {
  AppendStages s;
  const int page = static_cast<int>(kPagePositions), size = static_cast<int>(k.headSize);
  Expr position = kernel.load("positions", {0});
  Expr logical = unsafe_promise_clamped(position / page, 0, static_cast<int>(k.maxPages) - 1), place = position % page;
  ImageParam key = kernel.in("k"), value = kernel.in("v");

  s.key = Func("key");
  if (k.rotation.rotated) {
    ImageParam q = kernel.in("q");
    s.turn = RotationStages(kernel, k.rotation, k.maxPages);
    s.qr = Func("qr_out");
    s.qr(s.c, s.h) = undef<float>();
    s.turn.rotate(s.qr, k.rotation, size, {s.h}, [&](Expr c) { return q(c, s.h); });
    kernel.out("qr", s.qr);
    s.key(s.c) = undef<float>();
    s.turn.rotate(s.key, k.rotation, size, {}, [&](Expr c) { return key(c); });
  } else {
    s.key(s.c) = key(s.c);
  }
  Func keyNumbers = s.key;
  if (k.cache == CacheFormat::Q8) {
    s.spread = SpreadStages("spread", size, {}, [&](const std::vector<Expr> &at) { return s.key(at); });
    Func spread = s.spread.levels.empty() ? s.key : s.spread.levels.back();
    s.keyBytes = bytesOf("key", size, spreadOf(size), [&](Expr c) { return spread(c); });
    s.valueBytes = bytesOf("value", k.valueSize(), 1, [&](Expr c) { return value(c); });
    keyNumbers = s.keyBytes.bytes;
  }

  // With splits, the call for the split that holds the position writes: 1 or 0 times.
  Expr times = k.splitPositions
                   ? select(kernel.load("tile", {2}) == position / static_cast<int>(k.splitPositions), 1, 0)
                   : Expr(1);
  s.component = RDom(0, size, 0, times, "component");
  s.valueComponent = RDom(0, static_cast<int>(k.valueSize()), 0, times, "value_component");
  Type type = halideType(elementType(k.cache));
  Expr physical =
      unsafe_promise_clamped(kernel.load("pages", {logical, kernel.load("slots", {0})}), 0, kernel.extent("K", 2) - 1);
  Expr row = unsafe_promise_clamped(place, 0, page - 1);
  s.keys = Func("K_out");
  s.keys(s.place, s.c, s.page) = undef(type);
  s.keys(row, s.component.x, physical) = cast(type, keyNumbers(s.component.x));
  s.values = Func("V_out");
  s.values(s.c, s.place, s.page) = undef(type);
  Expr number = k.cache == CacheFormat::Q8 ? s.valueBytes.bytes(s.valueComponent.x) : value(s.valueComponent.x);
  s.values(s.valueComponent.x, row, physical) = cast(type, number);
  kernel.out("K", s.keys);
  kernel.out("V", s.values);
  if (k.cache == CacheFormat::Q8) {
    RDom which(0, 2, 0, times, "which");
    s.scales = Func("S_out");
    s.scales(s.place, s.which, s.page) = undef<float>();
    s.scales(row, which.x, physical) = select(which.x == 0, s.keyBytes.scale(), s.valueBytes.scale());
    kernel.out("S", s.scales);
  }
  return s;
}
