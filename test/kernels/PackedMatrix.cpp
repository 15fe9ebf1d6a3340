//===- PackedMatrix.cpp - matrices in the bundle's packed layouts, for kernel tests -----------------------------===//
#include "test/kernels/PackedMatrix.h"
#include "compiler/support/Half.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Writes one 2-byte value and returns what it means.
double putHalf(uint8_t *place, double value) {
  uint16_t bits = floatToHalf(float(value));
  memcpy(place, &bits, 2);
  return halfToFloat(bits);
}

double putBrain(uint8_t *place, double value) {
  uint16_t bits = floatToBfloat(float(value));
  memcpy(place, &bits, 2);
  return bfloatToFloat(bits);
}

void fillFloats(PackedMatrix &matrix, PackedFormat format, int64_t rows, int64_t columns, bool integers,
                std::mt19937_64 &random) {
  std::normal_distribution<double> normal(0, 1 / std::sqrt(double(columns)));
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
      else
        meant = putBrain(place, value);
      matrix.values[r * columns + c] = meant;
    }
}

/// By the words of compiler/layout/Packed.h.
class IntegerFiller {
public:
  IntegerFiller(PackedMatrix &matrix, PackedFormat format, int64_t columns, bool integers, std::mt19937_64 &random)
      : matrix(matrix), format(format), layout(panelLayout(format)), columns(columns), integers(integers),
        random(random) {
    const double code = layout.largestCode() / 4.0, block = layout.blockScales ? 32 : 1, middle = 1024;
    const double wanted = 1 / std::sqrt(double(columns)) / (middle * code * block);
    unit = std::exp2(std::max(-24.0, std::floor(std::log2(wanted)))); // f16 has no finer one
    minimumUnit = (layout.largestCode() + 1) / (layout.blockScales ? 4 : 2);
  }

  void fill(int64_t r) {
    uint8_t *panel = matrix.bytes.data() + r / 16 * panelBytes(format, columns);
    const int64_t lane = r % 16, blockHead = (layout.minimum ? 2 : 1) * 32;
    uint8_t *steps = panel + (layout.blockScales ? columns / 256 * blockHead : 0);
    double d = 0, m = 0;
    for (int64_t g = 0; g < columns / 32; ++g) {
      if (layout.blockScales && g % 8 == 0) {
        uint8_t *head = panel + g / 8 * blockHead + lane * 2;
        d = putHalf(head, integers ? 0.25 : scale());
        m = layout.minimum ? putHalf(head + 32, integers ? 1 : -minimumUnit * scale()) : 0;
      }
      fillStep(steps + g * layout.stepBytes(), lane, d, m, &matrix.values[r * columns + g * 32]);
    }
  }

private:
  void fillStep(uint8_t *step, int64_t lane, double d, double m, double *values) {
    const int bits = layout.lowBits + layout.highBits;
    uint8_t *high = step + 64 * layout.lowBits, *scales = high + 64 * layout.highBits;
    const int64_t groups = 32 / layout.group;
    for (int64_t h = 0; h < groups; ++h) {
      double factor, minimum = 0;
      if (layout.blockScales) {
        uint8_t *at = scales + h * 16 + lane;
        factor =
            d * putByte(at, integers ? std::uniform_int_distribution(-2, 2) : std::uniform_int_distribution(-64, 63));
        if (layout.minimum)
          minimum = m * putByte(at + groups * 16, std::uniform_int_distribution(0, integers ? 3 : 63));
      } else {
        uint8_t *at = scales + (h * 16 + lane) * 2;
        factor = integers ? 0.25 : scale();
        factor = layout.brain ? putBrain(at, factor) : putHalf(at, factor);
        if (layout.minimum)
          minimum = putHalf(at + groups * 32, integers ? whole(random) : -minimumUnit * scale());
      }
      for (int64_t c = h * layout.group; c < (h + 1) * layout.group; ++c) {
        const int code = std::uniform_int_distribution(bits == 8 ? 1 : 0, (1 << bits) - 1)(random);
        put(step, layout.lowBits, lane, c, code & ((1 << layout.lowBits) - 1));
        if (layout.highBits)
          put(high, layout.highBits, lane, c, code >> layout.lowBits);
        static constexpr int e2m1[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
        values[c] = factor * (layout.evenly ? code - layout.zero : e2m1[code]) + minimum;
      }
    }
  }

  /// Eleven bits times one unit for the whole matrix: with codes, bytes and minima, numbers of at most 24 bits.
  double scale() { return unit * std::uniform_int_distribution<int>(1, 2047)(random); }
  static void put(uint8_t *plane, int bits, int64_t lane, int64_t column, int value) {
    const int64_t quad = column / 4, quads = 8 / bits;
    plane[quad / quads * 64 + lane * 4 + column % 4] |= static_cast<uint8_t>(value << quad % quads * bits);
  }
  double putByte(uint8_t *place, std::uniform_int_distribution<int> values) {
    const int value = values(random);
    *place = static_cast<uint8_t>(value);
    return value;
  }

  PackedMatrix &matrix;
  const PackedFormat format;
  const PanelLayout &layout;
  const int64_t columns;
  const bool integers;
  std::mt19937_64 &random;
  double unit, minimumUnit; ///< of scales; minima are as large as the middle of the codes
  std::uniform_int_distribution<int> whole{-3, 3};
};

} // namespace

PackedMatrix lathe::test::randomMatrix(PackedFormat format, int64_t rows, int64_t columns, uint64_t seed,
                                       bool integers) {
  std::mt19937_64 random(seed);
  int64_t padded = panelsOf(rows) * kPanelRows;
  PackedMatrix matrix;
  matrix.bytes.resize(panelsOf(rows) * panelBytes(format, columns));
  matrix.values.resize(padded * columns);
  if (!isInteger(format)) {
    fillFloats(matrix, format, padded, columns, integers, random);
    return matrix;
  }
  IntegerFiller filler(matrix, format, columns, integers, random);
  for (int64_t r = 0; r < padded; ++r)
    filler.fill(r);
  return matrix;
}
