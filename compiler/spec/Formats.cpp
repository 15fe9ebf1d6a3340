//===- Formats.cpp - storage formats of weights -------------------------------------------------------------------===//
#include "compiler/spec/Half.h"
#include "compiler/spec/Weights.h"
#include "compiler/support/Error.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace lathe {

namespace {
struct FormatInfo {
  Format format;
  const char *name;
  int64_t columns, bytes; ///< of one block
};
// Block layouts of ggml-common.h: f16 scale, then (q4_1: f16 minimum, then) the integers; a byte of 4-bit numbers j
// holds column j in its low half and column j + 16 in its high half.
constexpr FormatInfo formats[] = {
    {Format::F32, "f32", 1, 4},         {Format::F16, "f16", 1, 2},         {Format::BF16, "bf16", 1, 2},
    {Format::Q8_0, "q8_0", 32, 2 + 32}, {Format::Q4_0, "q4_0", 32, 2 + 16}, {Format::Q4_1, "q4_1", 32, 4 + 16},
};
constexpr int blockSize = 32, halfBlock = 16;

const FormatInfo &info(Format format) { return formats[static_cast<int>(format)]; }

uint16_t load16(const uint8_t *at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
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

void packNibbles(const int (&values)[blockSize], uint8_t *out) {
  for (int i = 0; i < halfBlock; ++i)
    out[i] = static_cast<uint8_t>(values[i] | values[i + halfBlock] << 4);
}

/// The value of the largest magnitude becomes -8, so that one side of the range is used in full.
void quantizeQ4_0(const float *in, uint8_t *block) {
  float largest = 0, extreme = 0;
  for (int i = 0; i < blockSize; ++i) {
    if (largest < std::fabs(in[i])) {
      largest = std::fabs(in[i]);
      extreme = in[i];
    }
  }
  const float scale = extreme / -8;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  store16(block, floatToHalf(scale));
  int values[blockSize];
  for (int i = 0; i < blockSize; ++i) {
    const float scaled = in[i] * inverse; // a statement of its own: must not become a fused multiply-add
    values[i] = toInteger(scaled + 8.5f, 0, 15);
  }
  packNibbles(values, block + 2);
}

void quantizeQ4_1(const float *in, uint8_t *block) {
  float low = in[0], high = in[0];
  for (int i = 1; i < blockSize; ++i) {
    low = std::min(low, in[i]);
    high = std::max(high, in[i]);
  }
  const float scale = (high - low) / 15;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  store16(block, floatToHalf(scale));
  store16(block + 2, floatToHalf(low));
  int values[blockSize];
  for (int i = 0; i < blockSize; ++i) {
    const float scaled = (in[i] - low) * inverse;
    values[i] = toInteger(scaled + 0.5f, 0, 15);
  }
  packNibbles(values, block + 4);
}

/// `value` maps a 4-bit number to what it stands for.
template <typename Value> void unpackNibbles(const uint8_t *nibbles, Value value, float *out) {
  for (int i = 0; i < halfBlock; ++i) {
    out[i] = value(nibbles[i] & 15);
    out[i + halfBlock] = value(nibbles[i] >> 4);
  }
}
} // namespace

llvm::StringRef formatName(Format format) { return info(format).name; }

llvm::Expected<Format> parseFormat(llvm::StringRef name) {
  for (const FormatInfo &each : formats)
    if (name.equals_insensitive(each.name))
      return each.format;
  return makeError("weight format '{0}' is unknown; known: f32, f16, bf16, q8_0, q4_0, q4_1", printable(name));
}

int64_t blockColumns(Format format) { return info(format).columns; }
int64_t blockBytes(Format format) { return info(format).bytes; }

void dequantize(Format format, const uint8_t *blocks, int64_t columns, float *out) {
  switch (format) {
  case Format::F32:
    std::memcpy(out, blocks, columns * sizeof(float));
    return;
  case Format::F16:
    for (int64_t i = 0; i < columns; ++i)
      out[i] = halfToFloat(load16(blocks + 2 * i));
    return;
  case Format::BF16:
    for (int64_t i = 0; i < columns; ++i)
      out[i] = bfloatToFloat(load16(blocks + 2 * i));
    return;
  case Format::Q8_0:
    for (int64_t i = 0; i < columns; i += blockSize, blocks += blockBytes(format)) {
      const float scale = halfToFloat(load16(blocks));
      for (int j = 0; j < blockSize; ++j)
        out[i + j] = static_cast<float>(static_cast<int8_t>(blocks[2 + j])) * scale;
    }
    return;
  case Format::Q4_0:
    for (int64_t i = 0; i < columns; i += blockSize, blocks += blockBytes(format)) {
      const float scale = halfToFloat(load16(blocks));
      unpackNibbles(blocks + 2, [&](int number) { return static_cast<float>(number - 8) * scale; }, out + i);
    }
    return;
  case Format::Q4_1:
    for (int64_t i = 0; i < columns; i += blockSize, blocks += blockBytes(format)) {
      const float scale = halfToFloat(load16(blocks)), minimum = halfToFloat(load16(blocks + 2));
      // The product is exact (11 + 4 bits), so the sum rounds once.
      unpackNibbles(blocks + 4, [&](int number) { return static_cast<float>(number) * scale + minimum; }, out + i);
    }
    return;
  }
}

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
  case Format::Q8_0:
  case Format::Q4_0:
  case Format::Q4_1: {
    auto *quantizeBlock = format == Format::Q8_0 ? quantizeQ8_0 : format == Format::Q4_0 ? quantizeQ4_0 : quantizeQ4_1;
    for (int64_t i = 0; i < columns; i += blockSize, blocks += blockBytes(format))
      quantizeBlock(in + i, blocks);
    return;
  }
  }
}

void Weight::readRow(int64_t row, float *out) const {
  std::vector<uint8_t> blocks(rowBytes(format, columns));
  readBlocks(row, blocks.data());
  dequantize(format, blocks.data(), columns, out);
}

} // namespace lathe
