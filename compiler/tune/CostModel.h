//===- CostModel.h - what a phase may take with some values, unmeasured ---------------------------------*- C++ -*-===//
//
//   seconds = max(bytes / read rate, operations / rate * (loads + unpacking + spills)) * imbalance + calls
//
//   loads      a register tile of r x p reads r + p vectors for r * p multiply-adds
//   unpacking  codes become bytes once for the r rows of a register tile
//   spills     accumulators beyond the registers go to the stack and back
//   imbalance  the last tiles of a phase run while other workers wait: few large tiles are dear
//   calls      each tile is a call, and starts its own streams
//
// It only decides what is tried first, and need not be right about more.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_COSTMODEL_H
#define LATHE_COMPILER_TUNE_COSTMODEL_H

#include "compiler/backend/Space.h"
#include "compiler/kernels/Kernel.h"
#include "compiler/target/Target.h"
#include "runtime/device/cpu/Limits.h"

namespace lathe::tune {

/// A phase as the model sees it.
struct CostInput {
  const KernelDesc &kernel; ///< that leads it
  const Grid &grid;
  const TargetDesc &target;
  int64_t rows = 1;         ///< of the steps that are measured, at most the grid's
  double bytes = 0;         ///< of such a step
  double operations = 0;    ///< of such a step
  double operationRate = 1; ///< a second, of their kind
  double readRate = 1;      ///< bytes a second
  unsigned threads = 1;
};

double estimateSeconds(const CostInput &input, const Values &values);

} // namespace lathe::tune

#endif
