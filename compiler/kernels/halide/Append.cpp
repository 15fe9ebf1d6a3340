//===- Append.cpp - the KV cache's new entry: the mathematics ---------------------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

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

  // With splits, the call for the split that holds the position writes: 1 or 0 times.
  Expr times = k.splitPositions
                   ? select(kernel.load("tile", {2}) == position / static_cast<int>(k.splitPositions), 1, 0)
                   : Expr(1);
  s.component = RDom(0, size, 0, times, "component");
  s.valueComponent = RDom(0, static_cast<int>(k.valueSize()), 0, times, "value_component");
  Type type = halideType(k.cache == CacheFormat::F32 ? ElementType::F32 : ElementType::F16);
  Expr physical =
      unsafe_promise_clamped(kernel.load("pages", {logical, kernel.load("slots", {0})}), 0, kernel.extent("K", 2) - 1);
  Expr row = unsafe_promise_clamped(place, 0, page - 1);
  s.keys = Func("K_out");
  s.keys(s.place, s.c, s.page) = undef(type);
  s.keys(row, s.component.x, physical) = cast(type, s.key(s.component.x));
  s.values = Func("V_out");
  s.values(s.c, s.place, s.page) = undef(type);
  s.values(s.valueComponent.x, row, physical) = cast(type, value(s.valueComponent.x));
  kernel.out("K", s.keys);
  kernel.out("V", s.values);
  return s;
}
