//===- Special.cpp - the special registers ------------------------------------------------------------------------===//
#include "test/cuda/Block.h"
#include "test/cuda/Decoder.h"

namespace lathe::ptx {

/// What a special register of a lane holds; its thread's number in the block is `thread`.
uint64_t specialValue(Special which, const Block &block, unsigned warp, unsigned lane) {
  const Grid &grid = block.launch.grid;
  const uint32_t thread = warp * warpSize + lane, *size = grid.threads;
  const uint64_t below = (uint64_t(1) << lane) - 1;
  switch (which) {
  case Special::TidX:
    return thread % size[0];
  case Special::TidY:
    return thread / size[0] % size[1];
  case Special::TidZ:
    return thread / size[0] / size[1];
  case Special::NtidX:
    return size[0];
  case Special::NtidY:
    return size[1];
  case Special::NtidZ:
    return size[2];
  case Special::CtaidX:
    return block.at[0];
  case Special::CtaidY:
    return block.at[1];
  case Special::CtaidZ:
    return block.at[2];
  case Special::NctaidX:
    return grid.blocks[0];
  case Special::NctaidY:
    return grid.blocks[1];
  case Special::NctaidZ:
    return grid.blocks[2];
  case Special::LaneId:
    return lane;
  case Special::WarpId:
    return warp;
  case Special::NWarpId:
    return (grid.threadCount() + warpSize - 1) / warpSize;
  case Special::SmId:
    return block.index % simulatedProcessors;
  case Special::NSmId:
    return simulatedProcessors;
  case Special::LaneMaskEq:
    return below + 1;
  case Special::LaneMaskLt:
    return below;
  case Special::LaneMaskLe:
    return below << 1 | 1;
  case Special::LaneMaskGt:
    return allLanes & ~(below << 1 | 1);
  case Special::LaneMaskGe:
    return allLanes & ~below;
  case Special::DynamicSharedBytes:
    return grid.dynamicShared;
  case Special::GridId:
  case Special::Zero:
    return 0;
  }
  return 0;
}

} // namespace lathe::ptx
