//===- Exponential.h - exp with the same bits everywhere ------------------------------------------------*- C++ -*-===//
//
// The C library's exp differs between systems in the last bit, and with it which token a seed draws. This one is
// additions and multiplications in a fixed order, without branches, so that a loop over a vocabulary is vectorised.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_SAMPLE_EXPONENTIAL_H
#define LATHE_RUNTIME_SAMPLE_EXPONENTIAL_H

#include <algorithm>
#include <bit>
#include <cstdint>

namespace lathe {

/// e^x for x <= 0, to about 1e-15 relative; e^-700 for x below -700.
inline double exponential(double x) {
#ifdef __clang__
#pragma clang fp contract(off) // a fused multiply-add would round once, and not every machine has it
#endif
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first with zeros at its end so that n * high is exact.
  constexpr double kLog2E = 1.4426950408889634, kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
  constexpr double kRound = 0x1.8p52; // numbers of this size have no fraction: adding it rounds to an integer
  x = std::max(x, -700.0);
  const double shifted = x * kLog2E + kRound, n = shifted - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  // e^r by its series up to r^13 / 13!; the rest is below 5e-18.
  constexpr double kInverseFactorials[] = {
      1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
      1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  double sum = kInverseFactorials[13];
  for (int k = 12; k >= 0; --k)
    sum = kInverseFactorials[k] + sum * r;
  // 2^n, from n in the low bits of `shifted`, moved to where a double has its exponent.
  return sum * std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
}

} // namespace lathe

#endif
