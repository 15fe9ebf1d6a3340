//===- PackedRows.h - where a packed weight's rows lie ------------------------------------------------*- C++ -*-===//
//
// A PackedWeight stacks the rows of its sources, and orders them by panel: one after another, in alternating panels
// (interleave), and each expert's apart (compiler/dialect: lathe.packed).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_PACKEDROWS_H
#define LATHE_COMPILER_LINK_PACKEDROWS_H

#include "compiler/kernels/Program.h"
#include "compiler/spec/Weights.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace lathe {

/// Of all its panels, or of the vector.
uint64_t packedBytes(const PackedWeight &weight);

/// Fails if the weight's parts do not fit together, or its `bytes` are not what its shape needs.
llvm::Error checkShape(const PackedWeight &weight);

/// The weights behind one PackedWeight, in its order.
using PackSources = std::vector<const Weight *>;

/// Finds them; fails if one is missing, or its shape or storage is not what `packed` is made of.
llvm::Expected<PackSources> resolve(const PackedWeight &packed, const WeightSource &source);

/// Writes panels `first` .. `first + count` of a matrix. `scratch` is for reuse between calls. Fails if a row cannot be
/// read (Weight::readBlocks).
llvm::Error packPanels(const PackedWeight &weight, const PackSources &sources, int64_t first, int64_t count,
                       uint8_t *out, std::vector<uint8_t> &scratch);
/// Writes a vector: f32, zeros where it is padded stay. Fails likewise.
llvm::Error packVector(const PackedWeight &weight, const PackSources &sources, uint8_t *out);

/// One row of a packed matrix, or a vector's row 0, as f32 [columns]. `data` are the bytes of its place; rows count as
/// in the stacked sources (with `interleave`: all rows of the first source, then all of the second).
void unpackRow(const PackedWeight &weight, const uint8_t *data, int64_t row, float *out);

} // namespace lathe

#endif
