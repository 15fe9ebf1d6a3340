//===- Fallback.h - tiles when nothing was measured ---------------------------------------------------*- C++ -*-===//
//
// The total rule: for any linear phase a tile that fits it. What remains of a kernel's schedule has its fallback in the
// family's space (compiler/kernels/halide/Registry.h).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_FALLBACK_H
#define LATHE_COMPILER_SCHEDULE_FALLBACK_H

#include "compiler/kernels/Program.h"
#include "compiler/target/Target.h"

namespace lathe {

struct Tile {
  int64_t rows = 1, panels = 1;
};

/// A tile for a linear phase, where possible whole register tiles of the family's fallback; tileFits holds for it.
Tile fallbackTile(const Program &program, const Phase &phase, const TargetDesc &target);

} // namespace lathe

#endif
