//===- Lanes.h - the loops over a warp's lanes that handlers are made of --------------------------------*- C++ -*-===//
//
//   inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
//     binary<uint32_t, uint32_t>(warp, inst, mask, [](uint32_t a, uint32_t b) { return a + b; });
//   };
//
// All 32 lanes are computed, also those that do not run, and the mask chooses what is written: that is vector code. So
// what is computed must be defined for any bits. A 16-bit value is the low half of its slot; a signed one is
// sign-extended.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_LANES_H
#define LATHE_TEST_CUDA_LANES_H

#include "test/cuda/Numbers.h"
#include "test/cuda/Warp.h"
#include <string_view>
#include <type_traits>

namespace lathe::ptx {

template <class T> using Slot = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> inline T fromSlot(Slot<T> slot) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(slot);
  else if constexpr (sizeof(T) == 2)
    return std::bit_cast<T>(static_cast<uint16_t>(slot));
  else
    return std::bit_cast<T>(slot);
}

template <class T> inline Slot<T> toSlot(T value) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<Slot<T>>(static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value));
  else if constexpr (sizeof(T) == 2)
    return std::bit_cast<uint16_t>(value);
  else
    return std::bit_cast<Slot<T>>(value);
}

template <class S> inline void writeLanes(S *to, const S *values, uint32_t mask) {
  if (mask == allLanes) {
    std::memcpy(to, values, warpSize * sizeof(S));
    return;
  }
  for (unsigned lane = 0; lane < warpSize; ++lane)
    to[lane] = mask >> lane & 1 ? values[lane] : to[lane];
}

template <class R, class A, class F> inline void unary(Warp &warp, const Inst &inst, uint32_t mask, F f) {
  const Slot<A> *a = warp.lanes<Slot<A>>(inst.a);
  Slot<R> out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane)
    out[lane] = toSlot<R>(f(fromSlot<A>(a[lane])));
  writeLanes(warp.lanes<Slot<R>>(inst.d), out, mask);
}

template <class R, class A, class B = A, class F> inline void binary(Warp &warp, const Inst &inst, uint32_t mask, F f) {
  const Slot<A> *a = warp.lanes<Slot<A>>(inst.a);
  const Slot<B> *b = warp.lanes<Slot<B>>(inst.b);
  Slot<R> out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane)
    out[lane] = toSlot<R>(f(fromSlot<A>(a[lane]), fromSlot<B>(b[lane])));
  writeLanes(warp.lanes<Slot<R>>(inst.d), out, mask);
}

template <class R, class A, class B = A, class C = A, class F>
inline void ternary(Warp &warp, const Inst &inst, uint32_t mask, F f) {
  const Slot<A> *a = warp.lanes<Slot<A>>(inst.a);
  const Slot<B> *b = warp.lanes<Slot<B>>(inst.b);
  const Slot<C> *c = warp.lanes<Slot<C>>(inst.c);
  Slot<R> out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane)
    out[lane] = toSlot<R>(f(fromSlot<A>(a[lane]), fromSlot<B>(b[lane]), fromSlot<C>(c[lane])));
  writeLanes(warp.lanes<Slot<R>>(inst.d), out, mask);
}

// The handler for a type by its name: f.operator()<T>(), or null.

/// Unsigned types by width alone: b16, u16 and s16 are all uint16_t.
template <class F> Handler byWidth(std::string_view type, F f) {
  const std::string_view bits = type.substr(1);
  if (type.empty() || std::string_view("bus").find(type[0]) == std::string_view::npos)
    return nullptr;
  return bits == "16"   ? f.template operator()<uint16_t>()
         : bits == "32" ? f.template operator()<uint32_t>()
         : bits == "64" ? f.template operator()<uint64_t>()
                        : nullptr;
}

template <class F> Handler byInteger(std::string_view type, F f) {
  return type == "u16"   ? f.template operator()<uint16_t>()
         : type == "s16" ? f.template operator()<int16_t>()
         : type == "u32" ? f.template operator()<uint32_t>()
         : type == "s32" ? f.template operator()<int32_t>()
         : type == "u64" ? f.template operator()<uint64_t>()
         : type == "s64" ? f.template operator()<int64_t>()
                         : nullptr;
}

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_LANES_H
