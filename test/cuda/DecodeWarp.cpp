//===- DecodeWarp.cpp - what lanes and warps do together ----------------------------------------------------------===//
//
// shfl vote match redux elect activemask, bar. A value read from a lane that does not run is poison.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"

namespace lathe::ptx {

enum class Shuffle : uint8_t { Up, Down, Butterfly, Index };

/// d|p = a of another lane. b: which, c: the clamp and the segment; mode[0]: Shuffle; list[0]: p or -1.
static void shuffle(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t from[warpSize], out[warpSize] = {}, valid = 0;
  std::memcpy(from, warp.lanes<uint32_t>(inst.a), sizeof from);
  const uint32_t *bs = warp.lanes<uint32_t>(inst.b), *cs = warp.lanes<uint32_t>(inst.c);
  const Shuffle how = static_cast<Shuffle>(inst.mode[0]);
  forLanes(mask, [&](unsigned lane) {
    const uint32_t b = bs[lane] & 31, clamp = cs[lane] & 31, segment = cs[lane] >> 8 & 31;
    const int least = lane & segment, most = least | int(clamp & ~segment);
    int source = lane;
    bool in = true;
    switch (how) {
    case Shuffle::Up:
      in = (source = int(lane) - int(b)) >= most;
      break;
    case Shuffle::Down:
      in = (source = int(lane + b)) <= most;
      break;
    case Shuffle::Butterfly:
      in = (source = int(lane ^ b)) <= most;
      break;
    case Shuffle::Index:
      in = (source = least | int(b & ~segment)) <= most;
      break;
    }
    if (!in)
      source = lane;
    valid |= uint32_t(in) << lane;
    out[lane] = mask >> source & 1 ? from[source] : ~0u;
  });
  writeLanes(warp.lanes<uint32_t>(inst.d), out, mask);
  if (const int32_t p = warp.list(inst)[0]; p >= 0)
    warp.predicate(p) = (warp.predicate(p) & ~mask) | (valid & mask);
}

static void decodeShuffle(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"sync", "up", "down", "bfly", "idx", "b32"});
  decoder.operands(5, 5);
  if (ptx.parts.size() != 4 || ptx.parts[1] != "sync")
    decoder.fail("only shfl.sync is known to the interpreter");
  const std::string &how = ptx.parts[2];
  inst.mode[0] = static_cast<uint8_t>(how == "up"     ? Shuffle::Up
                                      : how == "down" ? Shuffle::Down
                                      : how == "bfly" ? Shuffle::Butterfly
                                                      : Shuffle::Index);
  inst.d = decoder.target(ptx.operands[0], 4);
  inst.list = decoder.list({ptx.operands[0].pair.empty() ? -1 : decoder.predicateTarget(ptx.operands[0].pair[0])});
  inst.a = decoder.source(ptx.operands[1], 4);
  inst.b = decoder.source(ptx.operands[2], 4);
  inst.c = decoder.source(ptx.operands[3], 4);
  inst.target = decoder.source(ptx.operands[4], 4);
  inst.flow = Flow::Together;
  inst.run = shuffle;
}

/// vote.sync.all/any/uni.pred p, {!}a, mask and vote.sync.ballot.b32 d, {!}a, mask. mode[0]: which; imm: a's flip.
static void vote(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t votes = (warp.predicate(inst.a) ^ uint32_t(inst.imm)) & mask;
  if (inst.mode[0] == 3) {
    forLanes(mask, [&](unsigned lane) { warp.lanes<uint32_t>(inst.d)[lane] = votes; });
    return;
  }
  const bool result = inst.mode[0] == 0 ? votes == mask : inst.mode[0] == 1 ? votes != 0 : votes == 0 || votes == mask;
  uint32_t &d = warp.predicate(inst.d);
  d = (d & ~mask) | (result ? mask : 0);
}

static void decodeVote(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"sync", "all", "any", "uni", "ballot", "pred", "b32"});
  decoder.operands(3, 3);
  if (ptx.parts.size() != 4 || ptx.parts[1] != "sync")
    decoder.fail("only vote.sync is known to the interpreter");
  const std::string &how = ptx.parts[2];
  inst.mode[0] = how == "all" ? 0 : how == "any" ? 1 : how == "uni" ? 2 : 3;
  inst.d = inst.mode[0] == 3 ? decoder.target(ptx.operands[0], 4) : decoder.predicateTarget(ptx.operands[0]);
  inst.a = decoder.predicate(ptx.operands[1]);
  inst.imm = ptx.operands[1].negated ? allLanes : 0;
  inst.target = decoder.source(ptx.operands[2], 4);
  inst.flow = Flow::Together;
  inst.run = vote;
}

/// match.any/all.sync.b32/b64 d[|p], a, mask
template <class S> static void match(Warp &warp, const Inst &inst, uint32_t mask) {
  const S *a = warp.lanes<S>(inst.a);
  uint32_t out[warpSize] = {}, all = mask;
  forLanes(mask, [&](unsigned lane) {
    forLanes(mask, [&](unsigned other) { out[lane] |= uint32_t(a[lane] == a[other]) << other; });
    if (out[lane] != mask)
      all = 0;
  });
  if (inst.mode[0])
    forLanes(mask, [&](unsigned lane) { out[lane] = all; });
  writeLanes(warp.lanes<uint32_t>(inst.d), out, mask);
  if (const int32_t p = warp.list(inst)[0]; p >= 0)
    warp.predicate(p) = (warp.predicate(p) & ~mask) | all;
}

