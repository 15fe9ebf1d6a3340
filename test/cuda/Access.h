//===- Access.h - where a warp's lanes read and write ---------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_CUDA_ACCESS_H
#define LATHE_TEST_CUDA_ACCESS_H

#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"

namespace lathe::ptx {

/// The host's pointers for an access of `bytes` at each lane's address (in place of `pointers`' integers), checked
/// against the bounds of the space and for alignment; those of lanes that do not run may be read or not, but never are.
/// `write` refuses parameters. Throws Fault.
void resolve(Warp &warp, const Inst &inst, uint32_t mask, Space space, unsigned bytes, bool write,
             const uint64_t addresses[warpSize], uint8_t *pointers[warpSize]);

/// One address in shared memory, for instructions that take no other: throws Fault.
uint8_t *resolveShared(Warp &warp, uint64_t address, unsigned bytes, unsigned lane);

/// The space that an opcode's parts name.
Space spaceOf(Decoder &decoder, const PtxInstruction &ptx);

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_ACCESS_H
