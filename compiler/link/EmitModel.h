//===- EmitModel.h - the tables as an object file -----------------------------------------------------*- C++ -*-===//
//
// Writes the structs of ModelTables as constants of an object file that exports `lathe_model`; pointers between them
// and to the kernels are relocations. Equal tables give equal bytes.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_EMITMODEL_H
#define LATHE_COMPILER_LINK_EMITMODEL_H

#include "compiler/link/Tables.h"

namespace lathe {

/// A position-independent ELF object for the processor that LLVM calls `triple`.
std::string emitTables(const ModelTables &tables, llvm::StringRef triple);

} // namespace lathe

#endif
