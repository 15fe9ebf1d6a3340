//===- Warp.h - 32 threads in lockstep ------------------------------------------------------------------*- C++ -*-===//
//
// The lanes that are at one instruction are a group; `active` is the group that runs, and the others wait in `groups`.
// Of several groups the one at the lowest instruction runs, until it comes to where another one waits and takes it in:
// that brings structured code together again at the end of each if and loop. A group that spins for too long lets
// another one have a turn. An instruction that wants other lanes (shfl.sync, mma.sync, bar.sync) makes its group wait
// until they come.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_WARP_H
#define LATHE_TEST_CUDA_WARP_H

#include "test/cuda/Memory.h"
#include "test/cuda/Program.h"
#include <bit>
#include <cstring>
#include <vector>

namespace lathe::ptx {

class Block;

/// A copy that cp.async has begun.
struct PendingCopy {
  uint32_t lane, group;
  uint32_t to;         ///< shared memory
  const uint8_t *from; ///< null with bytes 0
  uint8_t bytes, fromBytes;
};

enum class WarpState : uint8_t { Ready, AtBarrier, Done };

class Warp {
public:
  /// Starts a warp of `block` at the first instruction. `lanes`: those that there are.
  void start(Block &block, unsigned index, uint32_t lanes);
  /// Runs until a barrier, the end, `budget` instructions or a spin. Returns how many ran. Throws Fault.
  uint64_t run(uint64_t budget);

  // What handlers use.
  template <class T> T *lanes(int32_t operand) {
    uint8_t *base = operand >= 0 ? registers.data() + operand : constants + ~operand;
    return reinterpret_cast<T *>(base);
  }
  uint32_t &predicate(int32_t index) { return predicates[index]; }
  /// The operands beyond four of an instruction.
  const int32_t *list(const Inst &inst) const { return lists + inst.list; }
  /// The byte addresses of an access: the register `inst.a` and inst.imm. inst.mode[0]: the register is of 64 bits.
  void addresses(const Inst &inst, uint64_t out[warpSize]) const;

  Block *block = nullptr;
  unsigned index = 0; ///< in its block
  WarpState state = WarpState::Ready;
  uint32_t pc = 0, active = 0, live = 0;
  uint32_t barrier = 0; ///< that it waits at
  uint32_t polls = 0;   ///< loads that have an order since it last let others go first: it may spin on one
  bool spins = false;   ///< why it stopped running
  uint32_t copyGroups[warpSize] = {};
  std::vector<PendingCopy> copies;

private:
  struct Group {
    uint32_t pc, mask;
    uint64_t turn; ///< when it last ran
    bool blocked;
  };
  void branch(uint32_t taken, uint32_t target);
  void indexedBranch(const Inst &inst, uint32_t mask);
  void leave(uint32_t mask);
  /// Puts the running group among the others and chooses who runs. `fair`: who waited longest.
  void schedule(bool fair, bool blocked = false);
  bool needs(const Inst &inst, uint32_t lanes);

  std::vector<uint8_t> registers;
  std::vector<uint32_t> predicates;
  uint8_t *constants = nullptr;
  const int32_t *lists = nullptr;
  std::vector<Group> groups;
  uint32_t stop = ~0u; ///< where a group waits that the running one falls into
  uint64_t turns = 0;
};

/// What a special register of a lane holds.
uint64_t specialValue(Special which, const Block &block, unsigned warp, unsigned lane);

/// Calls f(lane) for each lane of a mask.
template <class F> inline void forLanes(uint32_t mask, F f) {
  if (mask == allLanes) {
    for (unsigned lane = 0; lane < warpSize; ++lane)
      f(lane);
    return;
  }
  for (; mask; mask &= mask - 1)
    f(static_cast<unsigned>(std::countr_zero(mask)));
}

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_WARP_H
