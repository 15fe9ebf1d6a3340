//===- VerifyChecks.h - checks that many ops share (private to compiler/dialect) ------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_DIALECT_VERIFYCHECKS_H
#define LATHE_COMPILER_DIALECT_VERIFYCHECKS_H

#include "compiler/dialect/Lathe.h"

namespace lathe::ir {

/// No size is larger, so that products of two or three stay within 64 bits.
inline constexpr int64_t kLargestSize = 1 << 24;

mlir::LogicalResult checkSize(mlir::Operation *op, llvm::StringRef name, int64_t value);
mlir::LogicalResult checkWidth(mlir::Operation *op, llvm::StringRef what, int64_t width, const llvm::Twine &rule,
                               int64_t expected);
mlir::LogicalResult checkLayer(mlir::Operation *op, int64_t layer);

/// The lathe.weights behind `symbol`; none, and an error that names attribute `name`, when it is not declared.
llvm::SmallVector<WeightOp> lookUp(mlir::SymbolTableCollection &symbols, mlir::Operation *op, llvm::StringRef name,
                                   mlir::FlatSymbolRefAttr symbol);
mlir::LogicalResult checkVector(mlir::SymbolTableCollection &symbols, mlir::Operation *op, llvm::StringRef name,
                                mlir::FlatSymbolRefAttr symbol, int64_t length);
/// Shape of the matrix behind `symbol`, which must have `columns` columns.
mlir::FailureOr<Shape> checkMatrix(mlir::SymbolTableCollection &symbols, mlir::Operation *op, llvm::StringRef name,
                                   mlir::FlatSymbolRefAttr symbol, llvm::StringRef what, int64_t columns);

} // namespace lathe::ir

#endif
