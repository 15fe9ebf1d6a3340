//===- Hash.h - FNV-1a, 64 bits -------------------------------------------------------------------------*- C++ -*-===//
//
// Fowler, Noll, Vo: h = (h ^ x) * 1099511628211 from h = 14695981039346656037, for each byte x, or as the bundle's
// format has it for the weights, for each little-endian 64-bit word x (a last partial word is filled with zeros). It
// finds damage, not malice.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CORE_HASH_H
#define LATHE_RUNTIME_CORE_HASH_H

#include <cstdint>
#include <span>

namespace lathe {

inline constexpr uint64_t kFnvOffset = 14695981039346656037u;
inline constexpr uint64_t kFnvPrime = 1099511628211u;

/// FNV-1a over bytes, going on from `hash`.
uint64_t hashBytes(std::span<const uint8_t> bytes, uint64_t hash = kFnvOffset);

/// FNV-1a over 64-bit words. To go on from `hash`, all parts but the last must be whole words.
uint64_t hashWords(std::span<const uint8_t> bytes, uint64_t hash = kFnvOffset);

} // namespace lathe

#endif
