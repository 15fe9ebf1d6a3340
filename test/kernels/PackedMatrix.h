//===- PackedMatrix.h - matrices in the bundle's packed layouts, for kernel tests ---------------------*- C++ -*-===//
#ifndef LATHE_TEST_KERNELS_PACKEDMATRIX_H
#define LATHE_TEST_KERNELS_PACKEDMATRIX_H

#include "compiler/kernels/Kernel.h"
#include <cstdint>
#include <vector>

namespace lathe::test {

struct PackedMatrix {
  std::vector<uint8_t> bytes; ///< panelsOf(rows) panels, as Packed.h lays them out
  std::vector<double> values; ///< [panels * 16][columns], row-major: what the bytes mean, exactly, also in f32
};

/// Random weights of any format, of about 1 / sqrt(columns), so that products with rows of about 1 are so too.
/// `integers`: scales are powers of two and minima integers, so that sums are exact.
PackedMatrix randomMatrix(PackedFormat format, int64_t rows, int64_t columns, uint64_t seed, bool integers = false);

} // namespace lathe::test

#endif
