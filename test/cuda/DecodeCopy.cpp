//===- DecodeCopy.cpp - cp.async and its groups -------------------------------------------------------------------===//
//
// Hardware may write a copy's bytes at any time between the copy and the wait for it. Here they are written at the
// wait, and what was there before is poisoned at the copy: a missing wait, or a buffer still being read, gives NaNs.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"
#include <algorithm>

namespace lathe::ptx {

/// a: the target's address, b: the source's, c: bytes of the source that are read; imm: bytes.
static void begin(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *to = warp.lanes<uint64_t>(inst.a), *from = warp.lanes<uint64_t>(inst.b);
  const uint32_t *reads = warp.lanes<uint32_t>(inst.c);
  const unsigned bytes = inst.imm;
  uint32_t reading = 0;
  forLanes(mask, [&](unsigned lane) { reading |= uint32_t(reads[lane] != 0) << lane; });
  uint8_t *pointers[warpSize] = {};
  if (reading)
    resolve(warp, inst, reading, Space::Global, bytes, false, from, pointers);
  forLanes(mask, [&](unsigned lane) {
    if (reads[lane] > bytes)
      throw Fault{CUDA_ERROR_LAUNCH_FAILED, "src-size is greater than cp-size", int(lane)};
    uint8_t *target = resolveShared(warp, to[lane], bytes, lane);
    std::memset(target, poison, bytes);
    warp.copies.push_back({lane, warp.copyGroups[lane], uint32_t(target - warp.block->shared.data()), pointers[lane],
                           uint8_t(bytes), uint8_t(reads[lane])});
  });
}

static void commit(Warp &warp, const Inst &, uint32_t mask) {
  forLanes(mask, [&](unsigned lane) { ++warp.copyGroups[lane]; });
}

/// imm: how many of the last groups may stay behind; mode[0]: wait for all, committed or not.
static void wait(Warp &warp, const Inst &inst, uint32_t mask) {
  std::erase_if(warp.copies, [&](const PendingCopy &copy) {
    if (!(mask >> copy.lane & 1) || (!inst.mode[0] && copy.group + inst.imm >= warp.copyGroups[copy.lane]))
      return false;
    uint8_t *to = warp.block->shared.data() + copy.to;
    std::memset(to, 0, copy.bytes);
    if (copy.fromBytes)
      std::memcpy(to, copy.from, copy.fromBytes);
    return true;
  });
}

bool decodeCopy(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  if (ptx.parts[0] != "cp" || ptx.parts.size() < 3 || ptx.parts[1] != "async")
    return false;
  const std::string &kind = ptx.parts[2];
  if (kind == "commit_group" || kind == "wait_all") {
    decoder.operands(0, 0);
    inst.mode[0] = 1;
    inst.run = kind == "wait_all" ? wait : commit;
    return true;
  }
  if (kind == "wait_group") {
    decoder.operands(1, 1);
    inst.imm = ptx.operands[0].bits;
    inst.run = wait;
    return true;
  }
  if (kind != "ca" && kind != "cg")
    return false;
  decoder.only(
      {"async", "ca", "cg", "shared", "shared::cta", "global", "L2::cache_hint", "L2::64B", "L2::128B", "L2::256B"});
  const size_t count = ptx.operands.size() - ptx.has("L2::cache_hint");
  decoder.operands(3, 5);
  inst.imm = ptx.operands[2].bits;
  if (ptx.operands[2].kind != PtxOperand::Integer ||
      (inst.imm != 16 && (kind == "cg" || (inst.imm != 4 && inst.imm != 8))))
    decoder.fail("the size of a copy is not 4, 8 or 16, or not 16 with .cg");
  inst.a = decoder.wideAddress(ptx.operands[0]);
  inst.b = decoder.wideAddress(ptx.operands[1]);
  if (count == 4 && decoder.isPredicate(ptx.operands[3]))
    decoder.fail("a predicate to ignore the source is not known to the interpreter");
  inst.c = count == 4 ? decoder.source(ptx.operands[3], 4) : decoder.constant(inst.imm, 4);
  inst.run = begin;
  return true;
}

} // namespace lathe::ptx
