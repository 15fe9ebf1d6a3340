//===- Rotate.cpp - rotary embedding ----------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Rotate.h"
#include "compiler/kernels/gpu/Math.h"

namespace lathe::gpu {

namespace {

/// cos and sin of the sum of the two tabulated angles of pair i.
Angle tabulatedAngle(TileCall &call, const Rotation &k, V i) {
  Code &code = call.code;
  V position = call.array("positions").at({code.i32(0)});
  V page = position / double(kPagePositions), place = position % kPagePositions;
  auto at = [&](const char *table, int64_t part, V entry) {
    std::vector<V> index = {code.i32(part), i, entry};
    if (k.rule == LengthRule::Switch)
      index.push_back(toI32(call.array("lengths").at({code.i32(0)}) > double(k.limit)));
    return call.array(table).at(index);
  };
  V ch = at("high", 0, page), sh = at("high", 1, page), cl = at("low", 0, place), sl = at("low", 1, place);
  return {ch * cl - sh * sl, sh * cl + ch * sl};
}

/// The same of position * f_i * g^i, g of the sequence's length.
Angle grownAngle(TileCall &call, const Rotation &k, V i) {
  Code &code = call.code;
  V zero = code.i32(0), one = code.i32(1);
  auto both = [&](const char *table, V entry) {
    return toF64(call.array(table).at({zero, entry})) + toF64(call.array(table).at({one, entry}));
  };
  V beyond = min(max(call.array("lengths").at({zero}) - double(k.limit), 0), double(k.grown - 1));
  V growth = both("growth", beyond);
  V power = code.loop(zero, i, 1, {code.f64(1)}, [&](V, const std::vector<V> &so) {
    return std::vector<V>{so[0] * growth};
  })[0];
  V frequency = both("frequencies", i) * power;
  const Angle angle = cosineAndSine(toF64(call.array("positions").at({zero})) * frequency);
  return {toF32(angle.cosine * k.magnitude), toF32(angle.sine * k.magnitude)};
}

} // namespace

Turn::Turn(TileCall &call, const Rotation &rotation, int64_t headSize)
    : code(call.code), rotation(rotation), headSize(headSize),
      angles(code.shared(ElementType::F32, {2, rotation.rotated / 2})) {
  code.eachOf(rotation.rotated / 2, [&](V i) {
    const Angle angle = rotation.rule == LengthRule::Grow ? grownAngle(call, rotation, i)
                                                          : tabulatedAngle(call, rotation, i);
    angles.store({code.i32(0), i}, angle.cosine);
    angles.store({code.i32(1), i}, angle.sine);
  });
  code.barrier();
}

V Turn::turned(V c, const std::function<V(V)> &x) const {
  const int64_t pairs = rotation.rotated / 2;
  const bool interleaved = rotation.pairing == Pairing::Interleaved;
  V first = interleaved ? (c & 1) == 0 : c < double(pairs);
  V pair = interleaved ? c / 2 : select(first, c, c - double(pairs));
  V other = interleaved ? c ^ 1 : select(first, c + double(pairs), pair);
  V along = x(c) * angles.at({code.i32(0), pair}), across = x(other) * angles.at({code.i32(1), pair});
  return select(first, along - across, along + across);
}

V Turn::at(V c, const std::function<V(V)> &x) const {
  if (rotation.rotated / 2 * 2 == headSize)
    return turned(c, x);
  return code.ifElse(
      c < double(rotation.rotated / 2 * 2), [&] { return std::vector<V>{turned(c, x)}; },
      [&] { return std::vector<V>{x(c)}; })[0];
}

void spread(Code &code, int64_t size, std::vector<V> &held) {
  const int64_t run = spreadOf(size), mark = code.sharedMark();
  // Levels of lanes by shuffles; the others through shared memory, in two arrays by turns: one barrier a level.
  std::vector<Array> arrays;
  for (int64_t level = kWarpThreads; level < run && arrays.size() < 2; level *= 2)
    arrays.push_back(code.shared(ElementType::F32, {size}));
  size_t turn = 0;
  for (int64_t bit = 1; bit < run; bit *= 2) {
    std::vector<V> others;
    if (bit < kWarpThreads) {
      for (V value : held)
        others.push_back(code.shuffleXor(value, bit));
    } else {
      const Array &array = arrays[turn++ % arrays.size()];
      for (size_t j = 0; j < held.size(); ++j) {
        V c = code.thread() + double(j * kThreads);
        code.ifThen(c < double(size), [&] { array.store({c}, held[j]); });
      }
      code.barrier();
      for (size_t j = 0; j < held.size(); ++j)
        others.push_back(array.at({min(code.thread() + double(j * kThreads), double(size - 1)) ^ bit}));
    }
    for (size_t j = 0; j < held.size(); ++j)
      held[j] = select(((code.thread() + double(j * kThreads)) & bit) == 0, held[j] + others[j], others[j] - held[j]);
  }
  if (!arrays.empty())
    code.barrier(); // before the memory is another's
  code.freeShared(mark);
}

void writeKernel(const RotateKernel &k, TileCall &call) {
  const int64_t mark = call.code.sharedMark();
  const Array &x = call.array("x"), &y = call.array("y");
  Turn turn(call, k.rotation, k.headSize);
  call.code.eachOf(k.heads * k.headSize, [&](V i) {
    V h = i / double(k.headSize), c = i % k.headSize;
    y.store({c, h}, turn.at(c, [&](V from) { return x.at({from, h}); }));
  });
  call.code.freeShared(mark);
}

} // namespace lathe::gpu
