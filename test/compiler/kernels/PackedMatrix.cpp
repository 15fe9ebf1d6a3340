//===- PackedMatrix.cpp - matrices in the bundle's packed layouts, for kernel tests -----------------------------===//
#include "test/compiler/kernels/PackedMatrix.h"
#include "test/compiler/kernels/HalideHarness.h"
#include <bit>
#include <cstring>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Writes one 2-byte value and returns what it means.
double putHalf(uint8_t *place, double value) {
  uint16_t bits = halfBits(value);
  memcpy(place, &bits, 2);
  return halfValue(bits);
}

void fillFloats(PackedMatrix &matrix, PackedFormat format, int64_t rows, int64_t columns, bool integers,
                std::mt19937_64 &random) {
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> small(-4, 4);
  int64_t size = format == PackedFormat::F32 ? 4 : 2;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      uint8_t *place = matrix.bytes.data() + (r / 16 * columns * 16 + c * 16 + r % 16) * size;
      float value = static_cast<float>(integers ? small(random) : normal(random));
      double meant = value;
      if (format == PackedFormat::F32)
        memcpy(place, &value, 4);
      else if (format == PackedFormat::F16)
        meant = putHalf(place, value);
      else {
        uint16_t bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
        memcpy(place, &bits, 2);
        meant = std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
      }
      matrix.values[r * columns + c] = meant;
    }
}

void fillGroups(PackedMatrix &matrix, PackedFormat format, int64_t rows, int64_t columns, bool integers,
                std::mt19937_64 &random) {
  const bool bytes = format == PackedFormat::Q8_0;
  const int64_t weights = bytes ? 512 : 256, step = panelStepBytes(format);
  std::uniform_real_distribution<double> scales(0.001, 0.1);
  std::uniform_int_distribution<int> stored(bytes ? 1 : 0, bytes ? 255 : 15), whole(-3, 3);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t g = 0; g < columns / 32; ++g) {
      uint8_t *group = matrix.bytes.data() + r / 16 * panelBytes(format, columns) + g * step;
      int64_t lane = r % 16;
      double scale = putHalf(group + weights + lane * 2, integers ? 0.25 : scales(random)), minimum = 0;
      if (format == PackedFormat::Q4_1)
        minimum = putHalf(group + weights + 32 + lane * 2, integers ? whole(random) : -8 * scales(random));
      for (int64_t c = 0; c < 32; ++c) {
        int q = stored(random);
        if (bytes)
          group[c / 4 * 64 + lane * 4 + c % 4] = static_cast<uint8_t>(q);
        else
          group[c / 8 * 64 + lane * 4 + c % 4] |= static_cast<uint8_t>(c % 8 < 4 ? q : q << 4);
        int zero = bytes ? 128 : format == PackedFormat::Q4_0 ? 8 : 0;
        matrix.values[r * columns + g * 32 + c] = scale * (q - zero) + minimum;
      }
    }
}

} // namespace

PackedMatrix lathe::test::randomMatrix(PackedFormat format, int64_t rows, int64_t columns, uint64_t seed,
                                       bool integers) {
  std::mt19937_64 random(seed);
  int64_t padded = panelsOf(rows) * kPanelRows;
  PackedMatrix matrix;
  matrix.bytes.resize(panelsOf(rows) * panelBytes(format, columns));
  matrix.values.resize(padded * columns);
  (isInteger(format) ? fillGroups : fillFloats)(matrix, format, padded, columns, integers, random);
  return matrix;
}
