//===- Hash.h - FNV-1a, for identities that need no cryptography --------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_HASH_H
#define LATHE_COMPILER_SUPPORT_HASH_H

#include "runtime/abi/fnv.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lathe {

/// Chain by passing the previous result as `state`.
inline uint64_t hashBytes(llvm::StringRef bytes, uint64_t state = LATHE_FNV_START) {
  for (unsigned char byte : bytes)
    state = lathe_fnv_byte(state, byte);
  return state;
}

/// Adds a number, as its 8 bytes from the lowest.
inline uint64_t hashNumber(uint64_t number, uint64_t state = LATHE_FNV_START) {
  for (int i = 0; i < 8; ++i, number >>= 8)
    state = lathe_fnv_byte(state, number & 0xff);
  return state;
}

} // namespace lathe

#endif
