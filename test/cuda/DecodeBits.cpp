//===- DecodeBits.cpp - logic, shifts and fields of bits ----------------------------------------------------------===//
//
// and or xor not cnot, shl shr, shf, lop3, prmt, bfe bfi bfind, clz popc brev. Shifts by more than the width give 0 or
// the sign; shf.wrap takes the amount modulo 32.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

template <class Op> static Handler binaryHandler(std::string_view type) {
  return byWidth(type, []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) { binary<T, T>(warp, inst, mask, Op()); };
  });
}
struct And {
  template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) const { return a ^ b; }
};

static Handler shiftLeft(std::string_view type) {
  return byWidth(type, []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) {
      binary<T, T, uint32_t>(warp, inst, mask, [](T a, uint32_t b) {
        return b >= 8 * sizeof(T) ? T(0) : T(Slot<T>(a) << (b & 63 & (8 * sizeof(Slot<T>) - 1)));
      });
    };
  });
}
static Handler shiftRight(std::string_view type) {
  const auto make = []<class T>() -> Handler {
    return [](Warp &warp, const Inst &inst, uint32_t mask) {
      binary<T, T, uint32_t>(warp, inst, mask, [](T a, uint32_t b) {
        constexpr uint32_t bits = 8 * sizeof(T);
        return b < bits ? T(a >> b) : std::is_signed_v<T> ? T(a >> (bits - 1)) : T(0);
      });
    };
  };
  return type[0] == 's' ? byInteger(type, make) : byWidth(type, make);
}

static uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (unsigned i = 0; i < 8; ++i)
    if (table >> i & 1)
      result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return result;
}

/// prmt's default mode: selector nibbles choose bytes of b:a, or their signs.
static uint32_t permute(uint32_t a, uint32_t b, uint32_t selector, unsigned mode) {
  const uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned which = selector >> (4 * i) & 15;
    const unsigned s = selector & 3;
    switch (mode) {
    case 1:
      which = (s + i) & 7;
      break; // f4e
    case 2:
      which = (s - i) & 7;
      break; // b4e
    case 3:
      which = s;
      break; // rc8
    case 4:
      which = s > i ? s : i;
      break; // ecl
    case 5:
      which = s < i ? s : i;
      break; // ecr
    case 6:
      which = (s & 1) * 2 + (i & 1);
      break; // rc16
    default:
      break;
    }
    uint32_t byte = bytes >> (8 * (which & 7)) & 0xFF;
    if (mode == 0 && which & 8)
      byte = byte & 0x80 ? 0xFF : 0;
    result |= byte << (8 * i);
  }
  return result;
}

template <class T> static void extract(Warp &warp, const Inst &inst, uint32_t mask) { // bfe d, a, position, length
  using U = std::make_unsigned_t<T>;
  ternary<T, T, uint32_t, uint32_t>(warp, inst, mask, [](T a, uint32_t position, uint32_t length) {
    constexpr uint32_t bits = 8 * sizeof(T);
    position &= 0xFF;
    length &= 0xFF;
    if (!length)
      return T(0);
    const uint32_t top = std::min(position + length - 1, bits - 1);
    const bool sign = std::is_signed_v<T> && (U(a) >> top & 1);
    U field = position < bits ? U(a) >> position : 0;
    if (length < bits) {
      field &= (U(1) << length) - 1;
    }
    if (sign) { // from the field's top bit on, wherever it was
      const uint32_t have = position < bits ? top - position + 1 : 0;
      if (have < bits)
        field |= ~U(0) << have;
    }
    return T(field);
  });
}

template <class T> static void insert(Warp &warp, const Inst &inst, uint32_t mask) { // bfi d, a, b, position, length
  const Slot<T> *a = warp.lanes<Slot<T>>(inst.a), *b = warp.lanes<Slot<T>>(inst.b);
  const uint32_t *at = warp.lanes<uint32_t>(inst.c), *count = warp.lanes<uint32_t>(warp.list(inst)[0]);
  Slot<T> out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    constexpr uint32_t bits = 8 * sizeof(T);
    const uint32_t position = at[lane] & 0xFF, length = count[lane] & 0xFF;
    T field = length >= bits ? ~T(0) : (T(1) << length) - 1;
    field = position >= bits ? 0 : field << position;
    const T moved = position >= bits ? 0 : T(a[lane]) << position;
    out[lane] = (T(b[lane]) & ~field) | (moved & field);
  }
  writeLanes(warp.lanes<Slot<T>>(inst.d), out, mask);
}

