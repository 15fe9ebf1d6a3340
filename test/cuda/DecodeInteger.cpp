//===- DecodeInteger.cpp - integer arithmetic ---------------------------------------------------------------------===//
//
// add sub mul mad div rem abs neg min max sad, dp4a, dp2a, and the pairs of 16 bits (add.s16x2, min.u16x2). Division by
// zero gives all ones, as the hardware does; the remainder is then the dividend.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

template <class T>
using Wide =
    std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                          std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

struct Add {
  template <class T> T operator()(T a, T b) const { return T(uint64_t(a) + uint64_t(b)); }
};
struct Sub {
  template <class T> T operator()(T a, T b) const { return T(uint64_t(a) - uint64_t(b)); }
};
struct MulLow {
  template <class T> T operator()(T a, T b) const { return T(Slot<T>(a) * Slot<T>(b)); }
};
struct MulHigh {
  template <class T> T operator()(T a, T b) const { return T((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T))); }
};
struct Divide {
  template <class T> T operator()(T a, T b) const {
    if (b == 0)
      return T(-1);
    if (std::is_signed_v<T> && b == T(-1))
      return T(0 - uint64_t(a));
    return T(a / b);
  }
};
struct Remainder {
  template <class T> T operator()(T a, T b) const {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == T(-1))
      return 0;
    return T(a % b);
  }
};
struct Minimum {
  template <class T> T operator()(T a, T b) const { return a < b ? a : b; }
};
struct Maximum {
  template <class T> T operator()(T a, T b) const { return a > b ? a : b; }
};

template <class Op> static Handler binaryHandler(std::string_view type) {
  return byInteger(type, []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) { binary<T, T>(warp, inst, mask, Op()); };
  });
}
template <class Op> static Handler addedHandler(std::string_view type) { // op(a, b) + c
  return byInteger(type, []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) {
      ternary<T, T>(warp, inst, mask, [](T a, T b, T c) { return Add()(Op()(a, b), c); });
    };
  });
}

/// Both halves of 32 bits.
template <class Op> static Handler pairHandler(std::string_view type) {
  const auto make = []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) {
      binary<uint32_t, uint32_t>(warp, inst, mask, [](uint32_t a, uint32_t b) {
        const uint16_t low = uint16_t(Op()(T(a), T(b))), high = uint16_t(Op()(T(a >> 16), T(b >> 16)));
        return uint32_t(high) << 16 | low;
      });
    };
  };
  return type == "u16x2"   ? make.template operator()<uint16_t>()
         : type == "s16x2" ? make.template operator()<int16_t>()
                           : nullptr;
}

static void sources(Decoder &decoder, const PtxInstruction &ptx, Inst &inst, unsigned bytes, size_t count) {
  decoder.operands(count + 1, count + 1);
  inst.a = decoder.source(ptx.operands[1], bytes);
  if (count > 1)
    inst.b = decoder.source(ptx.operands[2], bytes);
  if (count > 2)
    inst.c = decoder.source(ptx.operands[3], bytes);
}

/// mul.wide and mad.wide: twice as many bits come out.
static bool decodeWide(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string_view type = ptx.type();
  const unsigned bytes = typeBytes(type);
  const bool mad = ptx.parts[0] == "mad";
  decoder.operands(mad ? 4 : 3, mad ? 4 : 3);
  if (bytes != 2 && bytes != 4)
    decoder.fail("the type is not known to the interpreter");
  inst.d = decoder.target(ptx.operands[0], 2 * bytes);
  inst.a = decoder.source(ptx.operands[1], bytes);
  inst.b = decoder.source(ptx.operands[2], bytes);
  inst.c = mad ? decoder.source(ptx.operands[3], 2 * bytes) : decoder.constant(0, 2 * bytes);
  const auto make = []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) {
      ternary<Wide<T>, T, T, Wide<T>>(warp, inst, mask, [](T a, T b, Wide<T> c) {
        return Wide<T>(Slot<Wide<T>>(Wide<T>(a) * Wide<T>(b)) + Slot<Wide<T>>(c));
      });
    };
  };
  inst.run = type == "u16"   ? make.template operator()<uint16_t>()
             : type == "s16" ? make.template operator()<int16_t>()
             : type == "u32" ? make.template operator()<uint32_t>()
             : type == "s32" ? make.template operator()<int32_t>()
                             : nullptr;
  return true;
}

