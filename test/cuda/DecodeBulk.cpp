//===- DecodeBulk.cpp - mbarriers and bulk copies -----------------------------------------------------------------===//
//
// A bulk copy to shared memory poisons its target when it begins, and lands when a wait asks its mbarrier: what is read
// without that wait is NaN. The barrier's phase ends when all arrivals and all bytes that were expected have come.
// Stores of bulk copies (shared to global) happen at once.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"

namespace lathe::ptx {

static MemoryBarrier &barrierAt(Warp &warp, uint64_t address, unsigned lane) {
  const uint8_t *at = resolveShared(warp, address, 8, lane);
  const auto found = warp.block->memoryBarriers.find(at - warp.block->shared.data());
  if (found == warp.block->memoryBarriers.end())
    throw Fault{CUDA_ERROR_LAUNCH_FAILED, "there is no mbarrier at this address", int(lane)};
  return found->second;
}

static void endPhase(Warp &warp, MemoryBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.pending = barrier.count;
  ++barrier.phase;
  warp.block->progress = true;
}

/// b: the count of arrivals.
static void initialize(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *addresses = warp.lanes<uint64_t>(inst.a);
  forLanes(mask, [&](unsigned lane) {
    const uint8_t *at = resolveShared(warp, addresses[lane], 8, lane);
    MemoryBarrier barrier;
    barrier.count = barrier.pending = warp.lanes<uint32_t>(inst.b)[lane];
    warp.block->memoryBarriers[at - warp.block->shared.data()] = barrier;
  });
}

static void invalidate(Warp &warp, const Inst &inst, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) {
    const uint8_t *at = resolveShared(warp, warp.lanes<uint64_t>(inst.a)[lane], 8, lane);
    warp.block->memoryBarriers.erase(at - warp.block->shared.data());
  });
}

/// d: the phase (or -1 in mode[1]: nobody's). b: bytes that are expected, c: arrivals.
static void arriveAt(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *addresses = warp.lanes<uint64_t>(inst.a);
  forLanes(mask, [&](unsigned lane) {
    MemoryBarrier &barrier = barrierAt(warp, addresses[lane], lane);
    const uint32_t arrivals = warp.lanes<uint32_t>(inst.c)[lane];
    warp.lanes<uint64_t>(inst.d)[lane] = barrier.phase;
    barrier.bytes += int32_t(warp.lanes<uint32_t>(inst.b)[lane]);
    if (arrivals > barrier.pending)
      throw Fault{CUDA_ERROR_LAUNCH_FAILED, "more arrivals than this phase of the mbarrier expects", int(lane)};
    barrier.pending -= arrivals;
    if (arrivals)
      endPhase(warp, barrier);
  });
}

/// d: a predicate. mode[0]: parity (b of 32 bits) rather than a state (b of 64).
static void testWait(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *addresses = warp.lanes<uint64_t>(inst.a);
  uint32_t done = 0;
  forLanes(mask, [&](unsigned lane) {
    MemoryBarrier &barrier = barrierAt(warp, addresses[lane], lane);
    for (const MemoryBarrier::Copy &copy : barrier.copies) {
      std::memcpy(warp.block->shared.data() + copy.to, copy.from, copy.bytes);
      barrier.bytes -= copy.bytes;
    }
    if (!barrier.copies.empty()) {
      barrier.copies.clear();
      endPhase(warp, barrier);
    }
    const bool ended = inst.mode[0] ? (barrier.phase & 1) != (warp.lanes<uint32_t>(inst.b)[lane] & 1)
                                    : barrier.phase != warp.lanes<uint64_t>(inst.b)[lane];
    done |= uint32_t(ended) << lane;
  });
  uint32_t &d = warp.predicate(inst.d);
  d = (d & ~mask) | done;
  warp.polls += !done;
}

/// To shared memory. a: target, b: source, c: bytes, list[0]: the mbarrier.
static void copyIn(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *to = warp.lanes<uint64_t>(inst.a), *from = warp.lanes<uint64_t>(inst.b);
  const uint64_t *barriers = warp.lanes<uint64_t>(warp.list(inst)[0]);
  forLanes(mask, [&](unsigned lane) {
    const uint32_t bytes = warp.lanes<uint32_t>(inst.c)[lane];
    MemoryBarrier &barrier = barrierAt(warp, barriers[lane], lane);
    uint8_t *target = resolveShared(warp, to[lane], 16, lane), *source;
    if (!bytes || bytes % 16 || from[lane] % 16)
      throw Fault{CUDA_ERROR_MISALIGNED_ADDRESS, "a bulk copy is not of whole 16 bytes", int(lane)};
    resolveShared(warp, to[lane] + bytes - 16, 16, lane);
    source = warp.block->launch.memory.host(from[lane], bytes);
    if (!source)
      throw Fault{CUDA_ERROR_ILLEGAL_ADDRESS,
                  "reads " + std::to_string(bytes) + " bytes of global memory " +
                      warp.block->launch.memory.describe(from[lane]),
                  int(lane)};
    std::memset(target, poison, bytes);
    barrier.copies.push_back({uint32_t(target - warp.block->shared.data()), bytes, source});
  });
}

