//===- Kernel.h - tile functions of the GPU --------------------------------------------------------------*- C++ -*-===//
//
// One function a family writes the code of its tile for a block of threads (Code.h), from the same description and
// signature as the CPU's. Arrays are named as in Signature.h and stand where the tile's views do; what Halide's kernels
// read from `tile` is in Tile.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_KERNEL_H
#define LATHE_COMPILER_KERNELS_GPU_KERNEL_H

#include "compiler/backend/Space.h"
#include "compiler/kernels/gpu/Code.h"
#include <map>

namespace lathe::gpu {

/// The tile that a block runs, i32 each.
struct Tile {
  V m, n, s;      ///< row tile, column tile, split
  V rows;         ///< of the step: what the CPU has as tile[4]
  V rowsLeft;     ///< rows of the phase from the call's first on: those of the call beyond them have no meaning
};

/// A call of a kernel: its arrays and its tile.
class TileCall {
public:
  TileCall(Code &code, const KernelDesc &kernel, const Values &values, Tile tile, std::vector<Array> arrays);

  Code &code;
  const Values &values; ///< of the schedule
  const Tile tile;

  /// The argument of that name.
  const Array &array(const std::string &name) const { return arrays.at(name); }
  bool has(const std::string &name) const { return arrays.contains(name); }

private:
  std::map<std::string, Array> arrays;
};

#define LATHE_FAMILY(Name, ...) void writeKernel(const Name##Kernel &k, TileCall &call);
#include "compiler/kernels/Families.def"

/// What may be varied in a kernel's code, and the tile of its phase where it leads that.
Space kernelSpace(const KernelDesc &kernel, const ::lathe::Grid &grid, const TargetDesc &target);

/// One row of results, f32 or quantised (layout/Rows.h): for every i of [0, columns) value(i), which is asked for once
/// for each i. Arguments y, or q, low, scale, sum. What value() reads must be there for all threads.
void writeRow(TileCall &call, ActFormat format, int64_t columns, const std::function<V(V i)> &value);

} // namespace lathe::gpu

#endif
