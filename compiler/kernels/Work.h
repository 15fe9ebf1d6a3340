//===- Work.h - what a kernel or a phase reads and computes ---------------------------------------------*- C++ -*-===//
//
// For the roofline (Williams et al. 2009): a phase takes at least the time of its bytes at memory's rate and that of its
// operations at its rate. Operations count the mathematics, not how a kernel does it: an exponential is one.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_WORK_H
#define LATHE_COMPILER_KERNELS_WORK_H

#include "compiler/layout/Rows.h"
#include <cstdint>

namespace lathe {

/// What limits a phase's operations: multiply-adds of f32; products of bytes; the same, each made for two planes of
/// activations; multiply-adds of 16-bit floats, which a device may have units for. The order is lathe_rate's.
enum class Rate { F32, Dot4, Dot4Twice, Half };

/// What a step reads and computes in a phase, for the roofline; see lathe_work.
struct Work {
  int64_t weightBytes = 0;        ///< read once a step; in phases of choices for each expert that is chosen
  int64_t activationBytes = 0;    ///< read and written, for each row
  int64_t cacheBytes = 0;         ///< read, for each row and each position that it sees
  int64_t operations = 0;         ///< for each row, 2 for a multiply-add
  int64_t positionOperations = 0; ///< the same for each row and each position that it sees
  int64_t window = 0;             ///< positions that a row sees at most; 0: all
  Rate rate = Rate::F32;

  /// A group's maximum, and a product for each column.
  void quantize(ActFormat format, int64_t columns) { operations += format == ActFormat::F32 ? 0 : 2 * columns; }
};

} // namespace lathe

#endif
