//===- DecodeFloat.cpp - f32 and f64 ------------------------------------------------------------------------------===//
//
// The approximate functions (ex2.approx, rcp.approx, tanh.approx, ...) are the host's, more exact than the hardware's
// 2^-22 (tanh 2^-11): who compares must allow for the hardware. Of rounding modes only .rn is known; .ftz and .sat are.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

struct FAdd {
  template <class T> T operator()(T a, T b) const { return a + b; }
};
struct FSub {
  template <class T> T operator()(T a, T b) const { return a - b; }
};
struct FMul {
  template <class T> T operator()(T a, T b) const { return a * b; }
};
struct FDiv {
  template <class T> T operator()(T a, T b) const { return a / b; }
};
struct FFma {
  template <class T> T operator()(T a, T b, T c) const { return std::fma(a, b, c); }
};
struct FMin {
  template <class T> T operator()(T a, T b) const { return minimum(a, b, false); }
};
struct FMax {
  template <class T> T operator()(T a, T b) const { return maximum(a, b, false); }
};
struct FMinNan {
  template <class T> T operator()(T a, T b) const { return minimum(a, b, true); }
};
struct FMaxNan {
  template <class T> T operator()(T a, T b) const { return maximum(a, b, true); }
};
struct FNeg {
  template <class T> T operator()(T a) const { return -a; }
};
struct FAbs {
  template <class T> T operator()(T a) const { return std::fabs(a); }
};
struct FRcp {
  template <class T> T operator()(T a) const { return 1 / a; }
};
struct FSqrt {
  template <class T> T operator()(T a) const { return std::sqrt(a); }
};
struct FRsqrt {
  template <class T> T operator()(T a) const { return 1 / std::sqrt(a); }
};
struct FEx2 {
  template <class T> T operator()(T a) const { return std::exp2(a); }
};
struct FLg2 {
  template <class T> T operator()(T a) const { return std::log2(a); }
};
struct FSin {
  template <class T> T operator()(T a) const { return std::sin(a); }
};
struct FCos {
  template <class T> T operator()(T a) const { return std::cos(a); }
};
struct FTanh {
  template <class T> T operator()(T a) const { return std::tanh(a); }
};
struct FCopysign {
  template <class T> T operator()(T a, T b) const { return std::copysign(b, a); }
}; // b with a's sign

enum : uint8_t { Flush = 1, Saturate = 2 };

template <class T, class Op, int N, bool Modified> static void run(Warp &warp, const Inst &inst, uint32_t mask) {
  const unsigned flags = inst.mode[0];
  const auto f = [&](auto... x) -> T {
    if constexpr (!Modified) {
      return Op()(x...);
    } else {
      T result = flags & Flush ? flushed(Op()(flushed(x)...)) : Op()(x...);
      if (flags & Saturate) // NaN becomes +0
        result = result > 0 ? (result < 1 ? result : 1) : 0;
      return result;
    }
  };
  if constexpr (N == 1)
    unary<T, T>(warp, inst, mask, f);
  else if constexpr (N == 2)
    binary<T, T>(warp, inst, mask, f);
  else
    ternary<T, T>(warp, inst, mask, f);
}

template <class Op, int N> static Handler handler(std::string_view type, unsigned flags) {
  if (type == "f64")
    return flags ? nullptr : run<double, Op, N, false>;
  return flags ? run<float, Op, N, true> : run<float, Op, N, false>;
}

/// The function of these modifiers; sets how many sources it has.
static Handler find(const std::string &op, std::string_view how, std::string_view type, unsigned flags, size_t &count) {
  const bool exact = how == "rn", near = how.empty() || exact, single = type == "f32";
  count = 2;
  if (op == "add" && near)
    return handler<FAdd, 2>(type, flags);
  if (op == "sub" && near)
    return handler<FSub, 2>(type, flags);
  if (op == "mul" && near)
    return handler<FMul, 2>(type, flags);
  if (op == "div" && (exact || (single && (how == "full" || how == "approx"))))
    return handler<FDiv, 2>(type, flags);
  if (op == "min" && (how.empty() || how == "NaN"))
    return how.empty() ? handler<FMin, 2>(type, flags) : handler<FMinNan, 2>(type, flags);
  if (op == "max" && (how.empty() || how == "NaN"))
    return how.empty() ? handler<FMax, 2>(type, flags) : handler<FMaxNan, 2>(type, flags);
  if (op == "copysign" && how.empty())
    return handler<FCopysign, 2>(type, flags);
  count = 3;
  if ((op == "fma" || op == "mad") && exact)
    return handler<FFma, 3>(type, flags);
  count = 1;
  if (op == "neg" && how.empty())
    return handler<FNeg, 1>(type, flags);
  if (op == "abs" && how.empty())
    return handler<FAbs, 1>(type, flags);
  if (op == "rcp" && (exact || how == "approx"))
    return handler<FRcp, 1>(type, type == "f64" ? 0 : flags);
  if (op == "sqrt" && (exact || how == "approx"))
    return handler<FSqrt, 1>(type, flags);
  if (op == "rsqrt" && how == "approx")
    return handler<FRsqrt, 1>(type, type == "f64" ? 0 : flags);
  if (!single || how != "approx")
    return nullptr;
  return op == "ex2"    ? handler<FEx2, 1>(type, flags)
         : op == "lg2"  ? handler<FLg2, 1>(type, flags)
         : op == "sin"  ? handler<FSin, 1>(type, flags)
         : op == "cos"  ? handler<FCos, 1>(type, flags)
         : op == "tanh" ? handler<FTanh, 1>(type, flags)
                        : nullptr;
}

/// testp.class.type p, a
static bool decodeTest(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  static constexpr std::string_view classes[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  decoder.only({"finite", "infinite", "number", "notanumber", "normal", "subnormal", "f32", "f64"});
  decoder.operands(2, 2);
  while (inst.mode[0] < 5 && ptx.parts[1] != classes[inst.mode[0]])
    ++inst.mode[0];
  inst.mode[1] = ptx.type() == "f64";
  inst.d = decoder.predicateTarget(ptx.operands[0]);
  inst.a = decoder.source(ptx.operands[1], typeBytes(ptx.type()));
  inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
    uint32_t is = 0;
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      const double value = inst.mode[1] ? warp.lanes<double>(inst.a)[lane] : warp.lanes<float>(inst.a)[lane];
      const int kind = inst.mode[1] ? std::fpclassify(value) : std::fpclassify(float(value));
      const bool holds[] = {kind != FP_NAN && kind != FP_INFINITE,
                            kind == FP_INFINITE,
                            kind != FP_NAN,
                            kind == FP_NAN,
                            kind == FP_NORMAL,
                            kind == FP_SUBNORMAL};
      is |= uint32_t(holds[inst.mode[0]]) << lane;
    }
    uint32_t &d = warp.predicate(inst.d);
    d = (d & ~mask) | (is & mask);
  };
  return true;
}

bool decodeFloat(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  const std::string_view type = ptx.type();
  if (op == "testp")
    return decodeTest(decoder, ptx, inst);
  if ((type != "f32" && type != "f64") || ptx.parts.size() < 2)
    return false;
  std::string how;
  for (size_t i = 1; i + 1 < ptx.parts.size(); ++i)
    if (ptx.parts[i] == "ftz")
      inst.mode[0] |= Flush;
    else if (ptx.parts[i] == "sat")
      inst.mode[0] |= Saturate;
    else
      how += ptx.parts[i];
  size_t count = 0;
  const Handler run = find(op, how, type, inst.mode[0], count);
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