/// dp4a.atype.btype d, a, b, c: the products of four bytes; dp2a.lo/hi: of two 16-bit numbers with two bytes of b.
template <class A, class B> static void dot4(Warp &warp, const Inst &inst, uint32_t mask) {
  ternary<uint32_t, uint32_t>(warp, inst, mask, [](uint32_t a, uint32_t b, uint32_t c) {
    for (int i = 0; i < 32; i += 8)
      c += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
    return c;
  });
}
template <class A, class B> static void dot2(Warp &warp, const Inst &inst, uint32_t mask) {
  ternary<uint32_t, uint32_t>(warp, inst, mask, [&](uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t half = inst.mode[0] ? b >> 16 : b;
    return c + uint32_t(int32_t(A(a)) * int32_t(B(half))) + uint32_t(int32_t(A(a >> 16)) * int32_t(B(half >> 8)));
  });
}

static bool decodeDot(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const bool four = ptx.parts[0] == "dp4a";
  const size_t types = four ? 1 : 2;
  if (ptx.parts.size() != types + 2 || (!four && ptx.parts[1] != "lo" && ptx.parts[1] != "hi"))
    decoder.fail("the modifiers are not known to the interpreter");
  for (size_t i = types; i < types + 2; ++i)
    if (ptx.parts[i] != "s32" && ptx.parts[i] != "u32")
      decoder.fail("the types are not known to the interpreter");
  const bool aSigned = ptx.parts[types] == "s32", bSigned = ptx.parts[types + 1] == "s32";
  inst.d = decoder.target(ptx.operands[0], 4);
  sources(decoder, ptx, inst, 4, 3);
  inst.mode[0] = ptx.parts[1] == "hi";
  inst.run = four ? (aSigned ? (bSigned ? dot4<int8_t, int8_t> : dot4<int8_t, uint8_t>)
                             : (bSigned ? dot4<uint8_t, int8_t> : dot4<uint8_t, uint8_t>))
                  : (aSigned ? (bSigned ? dot2<int16_t, int8_t> : dot2<int16_t, uint8_t>)
                             : (bSigned ? dot2<uint16_t, int8_t> : dot2<uint16_t, uint8_t>));
  return true;
}

/// add[c][.cc] and sub[c][.cc] with the carry (of sub: the borrow) in predicate 2. mode: [0] sub, [1] takes it, [2]
/// gives it.
template <class T> static void withCarry(Warp &warp, const Inst &inst, uint32_t mask) {
  const T *a = warp.lanes<T>(inst.a), *b = warp.lanes<T>(inst.b);
  const uint32_t in = inst.mode[1] ? warp.predicate(2) : 0;
  uint32_t carry = 0;
  T out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    const Wide<T> x = a[lane], y = b[lane], c = in >> lane & 1, sum = inst.mode[0] ? x - y - c : x + y + c;
    out[lane] = static_cast<T>(sum);
    carry |= uint32_t(sum >> (8 * sizeof(T)) & 1) << lane;
  }
  writeLanes(warp.lanes<T>(inst.d), out, mask);
  if (inst.mode[2])
    warp.predicate(2) = (warp.predicate(2) & ~mask) | (carry & mask);
}

