//===- Warp.cpp - the order of a warp's lanes ---------------------------------------------------------------------===//
#include "test/cuda/Warp.h"
#include "test/cuda/Block.h"
#include "test/cuda/Decoder.h"

namespace lathe::ptx {

static constexpr uint64_t turnLength = 4096; ///< instructions of a group while others wait
static constexpr uint32_t pollLimit = 8;

void Warp::start(Block &owner, unsigned number, uint32_t present) {
  const Program &program = owner.launch.program;
  block = &owner;
  index = number;
  state = WarpState::Ready;
  pc = polls = 0;
  active = live = present;
  stop = ~0u;
  groups.clear();
  copies.clear();
  std::fill(std::begin(copyGroups), std::end(copyGroups), 0);
  registers.resize(program.registerBytes);
  predicates.resize(program.predicates);
  predicates[0] = allLanes;
  predicates[1] = 0;
  constants = const_cast<uint8_t *>(reinterpret_cast<const uint8_t *>(program.constants.data())); // never written
  lists = program.lists.data();
  for (const Program::SpecialUse &use : program.specials)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (use.wide)
        lanes<uint64_t>(use.slot)[lane] = specialValue(use.special, owner, number, lane);
      else
        lanes<uint32_t>(use.slot)[lane] = specialValue(use.special, owner, number, lane);
}

void Warp::addresses(const Inst &inst, uint64_t out[warpSize]) const {
  Warp *self = const_cast<Warp *>(this);
  if (inst.mode[0]) {
    const uint64_t *from = self->lanes<uint64_t>(inst.a);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      out[lane] = from[lane] + inst.imm;
  } else {
    const uint32_t *from = self->lanes<uint32_t>(inst.a);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      out[lane] = static_cast<uint32_t>(from[lane] + static_cast<uint32_t>(inst.imm));
  }
}

void Warp::schedule(bool fair, bool blocked) {
  if (active) {
    Group *same = nullptr;
    for (Group &group : groups)
      if (group.pc == pc)
        same = &group;
    if (same) {
      same->mask |= active;
      same->blocked = false;
      same->turn = ++turns;
    } else {
      groups.push_back({pc, active, ++turns, blocked});
    }
  }
  Group *chosen = nullptr;
  for (int attempt = 0; attempt < 2 && !chosen; ++attempt) {
    for (Group &group : groups)
      if (!group.blocked && (!chosen || (fair ? group.turn < chosen->turn : group.pc < chosen->pc)))
        chosen = &group;
    if (!chosen) // lanes that a group waited for may have ended
      for (Group &group : groups)
        group.blocked = !needs(block->launch.program.code[group.pc], group.mask);
  }
  if (!chosen) {
    pc = groups[0].pc;
    active = groups[0].mask;
    throw Fault{CUDA_ERROR_LAUNCH_FAILED, "deadlock: the other lanes that this instruction wants never come to it",
                std::countr_zero(active)};
  }
  pc = chosen->pc;
  active = chosen->mask;
  groups.erase(groups.begin() + (chosen - groups.data()));
  stop = ~0u;
  for (const Group &group : groups)
    if (group.pc > pc)
      stop = std::min(stop, group.pc);
}

void Warp::branch(uint32_t taken, uint32_t target) {
  if (taken == active) {
    pc = target;
  } else {
    groups.push_back({target, taken, ++turns, false});
    active &= ~taken;
    ++pc;
  }
  if (!groups.empty()) {
    // The target may be another group's place.
    if (groups.size() > 1)
      for (size_t i = 0; i + 1 < groups.size(); ++i)
        if (groups[i].pc == groups.back().pc) {
          groups[i].mask |= groups.back().mask;
          groups[i].blocked = false;
          groups.pop_back();
          break;
        }
    schedule(false);
  }
}

void Warp::indexedBranch(const Inst &inst, uint32_t mask) {
  const std::vector<int32_t> &lists = block->launch.program.lists;
  const uint32_t *which = lanes<uint32_t>(inst.a);
  const uint32_t origin = pc, all = active;
  if (all & ~mask)
    groups.push_back({origin + 1, all & ~mask, ++turns, false});
  for (uint32_t left = mask; left;) {
    const unsigned first = std::countr_zero(left);
    if (which[first] >= inst.imm)
      throw Fault{CUDA_ERROR_ILLEGAL_INSTRUCTION, "index " + std::to_string(which[first]) + " is outside the table",
                  int(first)};
    uint32_t same = 0;
    forLanes(left, [&](unsigned lane) { same |= uint32_t(which[lane] == which[first]) << lane; });
    left &= ~same;
    pc = lists[inst.list + which[first]];
    active = same;
    if (left)
      groups.push_back({pc, same, ++turns, false});
  }
  if (!groups.empty()) {
    for (size_t i = 0; i < groups.size(); ++i) // targets may be one place
      for (size_t k = groups.size(); --k > i;)
        if (groups[k].pc == groups[i].pc) {
          groups[i].mask |= groups[k].mask;
          groups.erase(groups.begin() + k);
        }
    schedule(false);
  }
}

void Warp::leave(uint32_t mask) {
  live &= ~mask;
  active &= ~mask;
  if (active) {
    ++pc;
  } else if (groups.empty()) {
    state = WarpState::Done;
  } else {
    schedule(false);
  }
}

/// Whether the lanes that an instruction waits for are among `present`.
bool Warp::needs(const Inst &inst, uint32_t present) {
  if (inst.flow == Flow::Barrier || inst.target == wholeWarp)
    return !(live & ~present);
  const uint32_t *members = lanes<uint32_t>(static_cast<int32_t>(inst.target));
  uint32_t wanted = 0;
  forLanes(present, [&](unsigned lane) { wanted |= members[lane]; });
  return !(wanted & live & ~present);
}

uint64_t Warp::run(uint64_t budget) {
  const Inst *code = block->launch.program.code.data();
  uint64_t ran = 0, turnBegan = 0;
  spins = false;
  for (;;) {
    if (pc == stop)
      schedule(false);
    const Inst &inst = code[pc];
    const uint32_t mask = active & (predicates[inst.guard] ^ inst.guardFlip);
    ++ran;
    switch (inst.flow) {
    case Flow::Plain:
      if (mask)
        inst.run(*this, inst, mask);
      ++pc;
      break;
    case Flow::Branch:
      if (!mask) {
        ++pc;
        break;
      }
      branch(mask, inst.target);
      if (!groups.empty() && ran - turnBegan > turnLength) {
        turnBegan = ran;
        schedule(true);
      }
      if (ran >= budget)
        return ran;
      if (polls > pollLimit) {
        polls = 0;
        spins = true;
        if (!groups.empty())
          schedule(true);
        return ran;
      }
      break;
    case Flow::BranchIndexed:
      if (mask)
        indexedBranch(inst, mask);
      else
        ++pc;
      break;
    case Flow::Exit:
      if (!mask) {
        ++pc;
        break;
      }
      leave(mask);
      if (state == WarpState::Done)
        return ran;
      break;
    case Flow::Trap:
      if (mask)
        throw Fault{CUDA_ERROR_LAUNCH_FAILED, "the kernel trapped", std::countr_zero(mask)};
      ++pc;
      break;
    case Flow::Together:
      if (mask && !needs(inst, active)) {
        schedule(false, true);
        break;
      }
      if (mask) {
        if (inst.target == wholeWarp ? mask != allLanes : !needs(inst, mask))
          throw Fault{CUDA_ERROR_LAUNCH_FAILED, "not all lanes that this instruction wants run it",
                      std::countr_zero(mask)};
        inst.run(*this, inst, mask);
      }
      ++pc;
      break;
    case Flow::Barrier: {
      if (mask && !needs(inst, active)) {
        schedule(false, true);
        break;
      }
      ++pc;
      if (!mask)
        break;
      const unsigned first = std::countr_zero(mask);
      if (mask != active) {
        --pc;
        throw Fault{CUDA_ERROR_LAUNCH_FAILED, "some lanes of the warp skip this barrier", int(first)};
      }
      const uint32_t barrier = lanes<uint32_t>(inst.a)[first],
                     threads = inst.mode[1] ? lanes<uint32_t>(inst.b)[first] : 0;
      if (!block->arrive(*this, barrier, threads, inst.mode[0]))
        return ran;
      break;
    }
    case Flow::Yield:
      ++pc;
      spins = true;
      if (!groups.empty())
        schedule(true);
      return ran;
    }
  }
}

} // namespace lathe::ptx
