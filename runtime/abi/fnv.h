/*
 * fnv.h - the hash of the bundle's formats.
 *
 * FNV-1a with 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): from the start, one step for each byte or, where a
 * format says so, for each little-endian 64-bit word. It finds damage, not malice. Compiler and runtime share it.
 */
#ifndef LATHE_RUNTIME_ABI_FNV_H
#define LATHE_RUNTIME_ABI_FNV_H

#include <stdint.h>

#define LATHE_FNV_START 0xcbf29ce484222325ull

static inline uint64_t lathe_fnv_word(uint64_t state, uint64_t word) { return (state ^ word) * 0x100000001b3ull; }
static inline uint64_t lathe_fnv_byte(uint64_t state, uint8_t byte) { return lathe_fnv_word(state, byte); }

#endif
