//===- DecodeConvert.cpp - cvt ------------------------------------------------------------------------------------===//
//
// cvt[.rounding][.ftz][.sat].to.from d, a. From a float to an integer the value is rounded, then clamped; NaN gives 0.
// From a float to one of fewer bits it is rounded once, from any source exactly, but for 64-bit integers to f16 and
// bf16.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"
#include <utility>

namespace lathe::ptx {

enum class Integral : uint8_t { No, Near, Zero, Down, Up }; // .rni .rzi .rmi .rpi
enum : uint8_t { Flush = 1, Saturate = 2 };

template <class T> inline constexpr bool isFloating = !std::is_integral_v<T>;
template <class T> using Exact = std::conditional_t<isFloating<T>, double, T>; ///< holds any T

template <class S> static Exact<S> exactly(S value, unsigned flags) {
  if constexpr (std::is_same_v<S, Half>)
    return decodeHalf(value);
  else if constexpr (std::is_same_v<S, Brain>)
    return decodeBrain(value);
  else if constexpr (std::is_same_v<S, float>)
    return flags & Flush ? flushed(value) : value;
  else
    return value;
}

static double rounded(double value, Integral how) {
  switch (how) {
  case Integral::Near:
    return std::nearbyint(value);
  case Integral::Zero:
    return std::trunc(value);
  case Integral::Down:
    return std::floor(value);
  case Integral::Up:
    return std::ceil(value);
  case Integral::No:
    break;
  }
  return value;
}

template <class D, class S> static D convertOne(S from, const Inst &inst) {
  const Integral integral = static_cast<Integral>(inst.mode[0]);
  const Rounding rounding = static_cast<Rounding>(inst.mode[1]);
  const unsigned flags = inst.mode[2];
  if constexpr (!isFloating<S> && !isFloating<D>) {
    if (flags & Saturate) {
      using L = std::numeric_limits<D>;
      return std::cmp_less(from, L::min()) ? L::min() : std::cmp_greater(from, L::max()) ? L::max() : D(from);
    }
    return static_cast<D>(from);
  } else if constexpr (!isFloating<D>) { // a float to an integer
    const double value = rounded(exactly(from, flags), integral);
    using L = std::numeric_limits<D>;
    if (value != value)
      return 0;
    return value < double(L::min())                                                  ? L::min()
           : value >= (sizeof(D) == 8 ? 2.0 * (L::max() / 2 + 1) : double(L::max())) ? L::max()
                                                                                     : static_cast<D>(value);
  } else {
    double value = 0;
    if constexpr (!isFloating<S> && std::is_same_v<D, float>) {
      if (rounding == Rounding::NearestEven)
        return static_cast<float>(from); // rounded once, also from 64 bits
    }
    value = static_cast<double>(exactly(from, flags));
    if (integral != Integral::No)
      value = rounded(value, integral);
    if (flags & Saturate)
      value = value > 0 ? (value < 1 ? value : 1) : 0;
    if constexpr (std::is_same_v<D, double>)
      return value;
    else if constexpr (std::is_same_v<D, float>) {
      const float result = rounding == Rounding::NearestEven
                               ? static_cast<float>(value)
                               : std::bit_cast<float>(uint32_t(encodeFloat(value, 8, 23, rounding)));
      return flags & Flush ? flushed(result) : result;
    } else if constexpr (std::is_same_v<D, Half>)
      return encodeHalf(value, rounding);
    else
      return encodeBrain(value, rounding);
  }
}

template <class D, class S> static void convert(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<D, S>(warp, inst, mask, [&](S from) { return convertOne<D, S>(from, inst); });
}

// The ones that kernels are full of, as vector code.
static void brainToFloat(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<float, uint32_t>(warp, inst, mask, [](uint32_t a) { return std::bit_cast<float>(a << 16); });
}
static void halfToFloat(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<float, Half>(warp, inst, mask, decodeHalf);
}
static void floatToBrain(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<Brain, float>(warp, inst, mask, roundToBrain);
}
static void floatToHalf(Warp &warp, const Inst &inst, uint32_t mask) {
  unary<Half, float>(warp, inst, mask, roundToHalf);
}

template <class D> static Handler from(std::string_view type) {
  return type == "u8"     ? convert<D, uint8_t>
         : type == "s8"   ? convert<D, int8_t>
         : type == "u16"  ? convert<D, uint16_t>
         : type == "s16"  ? convert<D, int16_t>
         : type == "u32"  ? convert<D, uint32_t>
         : type == "s32"  ? convert<D, int32_t>
         : type == "u64"  ? convert<D, uint64_t>
         : type == "s64"  ? convert<D, int64_t>
         : type == "f16"  ? convert<D, Half>
         : type == "bf16" ? convert<D, Brain>
         : type == "f32"  ? convert<D, float>
         : type == "f64"  ? convert<D, double>
                          : nullptr;
}

static Handler find(std::string_view to, std::string_view type) {
  return to == "u8"     ? from<uint8_t>(type)
         : to == "s8"   ? from<int8_t>(type)
         : to == "u16"  ? from<uint16_t>(type)
         : to == "s16"  ? from<int16_t>(type)
         : to == "u32"  ? from<uint32_t>(type)
         : to == "s32"  ? from<int32_t>(type)
         : to == "u64"  ? from<uint64_t>(type)
         : to == "s64"  ? from<int64_t>(type)
         : to == "f16"  ? from<Half>(type)
         : to == "bf16" ? from<Brain>(type)
         : to == "f32"  ? from<float>(type)
         : to == "f64"  ? from<double>(type)
                        : nullptr;
}

/// cvt.rn.f16x2.f32 d, a, b: a is the upper half.
static Handler findPair(std::string_view to, const Inst &inst, bool relu) {
  if (static_cast<Rounding>(inst.mode[1]) == Rounding::NearestEven && !relu)
    return to == "bf16x2" ? Handler([](Warp &w, const Inst &i, uint32_t m) {
      binary<uint32_t, float>(
          w, i, m, [](float a, float b) { return uint32_t(roundToBrain(a).bits) << 16 | roundToBrain(b).bits; });
    })
                          : Handler([](Warp &w, const Inst &i, uint32_t m) {
                              binary<uint32_t, float>(w, i, m, [](float a, float b) {
                                return uint32_t(roundToHalf(a).bits) << 16 | roundToHalf(b).bits;
                              });
                            });
  return to == "bf16x2" ? Handler([](Warp &w, const Inst &i, uint32_t m) {
    binary<uint32_t, float>(w, i, m, [&](float a, float b) {
      const auto one = [&](float x) -> uint32_t {
        return encodeBrain(i.imm && x < 0 ? 0 : x, Rounding(i.mode[1])).bits;
      };
      return one(a) << 16 | one(b);
    });
  })
                        : Handler([](Warp &w, const Inst &i, uint32_t m) {
                            binary<uint32_t, float>(w, i, m, [&](float a, float b) {
                              const auto one = [&](float x) -> uint32_t {
                                return encodeHalf(i.imm && x < 0 ? 0 : x, Rounding(i.mode[1])).bits;
                              };
                              return one(a) << 16 | one(b);
                            });
                          });
}

bool decodeConvert(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  if (ptx.parts[0] != "cvt" || ptx.parts.size() < 3)
    return false;
  const std::string_view type = ptx.type(), to = ptx.parts[ptx.parts.size() - 2];
  bool rounding = false;
  for (size_t i = 1; i + 2 < ptx.parts.size(); ++i) {
    const std::string &part = ptx.parts[i];
    static const std::map<std::string_view, Integral> integrals = {
        {"rni", Integral::Near}, {"rzi", Integral::Zero}, {"rmi", Integral::Down}, {"rpi", Integral::Up}};
    static const std::map<std::string_view, Rounding> roundings = {{"rn", Rounding::NearestEven},
                                                                   {"rz", Rounding::Zero},
                                                                   {"rm", Rounding::Down},
                                                                   {"rp", Rounding::Up},
                                                                   {"rna", Rounding::NearestAway}};
    if (const auto found = integrals.find(part); found != integrals.end())
      inst.mode[0] = static_cast<uint8_t>(found->second);
    else if (const auto found = roundings.find(part); found != roundings.end())
      inst.mode[1] = static_cast<uint8_t>(found->second), rounding = true;
    else if (part == "ftz")
      inst.mode[2] |= Flush;
    else if (part == "sat")
      inst.mode[2] |= Saturate;
    else if (part == "relu")
      inst.imm = 1;
    else
      decoder.fail("'." + part + "' is not known to the interpreter");
  }
  if (to == "f16x2" || to == "bf16x2") {
    if (type != "f32" || !rounding)
      return false;
    decoder.operands(3, 3);
    inst.run = findPair(to, inst, inst.imm);
    inst.b = decoder.source(ptx.operands[2], 4);
  } else if (to == "tf32") {
    if (type != "f32" || !rounding || inst.imm)
      return false;
    decoder.operands(2, 2);
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      unary<uint32_t, float>(warp, inst, mask,
                             [&](float a) { return uint32_t(encodeFloat(a, 8, 10, Rounding(inst.mode[1]))) << 13; });
    };
  } else {
    if (inst.imm)
      return false;
    decoder.operands(2, 2);
    const bool plain = !inst.mode[0] && !inst.mode[1] && !inst.mode[2];
    inst.run = find(to, type);
    if (plain && to == "f32" && type == "bf16")
      inst.run = brainToFloat;
    else if (plain && to == "f32" && type == "f16")
      inst.run = halfToFloat;
    else if (plain && to == "bf16" && type == "f32")
      inst.run = floatToBrain;
    else if (plain && to == "f16" && type == "f32")
      inst.run = floatToHalf;
  }
  if (!inst.run)
    return false;
  const auto floating = [](std::string_view type) { return type[0] == 'f' || type == "bf16"; };
  if (floating(type) && !floating(to) && to != "tf32" && to != "bf16x2" && !inst.mode[0])
    decoder.fail("how to round to an integer is missing");
  inst.d = decoder.target(ptx.operands[0], typeBytes(to));
  inst.a = decoder.lowSource(ptx.operands[1], typeBytes(type));
  return true;
}

} // namespace lathe::ptx
