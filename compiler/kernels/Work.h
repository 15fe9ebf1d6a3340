//===- Work.h - what a phase reads and computes ---------------------------------------------------------*- C++ -*-===//
//
// For the roofline (Williams et al. 2009): a phase takes at least the time of its bytes at memory's rate and that of its
// operations at its rate. Operations count the mathematics, not how a kernel does it: an exponential is one.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_WORK_H
#define LATHE_COMPILER_KERNELS_WORK_H

#include "compiler/kernels/Program.h"

namespace lathe {

/// The work of a phase of `set`, whose calls have all their views. Matrices (of linears, convolutions, scans) are counted
/// without padding, so phase.work has their weight bytes and operations already.
Work workOf(const ProgramSet &set, const Phase &phase);

} // namespace lathe

#endif
