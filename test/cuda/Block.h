//===- Block.h - the threads of a block, and a launch's blocks ------------------------------------------*- C++ -*-===//
//
// A launch gives its blocks to host threads. A block runs warp after warp, each until it waits at a barrier; the order
// turns around at each barrier, so that a missing one is seen from one side or the other. Several blocks of a host
// thread take turns when they spin, so that a barrier of the grid works up to `residentBlocks` blocks.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_BLOCK_H
#define LATHE_TEST_CUDA_BLOCK_H

#include "test/cuda/Warp.h"
#include <atomic>
#include <map>
#include <mutex>
#include <optional>

namespace lathe::ptx {

struct Grid {
  uint32_t blocks[3], threads[3];
  uint32_t dynamicShared = 0;
  uint64_t count() const { return uint64_t(blocks[0]) * blocks[1] * blocks[2]; }
  uint32_t threadCount() const { return threads[0] * threads[1] * threads[2]; }
};

/// What a kernel left behind that could not go on.
struct Failure {
  CUresult error = CUDA_SUCCESS;
  std::string message;
};

/// Runs a kernel to its end. `parameters` are program.parameterBytes.
Failure runKernel(const Program &program, const Grid &grid, const uint8_t *parameters, const Memory &memory);

/// What a launch's blocks share.
struct Launch {
  const Program &program;
  const Grid &grid;
  const uint8_t *parameters;
  const Memory &memory;
  std::atomic<uint64_t> nextBlock{0}, idle{0}, instructions{0};
  std::atomic<bool> failed{false};
  std::mutex failureLock;
  Failure failure;
};

/// An mbarrier in shared memory; the memory itself holds nothing.
struct MemoryBarrier {
  struct Copy {
    uint32_t to, bytes;
    const uint8_t *from;
  };
  uint32_t count = 0, pending = 0; ///< arrivals
  int64_t bytes = 0;               ///< expected and not yet there
  uint64_t phase = 0;
  std::vector<Copy> copies; ///< that have begun
};

class Block {
public:
  explicit Block(Launch &launch);
  void start(uint64_t index);
  /// True when the block has ended; false: it spins, others first. Throws Fault, already with all that is known.
  bool run();

  /// Where the first warps are that have not ended: " warp 0 at line 7 'bar.sync 0'".
  std::string places() const;

  /// A barrier's arrival of the warp's live lanes. `threads` 0: all of the block's. False: the warp has to wait.
  bool arrive(Warp &warp, unsigned barrier, uint32_t threads, bool wait);

  Launch &launch;
  uint64_t index = 0;
  uint32_t at[3] = {}; ///< %ctaid
  std::vector<uint8_t> shared, local;
  uint32_t sharedBytes = 0;  ///< the end of what may be touched
  uint64_t instructions = 0; ///< of warps, since it last said so
  bool progress = false;     ///< wrote to memory or came through a barrier since it last said so

  std::map<uint32_t, MemoryBarrier> memoryBarriers; ///< by shared address
  /// The allocation that the instruction last touched, by instruction.
  std::vector<Allocation> cache;
  struct Barrier {
    uint32_t arrived = 0;  ///< threads, in whole warps
    uint32_t expected = 0; ///< 0: all of the block's
    bool used = false;
  } barriers[16];

private:
  std::string where(const Warp &warp, const Fault &fault) const;
  std::string deadlock() const;
  void release(unsigned barrier);
  std::vector<Warp> warps;
  unsigned alive = 0, epoch = 0;
};

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_BLOCK_H
