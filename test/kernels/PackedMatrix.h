//===- PackedMatrix.h - matrices in the bundle's packed layouts, for kernel tests ---------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_KERNELS_PACKEDMATRIX_H
#define LATHE_TEST_COMPILER_KERNELS_PACKEDMATRIX_H

#include "compiler/kernels/Kernel.h"
#include <cstdint>
#include <vector>

namespace lathe::test {

struct PackedMatrix {
  std::vector<uint8_t> bytes; ///< panelsOf(rows) panels, as Packed.h lays them out
  std::vector<double> values; ///< [panels * 16][columns], row-major: what the bytes mean, exactly
};

/// Random weights of any format. `integers`: scales are powers of two and minima integers, so that sums are exact.
PackedMatrix randomMatrix(PackedFormat format, int64_t rows, int64_t columns, uint64_t seed, bool integers = false);

} // namespace lathe::test

#endif
