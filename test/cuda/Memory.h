//===- Memory.h - the device's global memory ------------------------------------------------------------*- C++ -*-===//
//
// Allocations are pages of the host, known to kernels by addresses that no host pointer has: 2^48 + n. Addresses are
// given out once and never again, with a gap after each allocation, so that what is out of bounds or freed is found by
// its address. Fresh memory is poisoned: 0xFF bytes are NaN in every float format.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_MEMORY_H
#define LATHE_TEST_CUDA_MEMORY_H

#include "runtime/device/cuda/DriverApi.h"
#include <cstdint>
#include <map>
#include <string>

namespace lathe::ptx {

inline constexpr uint8_t poison = 0xFF;

struct Allocation {
  uint64_t begin = 0, end = 0; ///< device addresses; empty: none
  uint8_t *host = nullptr;

  bool holds(uint64_t address, uint64_t bytes) const { return address >= begin && address + bytes <= end; }
  uint8_t *at(uint64_t address) const { return host + (address - begin); }
};

/// Not synchronized: who allocates holds the driver's lock, and kernels only look up while it is held for them.
class Memory {
public:
  explicit Memory(uint64_t bytes) : total(bytes) {}
  ~Memory();
  Memory(const Memory &) = delete;

  /// 0 when there is no room. A module's variables are not counted.
  uint64_t allocate(uint64_t bytes, bool counted);
  bool free(uint64_t begin); ///< false when no allocation begins there
  /// The allocation that holds this address, or an empty one.
  Allocation find(uint64_t address) const;
  /// Where a host reads or writes these bytes; null when they are not within one allocation.
  uint8_t *host(uint64_t address, uint64_t bytes) const;
  /// What is at an address: "4 bytes past the end of the allocation of 64 bytes at 0x1000000000100".
  std::string describe(uint64_t address) const;

  uint64_t bytesTotal() const { return total; }
  uint64_t bytesFree() const { return total - used; }

private:
  struct Entry : Allocation {
    bool counted;
  };
  std::map<uint64_t, Entry> allocations; ///< by begin
  uint64_t total, used = 0, next = (uint64_t(1) << 48) + (1 << 20);
};

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_MEMORY_H
