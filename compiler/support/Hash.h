//===- Hash.h - FNV-1a, for identities that need no cryptography --------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_HASH_H
#define LATHE_COMPILER_SUPPORT_HASH_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lathe {

inline constexpr uint64_t hashStart = 0xcbf29ce484222325ull;

/// 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv); chain by passing the previous result as `state`.
inline uint64_t hashBytes(llvm::StringRef bytes, uint64_t state = hashStart) {
  for (unsigned char byte : bytes)
    state = (state ^ byte) * 0x100000001b3ull;
  return state;
}

/// Adds a number, as its 8 bytes from the lowest.
inline uint64_t hashNumber(uint64_t number, uint64_t state = hashStart) {
  for (int i = 0; i < 8; ++i, number >>= 8)
    state = (state ^ (number & 0xff)) * 0x100000001b3ull;
  return state;
}

} // namespace lathe

#endif
