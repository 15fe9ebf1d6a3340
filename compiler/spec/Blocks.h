//===- Blocks.h - stored blocks of integer formats, taken apart ----------------------------------------*- C++ -*-===//
//
// Every integer format of GGUF says the same thing in another order of bits: in a block, number i of group g is
//
//      w = (d * scale[g]) * value[i]  (+ m * minimum[g])
//
// with small integers scale, minimum and value. Exact numbers (dequantize) and packed panels (compiler/link/Panels.h)
// are both made from this form, so that no format has two decoders.
//
// d * scale has at most 11 + 7 significant bits and the product with a value at most 24, so each is exact in f32; with
// a minimum the sum rounds once.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_BLOCKS_H
#define LATHE_COMPILER_SPEC_BLOCKS_H

#include "compiler/support/Formats.h"

namespace lathe {

/// The largest block.
inline constexpr int64_t maxBlockColumns = 256;

struct IntegerBlock {
  int64_t group = 32;      ///< columns of one scale: 16 or 32
  float d = 0, m = 0;      ///< f16 in every format but mxfp4, where d is a power of two
  bool hasMinimum = false; ///< else m and `minimums` have no meaning
  int8_t values[maxBlockColumns];
  int8_t scales[maxBlockColumns / 16];   ///< 1 where a format has none
  int8_t minimums[maxBlockColumns / 16]; ///< >= 0; 1 where a format has m alone
};

/// Whether blocks of `format` are groups of integers with a scale.
inline bool isIntegerFormat(Format format) { return blockColumns(format) > 1; }

/// Takes one stored block of an integer format apart. Any bytes are a block.
void takeApart(Format format, const uint8_t *block, IntegerBlock &out);
/// The inverse, for the formats that quantizeK makes: Q4_K, Q5_K and Q6_K. d and m are f16 numbers.
void putTogether(Format format, const IntegerBlock &block, uint8_t *out);

} // namespace lathe

#endif