template <class T> static void findTop(Warp &warp, const Inst &inst, uint32_t mask) { // bfind
  const bool shift = inst.mode[0];
  unary<uint32_t, T>(warp, inst, mask, [&](T a) {
    using U = std::make_unsigned_t<T>;
    const U value = a < 0 ? ~U(a) : U(a);
    if (!value)
      return allLanes;
    const uint32_t top = 8 * sizeof(T) - 1 - std::countl_zero(value);
    return shift ? uint32_t(8 * sizeof(T) - 1 - top) : top;
  });
}

template <class T> static void reverse(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<T, T>(warp, inst, mask, [](T a) {
    T result = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      result |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
    return result;
  });
}

static void funnel(Warp &warp, const Inst &inst, uint32_t mask) { // shf.l/r.wrap/clamp d, a, b, c
  const bool left = inst.mode[0], clamp = inst.mode[1];
  ternary<uint32_t, uint32_t>(warp, inst, mask, [&](uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t n = clamp ? std::min(c, 32u) : c & 31;
    const uint64_t both = uint64_t(b) << 32 | a;
    return left ? uint32_t(both << n >> 32) : uint32_t(both >> n);
  });
}

static bool decodeShift(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.operands(3, 3);
  const unsigned bytes = typeBytes(ptx.type());
  inst.run = ptx.parts.size() != 2 ? nullptr : ptx.parts[0] == "shl" ? shiftLeft(ptx.type()) : shiftRight(ptx.type());
  inst.d = decoder.target(ptx.operands[0], bytes);
  inst.a = decoder.source(ptx.operands[1], bytes);
  inst.b = decoder.source(ptx.operands[2], 4);
  return inst.run;
}

static bool decodeFields(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  const std::string_view type = ptx.type();
  const unsigned bytes = typeBytes(type);
  if (op == "bfe") {
    decoder.operands(4, 4);
    inst.b = decoder.source(ptx.operands[2], 4);
    inst.c = decoder.source(ptx.operands[3], 4);
    inst.run = type == "u32"   ? extract<uint32_t>
               : type == "s32" ? extract<int32_t>
               : type == "u64" ? extract<uint64_t>
               : type == "s64" ? extract<int64_t>
                               : nullptr;
    inst.a = decoder.source(ptx.operands[1], bytes);
  } else if (op == "bfi") {
    decoder.operands(5, 5);
    inst.a = decoder.source(ptx.operands[1], bytes);
    inst.b = decoder.source(ptx.operands[2], bytes);
    inst.c = decoder.source(ptx.operands[3], 4);
    inst.list = decoder.list({decoder.source(ptx.operands[4], 4)});
    inst.run = type == "b32" ? insert<uint32_t> : type == "b64" ? insert<uint64_t> : nullptr;
  } else { // one source
    decoder.operands(2, 2);
    inst.a = decoder.source(ptx.operands[1], bytes);
    inst.mode[0] = ptx.has("shiftamt");
    const bool wide = bytes == 8;
    if (op == "popc")
      inst.run = wide ? Handler([](Warp &w, const Inst &i, uint32_t m) {
        unary<uint32_t, uint64_t>(w, i, m, [](uint64_t a) { return uint32_t(std::popcount(a)); });
      })
                      : Handler([](Warp &w, const Inst &i, uint32_t m) {
                          unary<uint32_t, uint32_t>(w, i, m, [](uint32_t a) { return uint32_t(std::popcount(a)); });
                        });
    else if (op == "clz")
      inst.run = wide ? Handler([](Warp &w, const Inst &i, uint32_t m) {
        unary<uint32_t, uint64_t>(w, i, m, [](uint64_t a) { return uint32_t(std::countl_zero(a)); });
      })
                      : Handler([](Warp &w, const Inst &i, uint32_t m) {
                          unary<uint32_t, uint32_t>(w, i, m, [](uint32_t a) { return uint32_t(std::countl_zero(a)); });
                        });
    else if (op == "bfind")
      inst.run = type == "u32"   ? findTop<uint32_t>
                 : type == "s32" ? findTop<int32_t>
                 : type == "u64" ? findTop<uint64_t>
                 : type == "s64" ? findTop<int64_t>
                                 : nullptr;
    else
      inst.run = wide ? reverse<uint64_t> : reverse<uint32_t>;
  }
  const bool count = op == "popc" || op == "clz" || op == "bfind";
  inst.d = decoder.target(ptx.operands[0], count ? 4 : bytes);
  return inst.run;
}

