//===- Linears.h - questions that several passes ask about linears --------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_FUSION_LINEARS_H
#define LATHE_COMPILER_FUSION_LINEARS_H

#include "compiler/dialect/Lathe.h"
#include "mlir/IR/SymbolTable.h"

namespace lathe {

/// The format that weights stored as `format` ("iq4_nl") are packed as ("q8_0"): matrices that agree in it may be
/// packed together. A format that is never packed is its own.
llvm::StringRef packedAs(llvm::StringRef format);

/// What the linear's weights, lathe.weight or lathe.packed, are packed as. Fails, with an error on the op, when a
/// weight is not declared or two differ.
mlir::FailureOr<llvm::StringRef> weightFormat(ir::LinearOp linear, const mlir::SymbolTable &symbols);

/// Whether weights of this format are multiplied by quantised activations.
bool wantsQuantized(llvm::StringRef format);

/// The glu whose gate is the first and whose up is the second half of the linear's result, when that is its only use.
struct GluUse {
  ir::SliceOp gate, up;
  ir::GluOp glu;
};
std::optional<GluUse> gluOf(mlir::Value result);

} // namespace lathe

#endif
