//===- DecodeCompare.cpp - setp, set, and the logic of predicates -------------------------------------------------===//
//
// setp.CMP[.BOOL][.ftz].type p[|q], a, b[, [!]c]:  p = (a CMP b) BOOL c,  q = !(a CMP b) BOOL c
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

template <class T> struct Less {
  bool operator()(T a, T b) const { return a < b; }
};
template <class T> struct LessEqual {
  bool operator()(T a, T b) const { return a <= b; }
};
template <class T> struct Equal {
  bool operator()(T a, T b) const { return a == b; }
};
template <class T> struct NotEqual {
  bool operator()(T a, T b) const { return a != b; }
};
template <class T> struct Greater {
  bool operator()(T a, T b) const { return a > b; }
};
template <class T> struct GreaterEqual {
  bool operator()(T a, T b) const { return a >= b; }
};
template <class T> struct Ordered {
  bool operator()(T a, T b) const { return a == a && b == b; }
};

/// The lanes where a comparison holds. `Number` is what a T is compared as.
template <class T, class Number, class Compare> static uint32_t compareLanes(Warp &warp, const Inst &inst, bool flush) {
  const Slot<T> *a = warp.lanes<Slot<T>>(inst.a), *b = warp.lanes<Slot<T>>(inst.b);
  uint32_t result = 0;
  const auto number = [&](Slot<T> slot) -> Number {
    const T value = fromSlot<T>(slot);
    if constexpr (std::is_same_v<T, Half>)
      return decodeHalf(value);
    else if constexpr (std::is_same_v<T, Brain>)
      return decodeBrain(value);
    else if constexpr (std::is_same_v<T, float>)
      return flush ? flushed(value) : value;
    else
      return value;
  };
  for (unsigned lane = 0; lane < warpSize; ++lane)
    result |= uint32_t(Compare()(number(a[lane]), number(b[lane]))) << lane;
  return result;
}

using Comparison = uint32_t (*)(Warp &, const Inst &, bool);

template <class T, class Number = T> static Comparison byComparison(std::string_view name) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    for (std::string_view each : names)
      if (each == name)
        return true;
    return false;
  };
  constexpr bool integer = std::is_integral_v<T>;
  if (is({"eq"}))
    return compareLanes<T, Number, Equal<Number>>;
  if (is({"lt"}) || (integer && is({"lo"})))
    return compareLanes<T, Number, Less<Number>>;
  if (is({"le"}) || (integer && is({"ls"})))
    return compareLanes<T, Number, LessEqual<Number>>;
  if (is({"gt"}) || (integer && is({"hi"})))
    return compareLanes<T, Number, Greater<Number>>;
  if (is({"ge"}) || (integer && is({"hs"})))
    return compareLanes<T, Number, GreaterEqual<Number>>;
  if constexpr (integer) {
    return name == "ne" ? compareLanes<T, Number, NotEqual<Number>> : nullptr;
  } else { // the unordered forms are made of their opposites
    return name == "num" ? compareLanes<T, Number, Ordered<Number>> : nullptr;
  }
}

/// The comparison, and whether its result is to be inverted.
static Comparison findComparison(std::string_view name, std::string_view type, bool &inverted) {
  inverted = false;
  if (type[0] == 'f' || type == "bf16") {
    static const std::map<std::string_view, std::string_view> opposites = {
        {"neu", "eq"}, {"ltu", "ge"}, {"leu", "gt"}, {"gtu", "le"}, {"geu", "lt"}, {"nan", "num"}};
    if (const auto found = opposites.find(name); found != opposites.end()) {
      name = found->second;
      inverted = true;
    }
    // equ: not (a < b or a > b); ne: ordered and different. Both by the handler for pairs below.
    return type == "f32"    ? byComparison<float>(name)
           : type == "f64"  ? byComparison<double>(name)
           : type == "f16"  ? byComparison<Half, double>(name)
           : type == "bf16" ? byComparison<Brain, float>(name)
                            : nullptr;
  }
  return type == "u16" || type == "b16"   ? byComparison<uint16_t>(name)
         : type == "s16"                  ? byComparison<int16_t>(name)
         : type == "u32" || type == "b32" ? byComparison<uint32_t>(name)
         : type == "s32"                  ? byComparison<int32_t>(name)
         : type == "u64" || type == "b64" ? byComparison<uint64_t>(name)
         : type == "s64"                  ? byComparison<int64_t>(name)
                                          : nullptr;
}

enum Bool : uint8_t { None, And, Or, Xor };

static uint32_t combine(uint8_t how, uint32_t a, uint32_t c) {
  return how == And ? a & c : how == Or ? a | c : how == Xor ? a ^ c : a;
}

