//===- DecodeMove.cpp - mov, selp, slct, addresses of spaces, and what has no effect here -------------------------===//
//
// mov packs and unpacks vectors. cvta and isspacep know the windows of Program.h; .const is global memory.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"
#include <chrono>

namespace lathe::ptx {

template <class S> static void copyLanes(Warp &warp, const Inst &inst, uint32_t mask) {
  S values[warpSize];
  std::memcpy(values, warp.lanes<S>(inst.a), sizeof values);
  writeLanes(warp.lanes<S>(inst.d), values, mask);
}

/// d = {parts}: imm of them, each of mode[0] bits, whose slots are lists[list...].
template <class S> static void pack(Warp &warp, const Inst &inst, uint32_t mask);
template <class S> static void unpack(Warp &warp, const Inst &inst, uint32_t mask);

static uint64_t readSlot(Warp &warp, int32_t slot, unsigned lane, unsigned bits) {
  const uint64_t value = bits == 64 ? warp.lanes<uint64_t>(slot)[lane] : warp.lanes<uint32_t>(slot)[lane];
  return bits == 64 ? value : value & ((uint64_t(1) << bits) - 1);
}

template <class S> void pack(Warp &warp, const Inst &inst, uint32_t mask) {
  S out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    uint64_t value = 0;
    for (unsigned i = 0; i < inst.imm; ++i)
      value |= readSlot(warp, warp.list(inst)[i], lane, inst.mode[0]) << (i * inst.mode[0]);
    out[lane] = value;
  }
  writeLanes(warp.lanes<S>(inst.d), out, mask);
}

template <class S> void unpack(Warp &warp, const Inst &inst, uint32_t mask) {
  S from[warpSize];
  std::memcpy(from, warp.lanes<S>(inst.a), sizeof from);
  const unsigned bits = inst.mode[0];
  for (unsigned i = 0; i < inst.imm; ++i) {
    uint32_t out[warpSize];
    for (unsigned lane = 0; lane < warpSize; ++lane)
      out[lane] = uint64_t(from[lane]) >> (i * bits) & ((uint64_t(1) << bits) - 1);
    writeLanes(warp.lanes<uint32_t>(warp.list(inst)[i]), out, mask);
  }
}

static bool decodeMov(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.operands(2, 2);
  if (ptx.parts.size() != 2)
    decoder.fail("mov takes a type alone");
  const PtxOperand &to = ptx.operands[0], &from = ptx.operands[1];
  if (ptx.type() == "pred") {
    inst.d = decoder.predicateTarget(to);
    inst.a = decoder.predicate(from);
    inst.imm = from.negated ? allLanes : 0;
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      uint32_t &d = warp.predicate(inst.d);
      d = (d & ~mask) | ((warp.predicate(inst.a) ^ uint32_t(inst.imm)) & mask);
    };
    return true;
  }
  const unsigned bytes = typeBytes(ptx.type());
  if (!bytes || bytes > 8)
    decoder.fail("the type is not known to the interpreter");
  const PtxOperand *vector = to.kind == PtxOperand::Vector ? &to : from.kind == PtxOperand::Vector ? &from : nullptr;
  if (vector) {
    inst.imm = vector->parts.size();
    inst.mode[0] = bytes * 8 / inst.imm;
    if (inst.imm < 2 || (inst.mode[0] != 8 && inst.mode[0] != 16 && inst.mode[0] != 32))
      decoder.fail("such a vector is not known to the interpreter");
    std::vector<int32_t> parts;
    for (const PtxOperand &part : vector->parts)
      parts.push_back(vector == &to ? decoder.target(part, inst.mode[0] / 8) : decoder.source(part, inst.mode[0] / 8));
    inst.list = decoder.list(parts);
    if (vector == &to) {
      inst.a = decoder.source(from, bytes);
      inst.run = bytes == 8 ? unpack<uint64_t> : unpack<uint32_t>;
    } else {
      inst.d = decoder.target(to, bytes);
      inst.run = bytes == 8 ? pack<uint64_t> : pack<uint32_t>;
    }
    return true;
  }
  inst.d = decoder.target(to, bytes);
  if (from.name == "%clock" || from.name == "%clock64" || from.name == "%globaltimer" || from.name == "%clock_hi") {
    inst.mode[0] = bytes == 8;
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      const uint64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
      forLanes(mask, [&](unsigned lane) {
        if (inst.mode[0])
          warp.lanes<uint64_t>(inst.d)[lane] = now;
        else
          warp.lanes<uint32_t>(inst.d)[lane] = now;
      });
    };
    return true;
  }
  inst.a = decoder.source(from, bytes);
  inst.run = bytes == 8 ? copyLanes<uint64_t> : copyLanes<uint32_t>;
  return true;
}

