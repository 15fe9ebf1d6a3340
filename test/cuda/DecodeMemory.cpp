//===- DecodeMemory.cpp - ld, st and fences -----------------------------------------------------------------------===//
//
// Cache hints say nothing here. Accesses that are volatile or have an order are atomic on the host, so that blocks on
// different host threads can wait for each other.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"
#include <algorithm>
#include <atomic>

namespace lathe::ptx {

/// mode: [1] the space, [2] elements. list: their slots.
template <class E, class S, bool Ordered> static void load(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t addresses[warpSize];
  uint8_t *pointers[warpSize];
  const unsigned count = inst.mode[2];
  warp.addresses(inst, addresses);
  resolve(warp, inst, mask, static_cast<Space>(inst.mode[1]), sizeof(E) * count, false, addresses, pointers);
  warp.polls += Ordered;
  for (unsigned i = 0; i < count; ++i) {
    S *to = warp.lanes<S>(warp.list(inst)[i]);
    forLanes(mask, [&](unsigned lane) {
      E value;
      if constexpr (Ordered)
        value = __atomic_load_n(reinterpret_cast<E *>(pointers[lane]) + i, __ATOMIC_ACQUIRE);
      else
        std::memcpy(&value, pointers[lane] + i * sizeof(E), sizeof(E));
      to[lane] = static_cast<S>(value); // sign-extended when E is signed
    });
  }
}

template <class E, class S, bool Ordered> static void store(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t addresses[warpSize];
  uint8_t *pointers[warpSize];
  const unsigned count = inst.mode[2];
  warp.addresses(inst, addresses);
  resolve(warp, inst, mask, static_cast<Space>(inst.mode[1]), sizeof(E) * count, true, addresses, pointers);
  warp.block->progress = true;
  for (unsigned i = 0; i < count; ++i) {
    const S *from = warp.lanes<S>(warp.list(inst)[i]);
    forLanes(mask, [&](unsigned lane) {
      const E value = static_cast<E>(from[lane]);
      if constexpr (Ordered)
        __atomic_store_n(reinterpret_cast<E *>(pointers[lane]) + i, value, __ATOMIC_RELEASE);
      else
        std::memcpy(pointers[lane] + i * sizeof(E), &value, sizeof(E));
    });
  }
}

template <class S, bool Ordered> static Handler findLoad(std::string_view type) {
  switch (typeBytes(type)) {
  case 1:
    return type[0] == 's' ? load<int8_t, S, Ordered> : load<uint8_t, S, Ordered>;
  case 2:
    return type[0] == 's' ? load<int16_t, S, Ordered> : load<uint16_t, S, Ordered>;
  case 4:
    return type[0] == 's' ? load<int32_t, S, Ordered> : load<uint32_t, S, Ordered>;
  case 8:
    return load<uint64_t, S, Ordered>;
  default:
    return nullptr;
  }
}
template <class S, bool Ordered> static Handler findStore(std::string_view type) {
  switch (typeBytes(type)) {
  case 1:
    return store<uint8_t, S, Ordered>;
  case 2:
    return store<uint16_t, S, Ordered>;
  case 4:
    return store<uint32_t, S, Ordered>;
  case 8:
    return store<uint64_t, S, Ordered>;
  default:
    return nullptr;
  }
}

static bool decodeAccess(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const bool isLoad = ptx.parts[0] != "st";
  const std::string_view type = ptx.type();
  bool ordered = false;
  size_t count = 1;
  for (size_t i = 1; i + 1 < ptx.parts.size(); ++i) {
    const std::string &part = ptx.parts[i];
    if (part == "volatile" || part == "relaxed" || part == "mmio" || part == (isLoad ? "acquire" : "release"))
      ordered = true;
    else if (part == "v2" || part == "v4")
      count = part[1] - '0';
  }
  static constexpr std::string_view plain[] = {
      "weak",        "cta",   "cluster",      "gpu",         "sys",     "global",  "shared",
      "shared::cta", "param", "param::entry", "param::func", "local",   "const",   "nc",
      "ca",          "cg",    "cs",           "lu",          "cv",      "wb",      "wt",
      "v2",          "v4",    "volatile",     "relaxed",     "acquire", "release", "mmio"};
  for (size_t i = 1; i + 1 < ptx.parts.size(); ++i)
    if (ptx.parts[i].rfind("L1::", 0) != 0 && ptx.parts[i].rfind("L2::", 0) != 0 &&
        std::find(std::begin(plain), std::end(plain), ptx.parts[i]) == std::end(plain))
      decoder.fail("'." + ptx.parts[i] + "' is not known to the interpreter");
  const unsigned bytes = typeBytes(type);
  if (!bytes || bytes > 8 || bytes * count > 16)
    decoder.fail("the type is not known to the interpreter");
  const bool hint = ptx.has("L2::cache_hint");
  decoder.operands(hint ? 3 : 2, hint ? 3 : 2);
  const PtxOperand &values = ptx.operands[isLoad ? 0 : 1];
  const std::vector<PtxOperand> parts = values.kind == PtxOperand::Vector ? values.parts : std::vector{values};
  if (parts.size() != count)
    decoder.fail("its vector has another length");
  decoder.address(ptx.operands[isLoad ? 1 : 0], inst);
  bool wide = bytes == 8;
  for (const PtxOperand &part : parts)
    wide |= decoder.isWide(part);
  std::vector<int32_t> slots;
  for (const PtxOperand &part : parts)
    slots.push_back(isLoad ? decoder.target(part, wide ? 8 : 4) : decoder.source(part, wide ? 8 : 4));
  inst.list = decoder.list(slots);
  const bool parameter = ptx.has("param") || ptx.has("param::entry") || ptx.has("param::func");
  inst.mode[1] =
      static_cast<uint8_t>(parameter ? decoder.parameterSpace(ptx.operands[isLoad ? 1 : 0]) : spaceOf(decoder, ptx));
  inst.mode[2] = count;
  inst.run = isLoad ? (wide ? (ordered ? findLoad<uint64_t, true>(type) : findLoad<uint64_t, false>(type))
                            : (ordered ? findLoad<uint32_t, true>(type) : findLoad<uint32_t, false>(type)))
                    : (wide ? (ordered ? findStore<uint64_t, true>(type) : findStore<uint64_t, false>(type))
                            : (ordered ? findStore<uint32_t, true>(type) : findStore<uint32_t, false>(type)));
  return inst.run;
}

bool decodeMemory(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  if (op == "ld" || op == "ldu" || op == "st")
    return decodeAccess(decoder, ptx, inst);
  if (op != "membar" && op != "fence")
    return false;
  decoder.operands(0, 0);
  inst.run = [](Warp &, const Inst &, uint32_t) { std::atomic_thread_fence(std::memory_order_seq_cst); };
  return true;
}

} // namespace lathe::ptx
