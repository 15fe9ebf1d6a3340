//===- DecodeAtomic.cpp - atom and red ----------------------------------------------------------------------------===//
//
// Lane after lane, each an atomic exchange on the host, with the strongest order whatever the text says.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"
#include <algorithm>

namespace lathe::ptx {

struct AAdd {
  template <class T> T operator()(T old, T b, T) const {
    if constexpr (std::is_same_v<T, Half>)
      return encodeHalf(addToOdd(decodeHalf(old), decodeHalf(b)));
    else if constexpr (std::is_same_v<T, Brain>)
      return encodeBrain(addToOdd(decodeBrain(old), decodeBrain(b)));
    else
      return T(old + b);
  }
};
struct AMin {
  template <class T> T operator()(T old, T b, T) const { return b < old ? b : old; }
};
struct AMax {
  template <class T> T operator()(T old, T b, T) const { return b > old ? b : old; }
};
struct AExch {
  template <class T> T operator()(T, T b, T) const { return b; }
};
struct ACas {
  template <class T> T operator()(T old, T b, T c) const { return old == b ? c : old; }
};
struct AAnd {
  template <class T> T operator()(T old, T b, T) const { return old & b; }
};
struct AOr {
  template <class T> T operator()(T old, T b, T) const { return old | b; }
};
struct AXor {
  template <class T> T operator()(T old, T b, T) const { return old ^ b; }
};
struct AInc {
  template <class T> T operator()(T old, T b, T) const { return old >= b ? 0 : old + 1; }
};
struct ADec {
  template <class T> T operator()(T old, T b, T) const { return old == 0 || old > b ? b : old - 1; }
};

template <class T> using Bits = std::conditional_t<sizeof(T) == 2, uint16_t, Slot<T>>;

/// mode: [1] the space. b, c: the operands; d: the old value.
template <class T, class Op> static void atomic(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t addresses[warpSize];
  uint8_t *pointers[warpSize];
  warp.addresses(inst, addresses);
  resolve(warp, inst, mask, static_cast<Space>(inst.mode[1]), sizeof(T), true, addresses, pointers);
  const Slot<T> *b = warp.lanes<Slot<T>>(inst.b), *c = warp.lanes<Slot<T>>(inst.c);
  Slot<T> *d = warp.lanes<Slot<T>>(inst.d);
  bool changed = false;
  forLanes(mask, [&](unsigned lane) {
    Bits<T> *at = reinterpret_cast<Bits<T> *>(pointers[lane]);
    Bits<T> old = __atomic_load_n(at, __ATOMIC_SEQ_CST), fresh;
    do
      fresh = static_cast<Bits<T>>(toSlot<T>(Op()(fromSlot<T>(old), fromSlot<T>(b[lane]), fromSlot<T>(c[lane]))));
    while (!__atomic_compare_exchange_n(at, &old, fresh, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    changed |= fresh != old;
    d[lane] = old;
  });
  warp.block->progress |= changed;
  warp.polls += !changed;
}

template <class Op> static Handler byType(std::string_view type) {
  return type == "u32" || type == "b32"   ? atomic<uint32_t, Op>
         : type == "s32"                  ? atomic<int32_t, Op>
         : type == "u64" || type == "b64" ? atomic<uint64_t, Op>
         : type == "s64"                  ? atomic<int64_t, Op>
                                          : nullptr;
}

static Handler find(std::string_view op, std::string_view type) {
  if (op == "add" && type == "f32")
    return atomic<float, AAdd>;
  if (op == "add" && type == "f64")
    return atomic<double, AAdd>;
  if (op == "add" && type == "f16")
    return atomic<Half, AAdd>;
  if (op == "add" && type == "bf16")
    return atomic<Brain, AAdd>;
  if (op == "cas" && type == "b16")
    return atomic<uint16_t, ACas>;
  return op == "add"    ? byType<AAdd>(type)
         : op == "min"  ? byType<AMin>(type)
         : op == "max"  ? byType<AMax>(type)
         : op == "exch" ? byType<AExch>(type)
         : op == "cas"  ? byType<ACas>(type)
         : op == "and"  ? byType<AAnd>(type)
         : op == "or"   ? byType<AOr>(type)
         : op == "xor"  ? byType<AXor>(type)
         : op == "inc"  ? byType<AInc>(type)
         : op == "dec"  ? byType<ADec>(type)
                        : nullptr;
}

bool decodeAtomic(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &name = ptx.parts[0];
  if (name != "atom" && name != "red")
    return false;
  static constexpr std::string_view hints[] = {"sem", "relaxed", "acquire", "release", "acq_rel",     "cta",  "cluster",
                                               "gpu", "sys",     "global",  "shared",  "shared::cta", "noftz"};
  std::string op;
  for (size_t i = 1; i + 1 < ptx.parts.size(); ++i)
    if (std::find(std::begin(hints), std::end(hints), ptx.parts[i]) == std::end(hints))
      op += ptx.parts[i];
  const bool returns = name == "atom", swap = op == "cas";
  inst.run = find(op, ptx.type());
  if (!inst.run)
    return false;
  const size_t first = returns ? 1 : 0;
  decoder.operands(first + 2 + swap, first + 2 + swap);
  const unsigned bytes = typeBytes(ptx.type());
  inst.d = returns ? decoder.target(ptx.operands[0], bytes) : decoder.temporary(bytes);
  decoder.address(ptx.operands[first], inst);
  inst.b = decoder.source(ptx.operands[first + 1], bytes);
  inst.c = swap ? decoder.source(ptx.operands[first + 2], bytes) : inst.b;
  inst.mode[1] = static_cast<uint8_t>(spaceOf(decoder, ptx));
  return true;
}

} // namespace lathe::ptx
