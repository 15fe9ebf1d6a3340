//===- Decode.h - numbers of packed matrices as expressions ---------------------------------------------*- C++ -*-===//
//
// The words of compiler/layout/Packed.h, read element by element.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_DECODE_H
#define LATHE_COMPILER_KERNELS_GPU_DECODE_H

#include "compiler/kernels/gpu/Kernel.h"

namespace lathe::gpu {

/// The code (i32) of column 4 * quad + c of a step, row n of a panel, as kernels multiply it: the layout's zero is what
/// it counts from, for formats that are not evenly spaced too.
V codeAt(const TileCall &call, PackedFormat format, V c, V n, V quad, V step, V panel);
/// E2M1's four bits as 12 plus twice the number.
V doubledE2M1(V bits);
/// What a group's code - zero is multiplied by, and what is added to that (of a format with minima): f32, exact.
V scaleAt(const TileCall &call, PackedFormat format, V n, V group, V step, V panel);
V minimumAt(const TileCall &call, PackedFormat format, V n, V group, V step, V panel);
/// Column `column` of row n of a panel, of any format: f32.
V elementAt(const TileCall &call, PackedFormat format, V n, V panel, V column);

} // namespace lathe::gpu

#endif
