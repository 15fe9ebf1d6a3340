//===- PutTogether.cpp - blocks of 256 from their integers: Blocks.cpp's layouts, written
//-----------------------------===//
#include "compiler/spec/Blocks.h"
#include "compiler/support/Half.h"
#include "llvm/Support/Endian.h"
#include <cassert>
#include <cstring>

namespace lathe {

namespace {

void putHalf(uint8_t *at, float value) { llvm::support::endian::write16le(at, floatToHalf(value)); }

void putFourBits(const int8_t *values, uint8_t *out) {
  for (int pair = 0; pair < 4; ++pair)
    for (int j = 0; j < 32; ++j)
      out[32 * pair + j] = static_cast<uint8_t>((values[64 * pair + j] & 15) | (values[64 * pair + 32 + j] & 15) << 4);
}

void putSixBitScales(const IntegerBlock &block, uint8_t *out) {
  for (int g = 0; g < 4; ++g) {
    out[g] = static_cast<uint8_t>(block.scales[g] | block.scales[4 + g] >> 4 << 6);
    out[4 + g] = static_cast<uint8_t>(block.minimums[g] | block.minimums[4 + g] >> 4 << 6);
    out[8 + g] = static_cast<uint8_t>((block.scales[4 + g] & 15) | (block.minimums[4 + g] & 15) << 4);
  }
}

void putFifthBits(const int8_t *values, uint8_t *out) {
  std::memset(out, 0, 32);
  for (int part = 0; part < 8; ++part)
    for (int j = 0; j < 32; ++j)
      out[j] |= static_cast<uint8_t>((values[32 * part + j] >> 4 & 1) << part);
}

void putQ6K(const IntegerBlock &block, uint8_t *out) {
  uint8_t *high = out + 128;
  std::memset(high, 0, 64);
  for (int i = 0; i < maxBlockColumns; ++i) {
    const int code = block.values[i] + 32, half = i / 128, within = i % 128;
    uint8_t &low = out[64 * half + within % 64];
    low = static_cast<uint8_t>(within < 64 ? code & 15 : low | (code & 15) << 4);
    high[32 * half + within % 32] |= static_cast<uint8_t>(code >> 4 << within / 32 * 2);
  }
  std::memcpy(out + 192, block.scales, 16);
  putHalf(out + 208, block.d);
}

} // namespace

void putTogether(Format format, const IntegerBlock &block, uint8_t *out) {
  if (format == Format::Q6_K)
    return putQ6K(block, out);
  assert(format == Format::Q4_K || format == Format::Q5_K);
  putHalf(out, block.d);
  putHalf(out + 2, 0 - block.m); // 0, not -0, where there is none
  putSixBitScales(block, out + 4);
  uint8_t *bits = out + 16;
  if (format == Format::Q5_K) {
    putFifthBits(block.values, bits);
    bits += 32;
  }
  putFourBits(block.values, bits);
}

} // namespace lathe
