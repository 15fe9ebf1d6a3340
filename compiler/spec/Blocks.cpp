//===- Blocks.cpp - where each format keeps its bits
//----------------------------------------------------------------===//
//
// Layouts: ggml-common.h (github.com/ggml-org/ggml); the comment of each function has its bytes in order. All numbers
// are little-endian.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/Blocks.h"
#include "compiler/support/Half.h"
#include "llvm/Support/Endian.h"
#include <bit>
#include <cstring>
#include <limits>

namespace lathe {

namespace {

float half(const uint8_t *at) { return halfToFloat(llvm::support::endian::read16le(at)); }

void fillScales(IntegerBlock &out) {
  std::memset(out.scales, 1, sizeof out.scales);
  std::memset(out.minimums, 1, sizeof out.minimums);
}

//===-- 32 numbers ----------------------------------------------------------------------------------------------===//

/// 16 bytes: byte i has number i in its low half and number i + 16 in its high half.
void nibbles(const uint8_t *bytes, int zero, int8_t *values) {
  for (int i = 0; i < 16; ++i) {
    values[i] = static_cast<int8_t>((bytes[i] & 15) - zero);
    values[i + 16] = static_cast<int8_t>((bytes[i] >> 4) - zero);
  }
}

/// d, (m,) u32 of fifth bits by number, nibbles.
void fiveBits(const uint8_t *bytes, int zero, int8_t *values) {
  const uint32_t fifth = llvm::support::endian::read32le(bytes);
  nibbles(bytes + 4, zero, values);
  for (int i = 0; i < 32; ++i)
    values[i] = static_cast<int8_t>(values[i] + (fifth >> i & 1) * 16);
}

/// The numbers that IQ4_NL's and IQ4_XS's 4 bits stand for: -127 ... 113, denser around 0 (llama.cpp, pull request
/// 5590).
constexpr int8_t unevenNumbers[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// E2M1: sign, two bits of exponent (bias 1), one of mantissa, times 2.
constexpr int8_t e2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void lookUp(const uint8_t *bytes, const int8_t (&numbers)[16], int8_t *values) {
  nibbles(bytes, 0, values);
  for (int i = 0; i < 32; ++i)
    values[i] = numbers[values[i]];
}

/// Half of 2^(e - 127); 255 is no number (OCP Microscaling Formats 1.0, 5.4.1).
float halfPower(uint8_t e) {
  if (e == 255)
    return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>(e < 2 ? uint32_t(0x00200000) << e : uint32_t(e - 1) << 23);
}

//===-- 256 numbers ---------------------------------------------------------------------------------------------===//

/// 64 bytes of two bits: byte j of the first 32 has numbers j, j + 32, j + 64, j + 96 from its low bits up; the other
/// 32 bytes the second half of the block.
void twoBits(const uint8_t *bytes, int8_t *values) {
  for (int half = 0; half < 2; ++half)
    for (int part = 0; part < 4; ++part)
      for (int j = 0; j < 32; ++j)
        values[128 * half + 32 * part + j] = static_cast<int8_t>(bytes[32 * half + j] >> 2 * part & 3);
}

/// 128 bytes of four bits: byte j of each 32 has number j in its low half, j + 32 in its high half.
void fourBits(const uint8_t *bytes, int8_t *values) {
  for (int pair = 0; pair < 4; ++pair)
    for (int j = 0; j < 32; ++j) {
      values[64 * pair + j] = static_cast<int8_t>(bytes[32 * pair + j] & 15);
      values[64 * pair + 32 + j] = static_cast<int8_t>(bytes[32 * pair + j] >> 4);
    }
}

/// 32 bytes of one bit: bit p of byte j belongs to number 32 * p + j, which it adds `weight` to.
void addOneBit(const uint8_t *bytes, int weight, int8_t *values) {
  for (int part = 0; part < 8; ++part)
    for (int j = 0; j < 32; ++j)
      values[32 * part + j] = static_cast<int8_t>(values[32 * part + j] + (bytes[j] >> part & 1) * weight);
}

/// Sixteen bytes of two halves (scale low, minimum high), 64 of two bits, d, dmin.
void takeQ2K(const uint8_t *block, IntegerBlock &out) {
  out.group = 16;
  for (int g = 0; g < 16; ++g) {
    out.scales[g] = static_cast<int8_t>(block[g] & 15);
    out.minimums[g] = static_cast<int8_t>(block[g] >> 4);
  }
  twoBits(block + 16, out.values);
  out.d = half(block + 80);
  out.m = -half(block + 82);
}

/// 32 bytes of third bits, 64 of two bits, 12 of scales (16 of six bits, 32 above: the low four as halves of eight
/// bytes, the high two four to a byte), d.
void takeQ3K(const uint8_t *block, IntegerBlock &out) {
  out.group = 16;
  const uint8_t *scales = block + 96;
  for (int g = 0; g < 16; ++g) {
    const int low = scales[g % 8] >> 4 * (g / 8) & 15, high = scales[8 + g % 4] >> 2 * (g / 4) & 3;
    out.scales[g] = static_cast<int8_t>((low | high << 4) - 32);
  }
  twoBits(block + 32, out.values);
  addOneBit(block, 4, out.values);
  for (int8_t &value : out.values)
    value = static_cast<int8_t>(value - 4);
  out.d = half(block + 108);
}

/// Twelve bytes hold eight scales and eight minima of six bits. Groups 0 to 3: the low six bits of bytes 0 to 3 and of
/// 4 to 7. Groups 4 to 7: four bits in the halves of bytes 8 to 11, two in the top of those bytes.
void sixBitScales(const uint8_t *bytes, IntegerBlock &out) {
  for (int g = 0; g < 4; ++g) {
    out.scales[g] = static_cast<int8_t>(bytes[g] & 63);
    out.minimums[g] = static_cast<int8_t>(bytes[4 + g] & 63);
    out.scales[4 + g] = static_cast<int8_t>((bytes[8 + g] & 15) | bytes[g] >> 6 << 4);
    out.minimums[4 + g] = static_cast<int8_t>(bytes[8 + g] >> 4 | bytes[4 + g] >> 6 << 4);
  }
}

/// d, dmin, twelve bytes of scales, 128 of four bits.
void takeQ4K(const uint8_t *block, IntegerBlock &out) {
  out.d = half(block);
  out.m = -half(block + 2);
  sixBitScales(block + 4, out);
  fourBits(block + 16, out.values);
}

/// d, dmin, twelve bytes of scales, 32 of fifth bits, 128 of four bits.
void takeQ5K(const uint8_t *block, IntegerBlock &out) {
  out.d = half(block);
  out.m = -half(block + 2);
  sixBitScales(block + 4, out);
  fourBits(block + 48, out.values);
  addOneBit(block + 16, 16, out.values);
}

/// 128 bytes of four bits, 64 of two bits, sixteen signed scales, d. Here byte j of each 64 has number j low and j + 64
/// high, and the two bits lie as Q2_K's.
void takeQ6K(const uint8_t *block, IntegerBlock &out) {
  out.group = 16;
  int8_t high[maxBlockColumns];
  twoBits(block + 128, high);
  for (int half = 0; half < 2; ++half)
    for (int j = 0; j < 64; ++j) {
      const uint8_t byte = block[64 * half + j];
      out.values[128 * half + j] = static_cast<int8_t>(byte & 15);
      out.values[128 * half + 64 + j] = static_cast<int8_t>(byte >> 4);
    }
  for (int i = 0; i < maxBlockColumns; ++i)
    out.values[i] = static_cast<int8_t>(out.values[i] + high[i] * 16 - 32);
  std::memcpy(out.scales, block + 192, 16);
  out.d = half(block + 208);
}

/// d, u16 of the scales' high two bits, four bytes of their low halves (scales are 32 above), then for each 32 numbers
/// sixteen bytes as in IQ4_NL.
void takeIQ4XS(const uint8_t *block, IntegerBlock &out) {
  out.d = half(block);
  const int high = llvm::support::endian::read16le(block + 2);
  for (int g = 0; g < 8; ++g) {
    const int low = block[4 + g / 2] >> 4 * (g % 2) & 15;
    out.scales[g] = static_cast<int8_t>((low | (high >> 2 * g & 3) << 4) - 32);
    lookUp(block + 8 + 16 * g, unevenNumbers, out.values + 32 * g);
  }
}

/// 48 bytes of five ternary digits, four of four, d. A byte is the digits' fraction of 3^5 (3^4), times 256 and rounded
/// up: each multiplication by 3 pushes one digit out of the low eight bits. Digit k of byte j is number k * bytes + j
/// of its run; the runs are 32, 16 and 4 bytes.
void takeTQ1(const uint8_t *block, IntegerBlock &out) {
  int8_t *values = out.values;
  auto run = [&](int bytes, int digits) {
    for (int j = 0; j < bytes; ++j) {
      uint8_t rest = block[j];
      for (int k = 0; k < digits; ++k) {
        values[k * bytes + j] = static_cast<int8_t>((rest * 3 >> 8) - 1);
        rest = static_cast<uint8_t>(rest * 3);
      }
    }
    block += bytes;
    values += bytes * digits;
  };
  run(32, 5);
  run(16, 5);
  run(4, 4);
  out.d = half(block);
}

/// 64 bytes of two bits, 0 for -1, d.
void takeTQ2(const uint8_t *block, IntegerBlock &out) {
  twoBits(block, out.values);
  for (int8_t &value : out.values)
    value = static_cast<int8_t>(value - 1);
  out.d = half(block + 64);
}

} // namespace

void takeApart(Format format, const uint8_t *block, IntegerBlock &out) {
  fillScales(out);
  out.group = 32;
  out.hasMinimum = false;
  switch (format) {
  case Format::F32:
  case Format::F16:
  case Format::BF16:
    return;
  case Format::Q8_0:
    out.d = half(block);
    std::memcpy(out.values, block + 2, 32);
    return;
  case Format::Q4_0:
    out.d = half(block);
    return nibbles(block + 2, 8, out.values);
  case Format::Q5_0:
    out.d = half(block);
    return fiveBits(block + 2, 16, out.values);
  case Format::Q4_1:
  case Format::Q5_1:
    out.d = half(block);
    out.m = half(block + 2);
    out.hasMinimum = true;
    return format == Format::Q4_1 ? nibbles(block + 4, 0, out.values) : fiveBits(block + 4, 0, out.values);
  case Format::Q2_K:
    out.hasMinimum = true;
    return takeQ2K(block, out);
  case Format::Q3_K:
    return takeQ3K(block, out);
  case Format::Q4_K:
    out.hasMinimum = true;
    return takeQ4K(block, out);
  case Format::Q5_K:
    out.hasMinimum = true;
    return takeQ5K(block, out);
  case Format::Q6_K:
    return takeQ6K(block, out);
  case Format::IQ4_NL:
    out.d = half(block);
    return lookUp(block + 2, unevenNumbers, out.values);
  case Format::IQ4_XS:
    return takeIQ4XS(block, out);
  case Format::TQ1_0:
    return takeTQ1(block, out);
  case Format::TQ2_0:
    return takeTQ2(block, out);
  case Format::MXFP4:
    out.d = halfPower(block[0]);
    return lookUp(block + 1, e2m1Doubled, out.values);
  }
}

} // namespace lathe
