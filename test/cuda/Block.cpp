//===- Block.cpp - warps, barriers and host threads ---------------------------------------------------------------===//
#include "test/cuda/Block.h"
#include "test/cuda/Decoder.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

namespace lathe::ptx {

static constexpr uint64_t warpTurn = 16384, blockTurn = uint64_t(1) << 20; ///< instructions
static constexpr uint64_t idleLimit = uint64_t(1) << 27; ///< a launch's instructions without a write: it is stuck
static constexpr size_t residentBlocks = 512;            ///< of a host thread

Block::Block(Launch &launch) : launch(launch), cache(launch.program.code.size()) {
  const uint32_t threads = launch.grid.threadCount();
  warps.resize((threads + warpSize - 1) / warpSize);
  sharedBytes = sharedReserved + launch.program.sharedBytes + launch.grid.dynamicShared;
  shared.resize(sharedBytes + 16);
  local.resize(uint64_t(launch.program.localBytes) * warps.size() * warpSize);
}

void Block::start(uint64_t number) {
  index = number;
  at[0] = number % launch.grid.blocks[0];
  at[1] = number / launch.grid.blocks[0] % launch.grid.blocks[1];
  at[2] = number / launch.grid.blocks[0] / launch.grid.blocks[1];
  std::fill(shared.begin(), shared.end(), poison);
  std::fill(local.begin(), local.end(), poison);
  for (Barrier &barrier : barriers)
    barrier = {};
  memoryBarriers.clear();
  const uint32_t threads = launch.grid.threadCount();
  for (unsigned i = 0; i < warps.size(); ++i) {
    const uint32_t left = threads - i * warpSize;
    warps[i].start(*this, i, left >= warpSize ? allLanes : (1u << left) - 1);
  }
  alive = warps.size();
  epoch = index & 1;
}

bool Block::run() {
  uint64_t ran = 0;
  while (ran < blockTurn) {
    const unsigned began = epoch;
    bool ready = false, spins = true;
    for (unsigned k = 0; k < warps.size(); ++k) {
      Warp &warp = warps[epoch & 1 ? warps.size() - 1 - k : k];
      if (warp.state != WarpState::Ready)
        continue;
      ready = true;
      try {
        const uint64_t count = warp.run(warpTurn);
        ran += count;
        instructions += count;
        spins &= warp.spins;
      } catch (const Fault &fault) {
        throw Fault{fault.error, where(warp, fault), fault.lane};
      }
      if (warp.state == WarpState::Done) {
        progress = true;
        if (--alive == 0)
          return true;
        for (unsigned barrier = 0; barrier < 16; ++barrier) // fewer are waited for
          if (barriers[barrier].used)
            release(barrier);
      }
      if (epoch != began) // a barrier opened: the other way round
        break;
    }
    if (!ready)
      throw Fault{CUDA_ERROR_LAUNCH_FAILED, deadlock(), -1};
    if (spins || launch.failed.load(std::memory_order_relaxed))
      return false;
  }
  return false;
}

bool Block::arrive(Warp &warp, unsigned number, uint32_t threads, bool wait) {
  if (number >= 16)
    throw Fault{CUDA_ERROR_ILLEGAL_INSTRUCTION, "there is no barrier " + std::to_string(number), 0};
  if (threads % warpSize)
    throw Fault{CUDA_ERROR_ILLEGAL_INSTRUCTION, std::to_string(threads) + " threads are not whole warps", 0};
  Barrier &barrier = barriers[number];
  if (barrier.used && barrier.expected != threads)
    throw Fault{CUDA_ERROR_LAUNCH_FAILED,
                "others wait at barrier " + std::to_string(number) + " for " + std::to_string(barrier.expected) +
                    " threads, this one for " + std::to_string(threads) + " (0: all)",
                0};
  barrier.used = true;
  barrier.expected = threads;
  barrier.arrived += warpSize;
  warp.barrier = number;
  if (wait)
    warp.state = WarpState::AtBarrier;
  release(number);
  return warp.state == WarpState::Ready;
}

/// Opens a barrier that all have come to.
void Block::release(unsigned number) {
  Barrier &barrier = barriers[number];
  const uint32_t expected = barrier.expected ? barrier.expected : alive * warpSize;
  if (barrier.arrived > expected)
    throw Fault{CUDA_ERROR_LAUNCH_FAILED, "more threads than it counts came to barrier " + std::to_string(number), 0};
  if (barrier.arrived < expected)
    return;
  for (Warp &warp : warps)
    if (warp.state == WarpState::AtBarrier && warp.barrier == number)
      warp.state = WarpState::Ready;
  barrier = {};
  progress = true;
  ++epoch;
}

static std::string triple(const uint32_t x[3]) {
  return "(" + std::to_string(x[0]) + "," + std::to_string(x[1]) + "," + std::to_string(x[2]) + ")";
}

std::string Block::where(const Warp &warp, const Fault &fault) const {
  const unsigned lane = fault.lane >= 0 ? fault.lane : std::countr_zero(warp.active | 1u << 31);
  const uint32_t thread = warp.index * warpSize + lane, *size = launch.grid.threads;
  const uint32_t tid[3] = {thread % size[0], thread / size[0] % size[1], thread / size[0] / size[1]};
  return "kernel " + launch.program.name + ", block " + triple(at) + ", thread " + triple(tid) + ", PTX line " +
         std::to_string(launch.program.code[warp.pc].line) + " '" + launch.program.text[warp.pc] + "': " + fault.what;
}

std::string Block::deadlock() const {
  return "kernel " + launch.program.name + ", block " + triple(at) + ": deadlock, warps wait for others:" + places() +
         "; " + std::to_string(alive) + " of " + std::to_string(warps.size()) + " warps have not ended";
}

std::string Block::places() const {
  std::string text;
  unsigned named = 0;
  for (const Warp &warp : warps) {
    if (warp.state == WarpState::Done || named == 4)
      continue;
    ++named;
    const uint32_t pc = warp.pc - (warp.state == WarpState::AtBarrier);
    text += (named > 1 ? ", warp " : " warp ") + std::to_string(warp.index) + " at line " +
            std::to_string(launch.program.code[pc].line) + " '" + launch.program.text[pc] + "'";
  }
  return text;
}

/// A host thread's share of a launch.
static void work(Launch &launch) {
  std::vector<std::unique_ptr<Block>> resident;
  const uint64_t count = launch.grid.count();
  const auto fail = [&](const Fault &fault) {
    std::lock_guard lock(launch.failureLock);
    if (!launch.failed.exchange(true))
      launch.failure = {fault.error, fault.what};
  };
  size_t turn = 0;
  bool more = true;
  while (!launch.failed.load(std::memory_order_relaxed)) {
    // Those that are here have spun through a turn each: one more may be what they wait for.
    if (more && turn == resident.size() && resident.size() < residentBlocks) {
      const uint64_t next = launch.nextBlock.fetch_add(1);
      if ((more = next < count)) {
        resident.push_back(std::make_unique<Block>(launch));
        resident.back()->start(next);
      }
    }
    if (resident.empty())
      return;
    if (turn >= resident.size())
      turn = 0;
    Block &block = *resident[turn];
    try {
      const bool ended = block.run();
      const uint64_t ran = std::exchange(block.instructions, 0);
      launch.instructions += ran;
      if (block.progress)
        launch.idle = 0;
      else if ((launch.idle += ran) > idleLimit)
        throw Fault{CUDA_ERROR_LAUNCH_TIMEOUT,
                    "kernel " + launch.program.name + " spins: no thread has written anything for " +
                        std::to_string(idleLimit) + " warp instructions;" + block.places(),
                    -1};
      block.progress = false;
      if (!ended) {
        ++turn;
        std::this_thread::yield();
        continue;
      }
      const uint64_t next = more ? launch.nextBlock.fetch_add(1) : count;
      if ((more = next < count))
        block.start(next);
      else
        resident.erase(resident.begin() + turn);
    } catch (const Fault &fault) {
      fail(fault);
    }
  }
}

static unsigned hostThreads() {
  const char *text = std::getenv("LATHE_CUDA_SIM_THREADS");
  const int asked = text ? std::atoi(text) : 0;
  return asked > 0 ? asked : std::max(1u, std::thread::hardware_concurrency());
}

Failure runKernel(const Program &program, const Grid &grid, const uint8_t *parameters, const Memory &memory) {
  Launch launch{program, grid, parameters, memory, {}, {}, {}, {}, {}, {}};
  static const unsigned limit = hostThreads();
  static const bool say = std::getenv("LATHE_CUDA_SIM_STATS");
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (unsigned i = 1; i < std::min<uint64_t>(limit, grid.count()); ++i)
    others.emplace_back(work, std::ref(launch));
  work(launch);
  for (std::thread &other : others)
    other.join();
  if (say)
    std::fprintf(stderr, "cuda-sim: %s: %llu blocks, %.3f M warp instructions, %.3f ms\n", program.name.c_str(),
                 (unsigned long long)grid.count(), launch.instructions * 1e-6,
                 std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  return launch.failure;
}

} // namespace lathe::ptx
