//===- DecodeHalf.cpp - f16, bf16 and pairs of them ---------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

static double decoded(Half value) { return decodeHalf(value); }
static double decoded(Brain value) { return decodeBrain(value); }
template <class H> static H encoded(double value) {
  if constexpr (std::is_same_v<H, Half>)
    return roundToHalf(narrowToOdd(value));
  else
    return roundToBrain(narrowToOdd(value));
}

// In double; what is not exact there is rounded to odd.
struct HAdd {
  double operator()(double a, double b) const { return addToOdd(a, b); }
};
struct HSub {
  double operator()(double a, double b) const { return addToOdd(a, -b); }
};
struct HMul {
  double operator()(double a, double b) const { return a * b; }
};
struct HFma {
  double operator()(double a, double b, double c) const { return addToOdd(a * b, c); }
};
struct HFmaRelu {
  double operator()(double a, double b, double c) const {
    const double x = addToOdd(a * b, c);
    return x < 0 ? 0 : x;
  }
};
struct HMin {
  double operator()(double a, double b) const { return minimum(a, b, false); }
};
struct HMax {
  double operator()(double a, double b) const { return maximum(a, b, false); }
};
struct HMinNan {
  double operator()(double a, double b) const { return minimum(a, b, true); }
};
struct HMaxNan {
  double operator()(double a, double b) const { return maximum(a, b, true); }
};
struct HNeg {
  double operator()(double a) const { return -a; }
};
struct HAbs {
  double operator()(double a) const { return std::fabs(a); }
};
struct HEx2 {
  double operator()(double a) const { return std::exp2(float(a)); }
};
struct HTanh {
  double operator()(double a) const { return std::tanh(float(a)); }
};

template <class H, class Op, int N, bool Pair> static void run(Warp &warp, const Inst &inst, uint32_t mask) {
  const auto one = [](auto... x) -> uint32_t { return encoded<H>(Op()(decoded(H{uint16_t(x)})...)).bits; };
  const auto f = [&](auto... x) -> uint32_t {
    if constexpr (Pair)
      return one(x...) | one((x >> 16)...) << 16;
    else
      return one(x...);
  };
  if constexpr (N == 1)
    unary<uint32_t, uint32_t>(warp, inst, mask, f);
  else if constexpr (N == 2)
    binary<uint32_t, uint32_t>(warp, inst, mask, f);
  else
    ternary<uint32_t, uint32_t>(warp, inst, mask, f);
}

template <class Op, int N> static Handler handler(std::string_view type) {
  return type == "f16"      ? run<Half, Op, N, false>
         : type == "f16x2"  ? run<Half, Op, N, true>
         : type == "bf16"   ? run<Brain, Op, N, false>
         : type == "bf16x2" ? run<Brain, Op, N, true>
                            : nullptr;
}

static Handler find(const std::string &op, std::string_view how, std::string_view type, size_t &count) {
  const bool near = how.empty() || how == "rn";
  count = 2;
  if (op == "add" && near)
    return handler<HAdd, 2>(type);
  if (op == "sub" && near)
    return handler<HSub, 2>(type);
  if (op == "mul" && near)
    return handler<HMul, 2>(type);
  if (op == "min" && (how.empty() || how == "NaN"))
    return how.empty() ? handler<HMin, 2>(type) : handler<HMinNan, 2>(type);
  if (op == "max" && (how.empty() || how == "NaN"))
    return how.empty() ? handler<HMax, 2>(type) : handler<HMaxNan, 2>(type);
  count = 3;
  if (op == "fma" && how == "rn")
    return handler<HFma, 3>(type);
  if (op == "fma" && how == "rnrelu")
    return handler<HFmaRelu, 3>(type);
  count = 1;
  return op == "neg" && how.empty()        ? handler<HNeg, 1>(type)
         : op == "abs" && how.empty()      ? handler<HAbs, 1>(type)
         : op == "ex2" && how == "approx"  ? handler<HEx2, 1>(type)
         : op == "tanh" && how == "approx" ? handler<HTanh, 1>(type)
                                           : nullptr;
}

bool decodeHalfFloat(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string_view type = ptx.type();
  if (type != "f16" && type != "bf16" && type != "f16x2" && type != "bf16x2")
    return false;
  std::string how;
  for (size_t i = 1; i + 1 < ptx.parts.size(); ++i)
    if (ptx.parts[i] != "ftz" || type[0] == 'f') // of ex2.approx.ftz.bf16: bf16 flushes nothing that f32 does not
      how += ptx.parts[i];
  size_t count = 0;
  const Handler run = find(ptx.parts[0], how, type, count);
  if (!run)
    return false;
  decoder.operands(count + 1, count + 1);
  const unsigned bytes = typeBytes(type);
  inst.d = decoder.target(ptx.operands[0], bytes);
  inst.a = decoder.source(ptx.operands[1], bytes);
  if (count > 1)
    inst.b = decoder.source(ptx.operands[2], bytes);
  if (count > 2)
    inst.c = decoder.source(ptx.operands[3], bytes);
  inst.run = run;
  return true;
}

} // namespace lathe::ptx
