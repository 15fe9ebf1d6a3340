//===- Random.h - the sampler's random numbers ----------------------------------------------------------*- C++ -*-===//
//
// PCG-XSH-RR 64/32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
// Random Number Generation"): 64 bits of linear congruential state, output permuted to 32 bits. Integer arithmetic
// only, so a seed means the same numbers everywhere.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_SAMPLE_RANDOM_H
#define LATHE_RUNTIME_SAMPLE_RANDOM_H

#include <bit>
#include <cstdint>

namespace lathe {

class Random {
public:
  explicit Random(uint64_t seed) {
    next();
    state += seed;
    next();
  }

  uint32_t next() {
    const uint64_t old = state;
    state = old * 6364136223846793005u + kIncrement;
    return std::rotr(uint32_t(((old >> 18) ^ old) >> 27), int(old >> 59));
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform() {
    const uint64_t high = next();
    return double((high << 32 | next()) >> 11) * 0x1p-53;
  }

private:
  static constexpr uint64_t kIncrement = 1442695040888963407u; ///< stream: any odd number
  uint64_t state = 0;
};

} // namespace lathe

#endif