static bool decodeCarry(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const unsigned bytes = typeBytes(ptx.type());
  inst.mode[0] = ptx.parts[0].rfind("sub", 0) == 0;
  inst.mode[1] = ptx.parts[0].back() == 'c';
  inst.mode[2] = ptx.has("cc");
  inst.d = decoder.target(ptx.operands[0], bytes);
  sources(decoder, ptx, inst, bytes, 2);
  inst.run = bytes == 8 ? withCarry<uint64_t> : bytes == 4 ? withCarry<uint32_t> : nullptr;
  return inst.run;
}

bool decodeInteger(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  const std::string_view type = ptx.type();
  if (op == "dp4a" || op == "dp2a")
    return decodeDot(decoder, ptx, inst);
  if (op == "addc" || op == "subc" || ((op == "add" || op == "sub") && ptx.has("cc"))) {
    decoder.only({"cc", "u32", "s32", "u64", "s64"});
    return decodeCarry(decoder, ptx, inst);
  }
  const unsigned bytes = typeBytes(type);
  const bool pair = type == "u16x2" || type == "s16x2";
  if (!bytes || (type[0] != 'u' && type[0] != 's'))
    return false;
  const std::string how = ptx.parts.size() == 3 ? ptx.parts[1] : std::string();
  if (ptx.parts.size() > 3)
    return false;
  Handler run = nullptr;
  size_t count = 2;
  if ((op == "mul" || op == "mad") && how == "wide")
    return decodeWide(decoder, ptx, inst);
  if (op == "mul" && how == "lo")
    run = binaryHandler<MulLow>(type);
  else if (op == "mul" && how == "hi")
    run = binaryHandler<MulHigh>(type);
  else if (op == "mad" && how == "lo")
    run = addedHandler<MulLow>(type), count = 3;
  else if (op == "mad" && how == "hi")
    run = addedHandler<MulHigh>(type), count = 3;
  else if ((op == "add" || op == "sub") && how == "sat" && type == "s32") {
    inst.mode[0] = op == "sub";
    run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      binary<int32_t, int32_t>(warp, inst, mask, [&](int32_t a, int32_t b) {
        const int64_t exact = inst.mode[0] ? int64_t(a) - b : int64_t(a) + b;
        return int32_t(exact > INT32_MAX ? INT32_MAX : exact < INT32_MIN ? INT32_MIN : exact);
      });
    };
  } else if (!how.empty())
    return false;
  else if (op == "add")
    run = pair ? pairHandler<Add>(type) : binaryHandler<Add>(type);
  else if (op == "sub")
    run = pair ? pairHandler<Sub>(type) : binaryHandler<Sub>(type);
  else if (op == "div")
    run = binaryHandler<Divide>(type);
  else if (op == "rem")
    run = binaryHandler<Remainder>(type);
  else if (op == "min")
    run = pair ? pairHandler<Minimum>(type) : binaryHandler<Minimum>(type);
  else if (op == "max")
    run = pair ? pairHandler<Maximum>(type) : binaryHandler<Maximum>(type);
  else if (op == "neg" || op == "abs") {
    count = 1;
    inst.mode[0] = op == "abs";
    run = byInteger(type, []<class T>() -> Handler {
      return [](Warp &warp, const Inst &inst, uint32_t mask) {
        const bool absolute = inst.mode[0];
        unary<T, T>(warp, inst, mask, [&](T a) { return absolute && a >= 0 ? a : T(0 - uint64_t(a)); });
      };
    });
  } else if (op == "sad") { // c + |a - b|
    count = 3;
    run = byInteger(type, []<class T>() -> Handler {
      return [](Warp &warp, const Inst &inst, uint32_t mask) {
        ternary<T, T>(warp, inst, mask, [](T a, T b, T c) { return Add()(c, a < b ? Sub()(b, a) : Sub()(a, b)); });
      };
    });
  }
  if (!run)
    return false;
  inst.d = decoder.target(ptx.operands[0], bytes);
  sources(decoder, ptx, inst, bytes, count);
  inst.run = run;
  return true;
}

} // namespace lathe::ptx
