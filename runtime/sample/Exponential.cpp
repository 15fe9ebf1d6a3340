#include "runtime/sample/Exponential.h"
#include <cmath>

namespace lathe {

// A fused multiply-add rounds once where two operations round twice: not on every machine, so on none.
#ifdef __clang__
#pragma clang fp contract(off)
#endif

double exponential(double x) {
  if (!(x > -745)) // below the least denormal
    return 0;
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first with zeros at its end so that n * high is exact.
  constexpr double kLog2E = 1.4426950408889634, kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
  const double n = std::nearbyint(x * kLog2E);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  // Taylor's series: r^14 / 14! < 5e-18.
  double sum = 1;
  for (int k = 13; k >= 1; --k)
    sum = 1 + sum * r / k;
  return std::ldexp(sum, int(n));
}

} // namespace lathe
