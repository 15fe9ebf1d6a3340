//===- Print.h - code for CUDA devices, as text -----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_NVVM_PRINT_H
#define LATHE_COMPILER_BACKEND_NVVM_PRINT_H

#include "compiler/backend/Backend.h"
#include "compiler/kernels/gpu/PhaseKernel.h"
#include <string_view>

namespace lathe {

/// Each kernel of the programs' phases, once, in the order of first use, under its name and that of the first phase that it
/// is. `form`: "mlir", as the families have written it; "ptx"; "sass", which takes a disassembler; "list", a table of all:
/// what ptxas says that they need.
void printPhases(std::string_view form, const ProgramSet &set, const gpu::ValuesOf &values, const TargetDesc &target,
                 const Backend::Show &show);

} // namespace lathe

#endif
