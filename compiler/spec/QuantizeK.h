//===- QuantizeK.h - numbers as blocks of 256 -----------------------------------------------------------*- C++ -*-===//
//
// A block's squared error is made small in three steps. For each group: some slightly different ranges are tried, the
// numbers rounded to integers in each, and the scale (and minimum) that leave the least squared error for those
// integers found in closed form; the best range wins. Then the groups' scales are rounded to integers times one f16.
// Last, each group takes those of the neighbouring integer scales, and with them those integers, that leave the least
// error.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_QUANTIZEK_H
#define LATHE_COMPILER_SPEC_QUANTIZEK_H

#include "compiler/spec/Blocks.h"

namespace lathe {

/// 256 numbers as Q4_K, Q5_K or Q6_K.
void quantizeK(Format format, const float *in, uint8_t *block);

} // namespace lathe

#endif