bool decodeBits(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  const unsigned bytes = typeBytes(ptx.type());
  if (ptx.type() == "pred")
    return false;
  if (op == "and" || op == "or" || op == "xor") {
    decoder.only({"b16", "b32", "b64"});
    decoder.operands(3, 3);
    inst.run = op == "and"  ? binaryHandler<And>(ptx.type())
               : op == "or" ? binaryHandler<Or>(ptx.type())
                            : binaryHandler<Xor>(ptx.type());
    inst.d = decoder.target(ptx.operands[0], bytes);
    inst.a = decoder.source(ptx.operands[1], bytes);
    inst.b = decoder.source(ptx.operands[2], bytes);
  } else if (op == "not" || op == "cnot") {
    decoder.only({"b16", "b32", "b64"});
    decoder.operands(2, 2);
    inst.mode[0] = op == "cnot";
    inst.run = byWidth(ptx.type(), []<class T>() -> Handler {
      return [](Warp &warp, const Inst &inst, uint32_t mask) {
        const bool logical = inst.mode[0];
        unary<T, T>(warp, inst, mask, [&](T a) { return logical ? T(a == 0) : T(~a); });
      };
    });
    inst.d = decoder.target(ptx.operands[0], bytes);
    inst.a = decoder.source(ptx.operands[1], bytes);
  } else if (op == "shl" || op == "shr") {
    return decodeShift(decoder, ptx, inst);
  } else if (op == "shf") {
    decoder.only({"l", "r", "wrap", "clamp", "b32"});
    decoder.operands(4, 4);
    inst.mode[0] = ptx.parts[1] == "l";
    inst.mode[1] = ptx.has("clamp");
    inst.d = decoder.target(ptx.operands[0], 4);
    inst.a = decoder.source(ptx.operands[1], 4);
    inst.b = decoder.source(ptx.operands[2], 4);
    inst.c = decoder.source(ptx.operands[3], 4);
    inst.run = funnel;
  } else if (op == "lop3") {
    decoder.only({"b32"});
    decoder.operands(5, 5);
    if (ptx.operands[4].kind != PtxOperand::Integer)
      decoder.fail("the table of lop3 is no number");
    inst.d = decoder.target(ptx.operands[0], 4);
    inst.a = decoder.source(ptx.operands[1], 4);
    inst.b = decoder.source(ptx.operands[2], 4);
    inst.c = decoder.source(ptx.operands[3], 4);
    inst.imm = ptx.operands[4].bits;
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      ternary<uint32_t, uint32_t>(warp, inst, mask,
                                  [&](uint32_t a, uint32_t b, uint32_t c) { return lop3(a, b, c, inst.imm); });
    };
  } else if (op == "prmt") {
    static constexpr std::string_view modes[] = {"", "f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
    decoder.only({"b32", "f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
    decoder.operands(4, 4);
    for (unsigned i = 1; i < std::size(modes); ++i)
      if (ptx.has(modes[i]))
        inst.mode[0] = i;
    inst.d = decoder.target(ptx.operands[0], 4);
    inst.a = decoder.source(ptx.operands[1], 4);
    inst.b = decoder.source(ptx.operands[2], 4);
    inst.c = decoder.source(ptx.operands[3], 4);
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      ternary<uint32_t, uint32_t>(warp, inst, mask,
                                  [&](uint32_t a, uint32_t b, uint32_t c) { return permute(a, b, c, inst.mode[0]); });
    };
  } else if (op == "bfe" || op == "bfi" || op == "popc" || op == "clz" || op == "bfind" || op == "brev") {
    return decodeFields(decoder, ptx, inst);
  } else {
    return false;
  }
  return inst.run;
}

} // namespace lathe::ptx