/// selp.type d, a, b, p
template <class S> static void select(Warp &warp, const Inst &inst, uint32_t mask) {
  const S *a = warp.lanes<S>(inst.a), *b = warp.lanes<S>(inst.b);
  const uint32_t chosen = warp.predicate(inst.c) ^ uint32_t(inst.imm);
  S out[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane)
    out[lane] = chosen >> lane & 1 ? a[lane] : b[lane];
  writeLanes(warp.lanes<S>(inst.d), out, mask);
}

static uint64_t window(Decoder &decoder, const PtxInstruction &ptx) {
  const bool shared = ptx.has("shared") || ptx.has("shared::cta");
  if (ptx.has("param") || ptx.has("param::entry"))
    return decoder.parameterSpace() == Space::Local ? localWindow : paramWindow;
  return shared ? sharedWindow : ptx.has("local") ? localWindow : 0;
}

static void decodeCvta(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"to", "global", "shared", "shared::cta", "local", "const", "param", "param::entry", "u64", "u32"});
  decoder.operands(2, 2);
  if (ptx.type() != "u64")
    decoder.fail("generic addresses have 64 bits");
  inst.d = decoder.target(ptx.operands[0], 8);
  inst.a = decoder.source(ptx.operands[1], 8);
  // The bits of a window are the same in all its addresses.
  inst.imm = window(decoder, ptx);
  if (ptx.parts[1] == "to")
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      unary<uint64_t, uint64_t>(warp, inst, mask, [&](uint64_t a) { return a - inst.imm; });
    };
  else
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      unary<uint64_t, uint64_t>(warp, inst, mask, [&](uint64_t a) { return a + inst.imm; });
    };
}

static void decodeIsspacep(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"global", "shared", "shared::cta", "local", "const", "param", "param::entry"});
  decoder.operands(2, 2);
  inst.d = decoder.predicateTarget(ptx.operands[0]);
  inst.a = decoder.source(ptx.operands[1], 8);
  inst.imm = window(decoder, ptx);
  inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
    const uint64_t *a = warp.lanes<uint64_t>(inst.a);
    const uint64_t begin = inst.imm ? inst.imm : globalWindow, end = inst.imm ? begin + windowBytes : sharedWindow;
    uint32_t is = 0;
    for (unsigned lane = 0; lane < warpSize; ++lane)
      is |= uint32_t(a[lane] >= begin && a[lane] < end) << lane;
    uint32_t &d = warp.predicate(inst.d);
    d = (d & ~mask) | (is & mask);
  };
}

bool decodeMove(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  const auto nothing = [](Warp &, const Inst &, uint32_t) {};
  if (op == "mov") {
    return decodeMov(decoder, ptx, inst);
  } else if (op == "selp" || op == "slct") {
    decoder.operands(4, 4);
    const unsigned bytes = typeBytes(ptx.parts[1]);
    if (!bytes || bytes > 8)
      decoder.fail("the type is not known to the interpreter");
    inst.d = decoder.target(ptx.operands[0], bytes);
    inst.a = decoder.source(ptx.operands[1], bytes);
    inst.b = decoder.source(ptx.operands[2], bytes);
    if (op == "slct") { // d = c >= 0 ? a : b
      decoder.only({ptx.parts[1], "s32"});
      inst.c = decoder.source(ptx.operands[3], 4);
      inst.run = bytes == 8 ? Handler([](Warp &warp, const Inst &inst, uint32_t mask) {
        ternary<uint64_t, uint64_t, uint64_t, int32_t>(
            warp, inst, mask, [](uint64_t a, uint64_t b, int32_t c) { return c >= 0 ? a : b; });
      })
                            : Handler([](Warp &warp, const Inst &inst, uint32_t mask) {
                                ternary<uint32_t, uint32_t, uint32_t, int32_t>(
                                    warp, inst, mask, [](uint32_t a, uint32_t b, int32_t c) { return c >= 0 ? a : b; });
                              });
      return true;
    }
    if (ptx.parts.size() != 2)
      decoder.fail("selp takes a type alone");
    inst.c = decoder.predicate(ptx.operands[3]);
    inst.imm = ptx.operands[3].negated ? allLanes : 0;
    inst.run = bytes == 8 ? select<uint64_t> : select<uint32_t>;
  } else if (op == "cvta") {
    decodeCvta(decoder, ptx, inst);
  } else if (op == "isspacep") {
    decodeIsspacep(decoder, ptx, inst);
  } else if (op == "griddepcontrol") { // launches of a stream run one after the other
    decoder.only({"wait", "launch_dependents"});
    inst.run = nothing;
  } else if (op == "prefetch" || op == "prefetchu" || op == "applypriority" || op == "pmevent" || op == "setmaxnreg") {
    inst.run = nothing;
  } else if (op == "createpolicy") {
    inst.d = decoder.target(ptx.operands[0], 8);
    inst.a = decoder.constant(0, 8);
    inst.run = copyLanes<uint64_t>;
  } else if (op == "nanosleep") {
    inst.flow = Flow::Yield;
    inst.run = nothing;
  } else {
    return false;
  }
  return true;
}

} // namespace lathe::ptx
