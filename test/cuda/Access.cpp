//===- Access.cpp - bounds, alignment and windows -----------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"
#include <cstdio>

namespace lathe::ptx {

static std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
  return text;
}

[[noreturn]] static void outside(const char *space, uint64_t address, unsigned bytes, bool write,
                                 const std::string &what, unsigned lane) {
  throw Fault{CUDA_ERROR_ILLEGAL_ADDRESS,
              std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at " + space + " address " +
                  hex(address) + ", " + what,
              int(lane)};
}

struct Range {
  uint64_t low, high;
};

/// The least and greatest address of the lanes that run.
static Range rangeOf(const uint64_t addresses[warpSize], uint32_t mask) {
  Range range{~uint64_t(0), 0};
  if (mask == allLanes) {
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      range.low = std::min(range.low, addresses[lane]);
      range.high = std::max(range.high, addresses[lane]);
    }
  } else {
    forLanes(mask, [&](unsigned lane) {
      range.low = std::min(range.low, addresses[lane]);
      range.high = std::max(range.high, addresses[lane]);
    });
  }
  return range;
}

static void resolveGlobal(Warp &warp, const Inst &inst, uint32_t mask, unsigned bytes, bool write,
                          const uint64_t addresses[warpSize], const Range &range, uint8_t *pointers[warpSize]) {
  Block &block = *warp.block;
  Allocation &known = block.cache[&inst - block.launch.program.code.data()];
  if (known.host && known.holds(range.low, range.high - range.low + bytes)) {
    const uint64_t delta = reinterpret_cast<uint64_t>(known.host) - known.begin;
    for (unsigned lane = 0; lane < warpSize; ++lane)
      pointers[lane] = reinterpret_cast<uint8_t *>(addresses[lane] + delta);
    return;
  }
  forLanes(mask, [&](unsigned lane) {
    if (!known.host || !known.holds(addresses[lane], bytes)) {
      const Allocation found = block.launch.memory.find(addresses[lane]);
      if (!found.host || !found.holds(addresses[lane], bytes))
        outside("global", addresses[lane], bytes, write, block.launch.memory.describe(addresses[lane]), lane);
      known = found;
    }
    pointers[lane] = known.at(addresses[lane]);
  });
}

void resolve(Warp &warp, const Inst &inst, uint32_t mask, Space space, unsigned bytes, bool write,
             const uint64_t addresses[warpSize], uint8_t *pointers[warpSize]) {
  Block &block = *warp.block;
  uint64_t low = 0;
  if (mask == allLanes)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      low |= addresses[lane];
  else
    forLanes(mask, [&](unsigned lane) { low |= addresses[lane]; });
  if (low & (bytes - 1))
    forLanes(mask, [&](unsigned lane) {
      if (addresses[lane] & (bytes - 1))
        throw Fault{CUDA_ERROR_MISALIGNED_ADDRESS,
                    "the address " + hex(addresses[lane]) + " is not a multiple of " + std::to_string(bytes),
                    int(lane)};
    });
  Range range = rangeOf(addresses, mask);
  uint64_t window = 0;
  if (space == Space::Generic) {
    const auto windowOf = [](uint64_t address) {
      return address >= paramWindow    ? paramWindow
             : address >= localWindow  ? localWindow
             : address >= sharedWindow ? sharedWindow
                                       : 0;
    };
    window = windowOf(range.low);
    if (window != windowOf(range.high)) { // lane by lane
      forLanes(mask, [&](unsigned lane) { resolve(warp, inst, 1u << lane, space, bytes, write, addresses, pointers); });
      return;
    }
    space = window == paramWindow    ? Space::Param
            : window == localWindow  ? Space::Local
            : window == sharedWindow ? Space::Shared
                                     : Space::Global;
  }
  if (space == Space::Global) {
    resolveGlobal(warp, inst, mask, bytes, write, addresses, range, pointers);
    return;
  }
  const char *name = space == Space::Shared ? "shared" : space == Space::Local ? "local" : "parameter";
  const uint64_t begin = window + (space == Space::Shared ? sharedReserved : 0);
  const uint64_t size = space == Space::Shared  ? block.sharedBytes
                        : space == Space::Local ? block.launch.program.localBytes
                                                : block.launch.program.parameterBytes;
  if (range.low < begin || range.high + bytes > window + size || (space == Space::Param && write))
    forLanes(mask, [&](unsigned lane) {
      if (addresses[lane] < begin || addresses[lane] + bytes > window + size || (space == Space::Param && write))
        outside(name, addresses[lane] - window, bytes, write,
                "where there are " + std::to_string(window + size - begin) + " bytes" +
                    (space == Space::Shared ? " from 1024 on" : ""),
                lane);
    });
  uint8_t *base = space == Space::Shared  ? block.shared.data()
                  : space == Space::Local ? block.local.data() + uint64_t(warp.index) * warpSize * size
                                          : const_cast<uint8_t *>(block.launch.parameters); // not written
  const uint64_t stride = space == Space::Local ? size : 0;
  for (unsigned lane = 0; lane < warpSize; ++lane)
    pointers[lane] =
        reinterpret_cast<uint8_t *>(reinterpret_cast<uint64_t>(base) + (addresses[lane] - window) + lane * stride);
}

uint8_t *resolveShared(Warp &warp, uint64_t address, unsigned bytes, unsigned lane) {
  Block &block = *warp.block;
  if (address >= sharedWindow && address < sharedWindow + windowBytes)
    address -= sharedWindow;
  if (address & (bytes - 1))
    throw Fault{CUDA_ERROR_MISALIGNED_ADDRESS,
                "the shared address " + hex(address) + " is not a multiple of " + std::to_string(bytes), int(lane)};
  if (address < sharedReserved || address + bytes > block.sharedBytes)
    outside("shared", address, bytes, false,
            "where there are " + std::to_string(block.sharedBytes - sharedReserved) + " bytes from 1024 on", lane);
  return block.shared.data() + address;
}

Space spaceOf(Decoder &decoder, const PtxInstruction &ptx) {
  if (ptx.has("global") || ptx.has("const"))
    return Space::Global;
  if (ptx.has("shared") || ptx.has("shared::cta"))
    return Space::Shared;
  if (ptx.has("local"))
    return Space::Local;
  return ptx.has("param") || ptx.has("param::entry") || ptx.has("param::func") ? decoder.parameterSpace()
                                                                               : Space::Generic;
}

} // namespace lathe::ptx
