//===- Hash.h - FNV-1a, 64 bits -------------------------------------------------------------------------*- C++ -*-===//
//
// See runtime/abi/fnv.h: one step for each byte or, as the bundle's format has it for the weights, for each
// little-endian 64-bit word (a last partial word is filled with zeros).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CORE_HASH_H
#define LATHE_RUNTIME_CORE_HASH_H

#include "runtime/abi/fnv.h"
#include <cstdint>
#include <span>

namespace lathe {

/// FNV-1a over bytes, going on from `hash`.
uint64_t hashBytes(std::span<const uint8_t> bytes, uint64_t hash = LATHE_FNV_START);

/// FNV-1a over 64-bit words. To go on from `hash`, all parts but the last must be whole words.
uint64_t hashWords(std::span<const uint8_t> bytes, uint64_t hash = LATHE_FNV_START);

} // namespace lathe

#endif