/// To global memory. a: target, b: source, c: bytes.
static void copyOut(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *to = warp.lanes<uint64_t>(inst.a), *from = warp.lanes<uint64_t>(inst.b);
  forLanes(mask, [&](unsigned lane) {
    const uint32_t bytes = warp.lanes<uint32_t>(inst.c)[lane];
    if (!bytes || bytes % 16 || to[lane] % 16)
      throw Fault{CUDA_ERROR_MISALIGNED_ADDRESS, "a bulk copy is not of whole 16 bytes", int(lane)};
    const uint8_t *source = resolveShared(warp, from[lane], 16, lane);
    resolveShared(warp, from[lane] + bytes - 16, 16, lane);
    uint8_t *target = warp.block->launch.memory.host(to[lane], bytes);
    if (!target)
      throw Fault{CUDA_ERROR_ILLEGAL_ADDRESS,
                  "writes " + std::to_string(bytes) + " bytes of global memory " +
                      warp.block->launch.memory.describe(to[lane]),
                  int(lane)};
    std::memcpy(target, source, bytes);
    warp.block->progress = true;
  });
}

static bool decodeBarrier(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &kind = ptx.parts.at(1);
  decoder.only({"init", "inval", "arrive", "expect_tx", "test_wait", "try_wait", "parity", "release", "acquire",
                "relaxed", "cta", "cluster", "shared", "shared::cta", "shared::cluster", "b64"});
  if (kind == "init" || kind == "inval") {
    inst.a = decoder.wideAddress(ptx.operands.at(0));
    inst.b = kind == "init" ? decoder.source(ptx.operands.at(1), 4) : inst.a;
    inst.run = kind == "init" ? initialize : invalidate;
    return true;
  }
  if (kind == "arrive" || kind == "expect_tx") {
    const size_t first = ptx.operands.at(0).kind == PtxOperand::Address ? 0 : 1;
    decoder.operands(first + 1, first + 2);
    inst.d = first ? decoder.target(ptx.operands[0], 8) : decoder.temporary(8);
    inst.a = decoder.wideAddress(ptx.operands[first]);
    const int32_t given =
        ptx.operands.size() > first + 1 ? decoder.source(ptx.operands[first + 1], 4) : decoder.constant(1, 4);
    const bool expects = ptx.has("expect_tx");
    inst.b = expects ? given : decoder.constant(0, 4);
    inst.c = expects ? decoder.constant(kind == "arrive", 4) : given;
    inst.run = arriveAt;
    return true;
  }
  if (kind != "test_wait" && kind != "try_wait")
    return false;
  decoder.operands(3, 4);
  inst.mode[0] = ptx.has("parity");
  inst.d = decoder.predicateTarget(ptx.operands[0]);
  inst.a = decoder.wideAddress(ptx.operands[1]);
  inst.b = decoder.source(ptx.operands[2], inst.mode[0] ? 4 : 8);
  inst.run = testWait;
  return true;
}

/// a: the address, c: bytes. Nothing moves; the first and the last 16 bytes must be there.
static void prefetch(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *from = warp.lanes<uint64_t>(inst.a);
  const uint32_t *bytes = warp.lanes<uint32_t>(inst.c);
  uint64_t last[warpSize] = {};
  forLanes(mask, [&](unsigned lane) {
    if (bytes[lane] == 0 || bytes[lane] % 16)
      throw Fault{CUDA_ERROR_LAUNCH_FAILED, "the size of a bulk prefetch is no multiple of 16", int(lane)};
    last[lane] = from[lane] + bytes[lane] - 16;
  });
  uint8_t *pointers[warpSize] = {};
  for (const uint64_t *addresses : {from, static_cast<const uint64_t *>(last)})
    resolve(warp, inst, mask, Space::Global, 16, false, addresses, pointers);
}

bool decodeBulk(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  if (ptx.parts[0] == "mbarrier" && ptx.parts.size() > 1)
    return decodeBarrier(decoder, ptx, inst);
  if (ptx.opcode.rfind("cp.async.bulk.", 0) != 0 || ptx.has("tensor"))
    return false;
  if (ptx.has("prefetch")) {
    decoder.only({"async", "bulk", "prefetch", "L2", "global"});
    decoder.operands(2, 2);
    inst.a = decoder.wideAddress(ptx.operands[0]);
    inst.c = decoder.source(ptx.operands[1], 4);
    inst.run = prefetch;
    return true;
  }
  if (ptx.has("commit_group") || ptx.has("wait_group")) {
    inst.run = [](Warp &, const Inst &, uint32_t) {};
    return true;
  }
  decoder.only({"async", "bulk", "shared::cta", "shared::cluster", "global", "mbarrier::complete_tx::bytes",
                "bulk_group", "L2::cache_hint"});
  const bool out = ptx.parts[3] == "global";
  decoder.operands(out ? 3 : 4, 5);
  inst.a = decoder.wideAddress(ptx.operands[0]);
  inst.b = decoder.wideAddress(ptx.operands[1]);
  inst.c = decoder.source(ptx.operands[2], 4);
  if (!out)
    inst.list = decoder.list({decoder.wideAddress(ptx.operands[3])});
  inst.run = out ? copyOut : copyIn;
  return true;
}

} // namespace lathe::ptx
