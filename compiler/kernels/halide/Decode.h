//===- Decode.h - numbers of packed matrices as expressions -------------------------------------------*- C++ -*-===//
//
// The words of compiler/layout/Packed.h, read: all that kernels know of integer formats.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_DECODE_H
#define LATHE_COMPILER_KERNELS_HALIDE_DECODE_H

#include "compiler/kernels/halide/Builder.h"

namespace lathe {

/// The code (u8) of column 4 * quad + c of a step, row n of a panel, as kernels multiply it: the layout's zero is what
/// it counts from, for formats that are not evenly spaced too.
Halide::Expr codeAt(const KernelBuilder &kernel, PackedFormat format, Halide::Expr c, Halide::Expr n, Halide::Expr quad,
                    Halide::Expr step, Halide::Expr panel);
/// What a group's code - zero is multiplied by, and what is added to that (of a format with minima): f32, exact.
Halide::Expr scaleAt(const KernelBuilder &kernel, PackedFormat format, Halide::Expr n, Halide::Expr group,
                     Halide::Expr step, Halide::Expr panel);
Halide::Expr minimumAt(const KernelBuilder &kernel, PackedFormat format, Halide::Expr n, Halide::Expr group,
                       Halide::Expr step, Halide::Expr panel);

} // namespace lathe

#endif
