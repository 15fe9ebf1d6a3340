//===- Program.h - a kernel as the interpreter runs it --------------------------------------------------*- C++ -*-===//
//
// A decoded instruction is a pointer to the function that does it for a warp, and where its operands lie. Registers are
// laid out [register][lane]: those of up to 32 bits as 32 uint32_t, those of 64 bits as 32 uint64_t, so that a function
// is a loop over 32 lanes that the compiler makes vector code of. A predicate is one uint32_t, a bit a lane.
//
//   operand >= 0   byte offset in the warp's registers; special ones (%tid.x) are registers that a warp starts with
//   operand <  0   ~operand is a byte offset in the program's constants, which are laid out in the same way
//
// Calls are decoded into their caller, so that there is no call stack: a function's parameters are its caller's local
// memory.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_PROGRAM_H
#define LATHE_TEST_CUDA_PROGRAM_H

#include "runtime/device/cuda/DriverApi.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lathe::ptx {

inline constexpr unsigned warpSize = 32;
inline constexpr uint32_t allLanes = ~0u;

// The windows of generic addresses. Global memory's is not canonical on any host, so that a host that follows a device
// pointer faults; see Memory.h.
inline constexpr uint64_t globalWindow = uint64_t(1) << 48;
inline constexpr uint64_t sharedWindow = uint64_t(1) << 56, localWindow = uint64_t(1) << 57,
                          paramWindow = uint64_t(1) << 58;
inline constexpr uint64_t windowBytes = uint64_t(1) << 32;
/// Shared memory's first bytes are the system's, as from sm_90 on: address 0 is nobody's.
inline constexpr uint32_t sharedReserved = 1024;

class Warp;
struct Inst;
using Handler = void (*)(Warp &, const Inst &, uint32_t mask);

/// What an instruction does to the order of things.
enum class Flow : uint8_t {
  Plain,
  Branch,        ///< to target
  BranchIndexed, ///< to lists[list + a]; imm: how many
  Exit,
  Trap,
  Barrier,  ///< all lanes that live, then the block's threads
  Together, ///< all lanes of mask `a` that live come before it runs
  Yield,    ///< nanosleep: others first
};

struct Inst {
  Handler run = nullptr;
  uint64_t imm = 0; ///< an address's offset and whatever else is constant
  int32_t d = 0, a = 0, b = 0, c = 0;
  uint32_t list = 0;   ///< of Program::lists: operands beyond four
  uint32_t target = 0; ///< an instruction
  uint32_t guard = 0;  ///< a predicate: its lanes run
  uint32_t guardFlip = 0;
  uint32_t line = 0;
  Flow flow = Flow::Plain;
  uint8_t mode[3] = {}; ///< the handler's own
};

/// The special registers that a warp starts with.
enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NWarpId,
  SmId,
  NSmId,
  GridId,
  LaneMaskEq,
  LaneMaskLe,
  LaneMaskLt,
  LaneMaskGe,
  LaneMaskGt,
  DynamicSharedBytes,
  Zero,
};

struct Program {
  struct Parameter {
    uint32_t offset, bytes;
  };
  struct SpecialUse {
    Special special;
    int32_t slot;
    bool wide; ///< a 64-bit register
  };

  std::string name;
  std::vector<Inst> code;
  std::vector<std::string> text; ///< of each instruction
  std::vector<int32_t> lists;
  std::vector<uint64_t> constants;
  std::vector<SpecialUse> specials;
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  uint32_t registerBytes = 0, predicates = 3; ///< predicate 0 is true, 1 false, 2 the carry of add.cc
  uint32_t sharedBytes = 0;                   ///< static, with the alignment of what follows; without sharedReserved
  uint32_t staticSharedBytes = 0;             ///< as cuFuncGetAttribute says
  uint32_t localBytes = 0;                    ///< of a thread
  uint32_t maxThreads = 1024, threads[3] = {0, 0, 0};
  bool exactThreads = false;
};

/// Why a kernel stopped. Thrown by handlers, caught by Block, which adds the kernel, block, thread and line.
struct Fault {
  CUresult error;
  std::string what;
  int lane = -1;
};

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_PROGRAM_H
