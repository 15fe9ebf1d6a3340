//===- Quantize.cpp - numbers as the formats of 32 columns store them
//---------------------------------------------------===//
#include "compiler/spec/QuantizeK.h"
#include "compiler/spec/Weights.h"
#include "compiler/support/Half.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace lathe {

namespace {
constexpr int blockSize = 32, halfBlock = 16;

void store16(uint8_t *at, uint16_t value) { std::memcpy(at, &value, sizeof value); }

/// `value` cut to an integer after it was held to [low, high]; not-a-number gives low.
int toInteger(float value, int low, int high) {
  if (!(value > low))
    return low;
  return value > high ? high : static_cast<int>(value);
}

void quantizeQ8_0(const float *in, uint8_t *block) {
  float largest = 0;
  for (int i = 0; i < blockSize; ++i)
    largest = std::max(largest, std::fabs(in[i]));
  const float scale = largest / 127;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  store16(block, floatToHalf(scale));
  for (int i = 0; i < blockSize; ++i)
    block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(toInteger(std::round(in[i] * inverse), -127, 127)));
}

/// The low four bits of 32 numbers, and before them the fifth bits where there are five.
void packBits(int bits, const int (&values)[blockSize], uint8_t *out) {
  if (bits == 5) {
    uint32_t fifth = 0;
    for (int i = 0; i < blockSize; ++i)
      fifth |= static_cast<uint32_t>(values[i] >> 4) << i;
    std::memcpy(out, &fifth, sizeof fifth);
    out += sizeof fifth;
  }
  for (int i = 0; i < halfBlock; ++i)
    out[i] = static_cast<uint8_t>((values[i] & 15) | (values[i + halfBlock] & 15) << 4);
}

/// Q4_0, Q5_0: the value of the largest magnitude becomes the lowest integer, so that one side of the range is used in
/// full.
template <int bits> void quantizeSymmetric(const float *in, uint8_t *block) {
  constexpr int zero = 1 << (bits - 1);
  float largest = 0, extreme = 0;
  for (int i = 0; i < blockSize; ++i) {
    if (largest < std::fabs(in[i])) {
      largest = std::fabs(in[i]);
      extreme = in[i];
    }
  }
  const float scale = extreme / -zero;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  store16(block, floatToHalf(scale));
  int values[blockSize];
  for (int i = 0; i < blockSize; ++i) {
    const float scaled = in[i] * inverse; // a statement of its own: must not become a fused multiply-add
    values[i] = toInteger(scaled + (zero + 0.5f), 0, 2 * zero - 1);
  }
  packBits(bits, values, block + 2);
}

/// Q4_1, Q5_1: from the least value to the largest.
template <int bits> void quantizeWithMinimum(const float *in, uint8_t *block) {
  constexpr int top = (1 << bits) - 1;
  float low = in[0], high = in[0];
  for (int i = 1; i < blockSize; ++i) {
    low = std::min(low, in[i]);
    high = std::max(high, in[i]);
  }
  const float scale = (high - low) / top;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  store16(block, floatToHalf(scale));
  store16(block + 2, floatToHalf(low));
  int values[blockSize];
  for (int i = 0; i < blockSize; ++i) {
    const float scaled = (in[i] - low) * inverse;
    values[i] = toInteger(scaled + 0.5f, 0, top);
  }
  packBits(bits, values, block + 4);
}

using BlockQuantizer = void (*)(const float *in, uint8_t *block);

BlockQuantizer blockQuantizer(Format format) {
  switch (format) {
  case Format::Q8_0:
    return quantizeQ8_0;
  case Format::Q4_0:
    return quantizeSymmetric<4>;
  case Format::Q5_0:
    return quantizeSymmetric<5>;
  case Format::Q4_1:
    return quantizeWithMinimum<4>;
  case Format::Q5_1:
    return quantizeWithMinimum<5>;
  default:
    llvm_unreachable("the caller asks formatInfo first");
  }
}

} // namespace

void quantize(Format format, const float *in, int64_t columns, uint8_t *blocks) {
  switch (format) {
  case Format::F32:
    std::memcpy(blocks, in, columns * sizeof(float));
    return;
  case Format::F16:
    for (int64_t i = 0; i < columns; ++i)
      store16(blocks + 2 * i, floatToHalf(in[i]));
    return;
  case Format::BF16:
    for (int64_t i = 0; i < columns; ++i)
      store16(blocks + 2 * i, floatToBfloat(in[i]));
    return;
  default:
    break;
  }
  const int64_t width = blockColumns(format), bytes = blockBytes(format);
  const BlockQuantizer quantizeBlock = width == blockSize ? blockQuantizer(format) : nullptr;
  for (int64_t i = 0; i < columns; i += width, blocks += bytes)
    quantizeBlock ? quantizeBlock(in + i, blocks) : quantizeK(format, in + i, blocks);
}

} // namespace lathe
