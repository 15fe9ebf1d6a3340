//===- Dequantize.cpp - exact values of stored numbers
//-----------------------------------------------------------------===//
#include "compiler/spec/Blocks.h"
#include "compiler/spec/Weights.h"
#include "compiler/support/Half.h"
#include "llvm/Support/Endian.h"
#include <cstring>

namespace lathe {

static void valuesOf(const IntegerBlock &block, int64_t columns, float *out) {
  for (int64_t begin = 0; begin < columns; begin += block.group) {
    const int64_t g = begin / block.group;
    const float scale = block.d * static_cast<float>(block.scales[g]); // exact, and so is its product with a value
    const float minimum = block.m * static_cast<float>(block.minimums[g]);
    for (int64_t i = begin; i < begin + block.group; ++i) {
      const float product = scale * static_cast<float>(block.values[i]);
      out[i] = block.hasMinimum ? product + minimum : product;
    }
  }
}

void dequantize(Format format, const uint8_t *blocks, int64_t columns, float *out) {
  using llvm::support::endian::read16le;
  switch (format) {
  case Format::F32:
    std::memcpy(out, blocks, columns * sizeof(float));
    return;
  case Format::F16:
    for (int64_t i = 0; i < columns; ++i)
      out[i] = halfToFloat(read16le(blocks + 2 * i));
    return;
  case Format::BF16:
    for (int64_t i = 0; i < columns; ++i)
      out[i] = bfloatToFloat(read16le(blocks + 2 * i));
    return;
  default:
    break;
  }
  const int64_t width = blockColumns(format), bytes = blockBytes(format);
  IntegerBlock block;
  for (int64_t i = 0; i < columns; i += width, blocks += bytes) {
    takeApart(format, blocks, block);
    valuesOf(block, width, out + i);
  }
}

} // namespace lathe