static void decodeMatch(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"sync", "any", "all", "b32", "b64"});
  decoder.operands(3, 3);
  const bool wide = ptx.type() == "b64";
  inst.mode[0] = ptx.has("all");
  inst.d = decoder.target(ptx.operands[0], 4);
  inst.list = decoder.list({ptx.operands[0].pair.empty() ? -1 : decoder.predicateTarget(ptx.operands[0].pair[0])});
  inst.a = decoder.source(ptx.operands[1], wide ? 8 : 4);
  inst.target = decoder.source(ptx.operands[2], 4);
  inst.flow = Flow::Together;
  inst.run = wide ? match<uint64_t> : match<uint32_t>;
}

/// redux.sync.op.type d, a, mask
template <class T> static void reduce(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.lanes<uint32_t>(inst.a);
  T result = static_cast<T>(a[std::countr_zero(mask)]);
  forLanes(mask & (mask - 1), [&](unsigned lane) {
    const T value = static_cast<T>(a[lane]);
    switch (inst.mode[0]) {
    case 0:
      result = static_cast<T>(uint32_t(result) + uint32_t(value));
      break;
    case 1:
      result = std::min(result, value);
      break;
    case 2:
      result = std::max(result, value);
      break;
    case 3:
      result &= value;
      break;
    case 4:
      result |= value;
      break;
    default:
      result ^= value;
      break;
    }
  });
  forLanes(mask, [&](unsigned lane) { warp.lanes<uint32_t>(inst.d)[lane] = static_cast<uint32_t>(result); });
}

static void decodeReduce(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  decoder.only({"sync", "add", "min", "max", "and", "or", "xor", "u32", "s32", "b32"});
  decoder.operands(3, 3);
  static constexpr std::string_view names[] = {"add", "min", "max", "and", "or", "xor"};
  for (unsigned i = 0; i < std::size(names); ++i)
    if (ptx.has(names[i]))
      inst.mode[0] = i;
  inst.d = decoder.target(ptx.operands[0], 4);
  inst.a = decoder.source(ptx.operands[1], 4);
  inst.target = decoder.source(ptx.operands[2], 4);
  inst.flow = Flow::Together;
  inst.run = ptx.type() == "s32" ? reduce<int32_t> : reduce<uint32_t>;
}

/// bar.sync a[, b], barrier.cta.sync.aligned, bar.arrive, bar.warp.sync mask.
static bool decodeBarrier(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  if (ptx.parts[1] == "warp") {
    decoder.only({"warp", "sync"});
    decoder.operands(1, 1);
    inst.target = decoder.source(ptx.operands[0], 4);
    inst.flow = Flow::Together;
    inst.run = [](Warp &, const Inst &, uint32_t) {};
    return true;
  }
  decoder.only({"cta", "sync", "arrive", "aligned"});
  const bool arrives = ptx.has("arrive");
  decoder.operands(arrives ? 2 : 1, 2);
  inst.flow = Flow::Barrier;
  inst.mode[0] = !arrives;
  inst.mode[1] = ptx.operands.size() == 2;
  inst.a = decoder.source(ptx.operands[0], 4);
  if (inst.mode[1])
    inst.b = decoder.source(ptx.operands[1], 4);
  return true;
}

bool decodeWarp(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  if (op == "shfl") {
    decodeShuffle(decoder, ptx, inst);
  } else if (op == "vote") {
    decodeVote(decoder, ptx, inst);
  } else if (op == "match") {
    decodeMatch(decoder, ptx, inst);
  } else if (op == "redux") {
    decodeReduce(decoder, ptx, inst);
  } else if ((op == "bar" || op == "barrier") && ptx.parts.size() > 1) {
    return decodeBarrier(decoder, ptx, inst);
  } else if (op == "activemask") {
    decoder.operands(1, 1);
    inst.d = decoder.target(ptx.operands[0], 4);
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      forLanes(mask, [&](unsigned lane) { warp.lanes<uint32_t>(inst.d)[lane] = mask; });
    };
  } else if (op == "elect") { // elect.sync d|p, mask
    decoder.operands(2, 2);
    inst.d = decoder.target(ptx.operands[0], 4);
    inst.a = decoder.predicateTarget(ptx.operands[0].pair.empty() ? PtxOperand() : ptx.operands[0].pair[0]);
    inst.target = decoder.source(ptx.operands[1], 4);
    inst.flow = Flow::Together;
    inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
      const uint32_t leader = std::countr_zero(mask);
      forLanes(mask, [&](unsigned lane) { warp.lanes<uint32_t>(inst.d)[lane] = leader; });
      uint32_t &p = warp.predicate(inst.a);
      p = (p & ~mask) | 1u << leader;
    };
  } else {
    return false;
  }
  return true;
}

} // namespace lathe::ptx
