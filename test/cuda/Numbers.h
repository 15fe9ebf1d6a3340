//===- Numbers.h - PTX's floating point on the host -----------------------------------------------------*- C++ -*-===//
//
// f32 and f64 are the host's, without contraction. f16 and bf16 are computed in double, rounded to odd where double is
// not exact, and then rounded once: that is what one correctly rounded operation gives (53 >= 2 * 11 + 2 bits).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_NUMBERS_H
#define LATHE_TEST_CUDA_NUMBERS_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lathe::ptx {

enum class Rounding : uint8_t { NearestEven, Zero, Down, Up, NearestAway };

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};
inline constexpr uint32_t nanBits = 0x7FFFFFFF; ///< PTX's canonical NaN of f32; 0x7FFF of f16 and bf16

/// The bits of `value` in a format of 1 + exponentBits + mantissaBits, rounded once.
inline uint64_t encodeFloat(double value, int exponentBits, int mantissaBits, Rounding rounding) {
  const uint64_t bits = std::bit_cast<uint64_t>(value), sign = bits >> 63;
  const uint64_t signBit = sign << (exponentBits + mantissaBits);
  const uint64_t infinity = ((uint64_t(1) << exponentBits) - 1) << mantissaBits;
  if (value != value)
    return infinity | ((uint64_t(1) << mantissaBits) - 1);
  const int biased = bits >> 52 & 0x7FF, bias = (1 << (exponentBits - 1)) - 1;
  if (biased == 0x7FF)
    return signBit | infinity;
  const uint64_t significand = (bits & ((uint64_t(1) << 52) - 1)) | (biased ? uint64_t(1) << 52 : 0);
  if (!significand)
    return signBit;
  const int exponent = (biased ? biased : 1) - 1023;
  const bool subnormal = exponent < 1 - bias;
  int shift = 52 - mantissaBits;
  if (subnormal)
    shift = std::min(63, shift + 1 - bias - exponent);
  uint64_t kept = significand >> shift;
  const uint64_t rest = significand & ((uint64_t(1) << shift) - 1), half = uint64_t(1) << (shift - 1);
  switch (rounding) {
  case Rounding::NearestEven:
    kept += rest > half || (rest == half && (kept & 1));
    break;
  case Rounding::NearestAway:
    kept += rest >= half;
    break;
  case Rounding::Zero:
    break;
  case Rounding::Up:
    kept += rest && !sign;
    break;
  case Rounding::Down:
    kept += rest && sign;
    break;
  }
  const uint64_t result =
      subnormal ? kept : (uint64_t(exponent + bias) << mantissaBits) + kept - (uint64_t(1) << mantissaBits);
  if (result < infinity)
    return signBit | result;
  const bool away = rounding == Rounding::NearestEven || rounding == Rounding::NearestAway ||
                    (rounding == Rounding::Up && !sign) || (rounding == Rounding::Down && sign);
  return signBit | (away ? infinity : infinity - 1);
}

inline float decodeHalf(Half value) {
  const uint32_t magnitude = (value.bits & 0x7FFFu) << 13, sign = (value.bits & 0x8000u) << 16;
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(((value.bits & 0x7C00) == 0x7C00 ? magnitude | 0x7F800000u : finite) | sign);
}
inline float decodeBrain(Brain value) { return std::bit_cast<float>(uint32_t(value.bits) << 16); }

inline Half encodeHalf(double value, Rounding rounding = Rounding::NearestEven) {
  return {static_cast<uint16_t>(encodeFloat(value, 5, 10, rounding))};
}
inline Brain encodeBrain(double value, Rounding rounding = Rounding::NearestEven) {
  return {static_cast<uint16_t>(encodeFloat(value, 8, 7, rounding))};
}
/// To nearest, without branches.
inline Brain roundToBrain(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return {static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : rounded)};
}
inline Half roundToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7FFFFFFF, sign = bits >> 16 & 0x8000;
  const uint32_t normal = (magnitude - 0x38000000u + 0xFFF + (magnitude >> 13 & 1)) >> 13;
  // Of a subnormal result the addition of 0.5 leaves the rounded units of 2^-24 in the low bits.
  const uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000u;
  const uint32_t result = magnitude > 0x7F800000    ? 0x7FFFu
                          : magnitude >= 0x477FF000 ? 0x7C00u | sign
                          : magnitude >= 0x38800000 ? normal | sign
                                                    : small | sign;
  return {static_cast<uint16_t>(result)};
}

/// a + b with the last bit set when it is not exact: rounded to odd.
inline double addToOdd(double a, double b) {
  const double sum = a + b, back = sum - a, error = (a - (sum - back)) + (b - back);
  const uint64_t bits = std::bit_cast<uint64_t>(sum);
  const bool adjust = (error != 0) & (std::fabs(sum) <= std::numeric_limits<double>::max()) & !(bits & 1);
  return std::bit_cast<double>(bits + (adjust ? ((error > 0) == !(bits >> 63) ? 1 : ~uint64_t(0)) : 0));
}
/// A double as a float, rounded to odd: 24 bits are enough to be rounded again to f16 or bf16.
inline float narrowToOdd(double value) {
  const float near = static_cast<float>(value);
  const double error = value - near;
  const uint32_t bits = std::bit_cast<uint32_t>(near);
  const bool adjust = (error != 0) & (std::fabs(near) <= std::numeric_limits<float>::max()) & !(bits & 1);
  return std::bit_cast<float>(bits + (adjust ? ((error > 0) == !(bits >> 31) ? 1u : ~0u) : 0u));
}

inline float flushed(float value) {
  return std::fabs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}

/// min and max: a NaN gives the other operand, or NaN with .NaN; -0 is less than +0.
template <class T> inline T minimum(T a, T b, bool nan) {
  if (a != a || b != b)
    return nan ? std::numeric_limits<T>::quiet_NaN() : a != a ? b : a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
template <class T> inline T maximum(T a, T b, bool nan) {
  if (a != a || b != b)
    return nan ? std::numeric_limits<T>::quiet_NaN() : a != a ? b : a;
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_NUMBERS_H