/// mode: [0] inverted | flush << 1, [1] Bool, [2] 1: an f32 result, 2: an integer one. list: the comparisons' index, q,
/// c.
static void compare(Warp &warp, const Inst &inst, uint32_t mask) {
  const int32_t *list = warp.list(inst);
  const bool flush = inst.mode[0] & 2;
  uint32_t holds = reinterpret_cast<Comparison>(inst.imm)(warp, inst, flush);
  if (inst.mode[0] & 4) // equ and ne: a second comparison
    holds |= reinterpret_cast<Comparison>(uint64_t(uint32_t(list[3])) | uint64_t(list[4]) << 32)(warp, inst, flush);
  if (inst.mode[0] & 1)
    holds = ~holds;
  const uint32_t c = list[1] < 0 ? 0 : warp.predicate(list[1]) ^ uint32_t(list[2]);
  const uint32_t result = combine(inst.mode[1], holds, c);
  if (inst.mode[2]) {
    const uint32_t one = inst.mode[2] == 1 ? std::bit_cast<uint32_t>(1.0f) : allLanes;
    forLanes(mask, [&](unsigned lane) { warp.lanes<uint32_t>(inst.d)[lane] = result >> lane & 1 ? one : 0; });
    return;
  }
  const uint32_t opposite = combine(inst.mode[1], ~holds, c);
  uint32_t &p = warp.predicate(inst.d);
  p = (p & ~mask) | (result & mask);
  if (list[0] >= 0) {
    uint32_t &q = warp.predicate(list[0]);
    q = (q & ~mask) | (opposite & mask);
  }
}

static bool decodeSet(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const bool toPredicate = ptx.parts[0] == "setp";
  const size_t types = toPredicate ? 1 : 2, count = ptx.parts.size();
  if (count < 2 + types)
    decoder.fail("a comparison or type is missing");
  decoder.operands(3, 4);
  std::string_view name = ptx.parts[1], type = ptx.type();
  for (size_t i = 2; i < count - types; ++i) {
    const std::string &part = ptx.parts[i];
    if (part == "ftz")
      inst.mode[0] |= 2;
    else if (part == "and" || part == "or" || part == "xor")
      inst.mode[1] = part == "and" ? And : part == "or" ? Or : Xor;
    else
      decoder.fail("'." + part + "' is not known to the interpreter");
  }
  const bool floating = type[0] == 'f' || type == "bf16";
  int32_t second[2] = {};
  bool inverted = false;
  if (floating && (name == "ne" || name == "equ")) { // ne: a < b or a > b; equ: the opposite
    inst.mode[0] |= 4 | (name == "equ");
    bool unused;
    const uint64_t greater = reinterpret_cast<uint64_t>(findComparison("gt", type, unused));
    second[0] = int32_t(uint32_t(greater));
    second[1] = int32_t(greater >> 32);
    name = "lt";
  }
  const Comparison comparison = findComparison(name, type, inverted);
  if (!comparison)
    decoder.fail("the comparison is not known to the interpreter");
  inst.imm = reinterpret_cast<uint64_t>(comparison);
  inst.mode[0] |= inverted;
  if (toPredicate) {
    inst.d = decoder.predicateTarget(ptx.operands[0]);
  } else {
    const std::string &result = ptx.parts[count - 2];
    if (result != "f32" && result != "u32" && result != "s32" && result != "b32")
      decoder.fail("the type of the result is not known to the interpreter");
    inst.mode[2] = result == "f32" ? 1 : 2;
    inst.d = decoder.target(ptx.operands[0], 4);
  }
  const unsigned bytes = typeBytes(type);
  inst.a = decoder.source(ptx.operands[1], bytes);
  inst.b = decoder.source(ptx.operands[2], bytes);
  const bool combined = ptx.operands.size() == 4;
  if (combined != (inst.mode[1] != None))
    decoder.fail("a predicate and how to combine it belong together");
  inst.list = decoder.list({ptx.operands[0].pair.empty() ? -1 : decoder.predicateTarget(ptx.operands[0].pair[0]),
                            combined ? decoder.predicate(ptx.operands[3]) : -1,
                            combined && ptx.operands[3].negated ? -1 : 0, second[0], second[1]});
  inst.run = compare;
  return true;
}

/// and, or, xor, not of predicates.
static void logic(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t a = warp.predicate(inst.a) ^ (inst.mode[0] & 1 ? allLanes : 0);
  const uint32_t b = warp.predicate(inst.b) ^ (inst.mode[0] & 2 ? allLanes : 0);
  uint32_t &d = warp.predicate(inst.d);
  d = (d & ~mask) | (combine(inst.mode[1], a, b) & mask);
}

bool decodeCompare(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  if (op == "setp" || op == "set")
    return decodeSet(decoder, ptx, inst);
  if (ptx.type() != "pred" || (op != "and" && op != "or" && op != "xor" && op != "not"))
    return false;
  decoder.only({"pred"});
  decoder.operands(op == "not" ? 2 : 3, op == "not" ? 2 : 3);
  inst.d = decoder.predicateTarget(ptx.operands[0]);
  inst.a = decoder.predicate(ptx.operands[1]);
  inst.b = op == "not" ? 1 : decoder.predicate(ptx.operands[2]);
  inst.mode[0] = (ptx.operands[1].negated != (op == "not")) | (op != "not" && ptx.operands[2].negated ? 2 : 0);
  inst.mode[1] = op == "and" ? And : op == "or" ? Or : op == "xor" ? Xor : None;
  inst.run = logic;
  return true;
}

} // namespace lathe::ptx
