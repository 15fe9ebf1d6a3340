//===- Lathe.h - the lathe dialect in C++ -------------------------------------------------------------*- C++ -*-===//
//
// Classes of the dialect that LatheOps.td declares, and the few questions about symbols that its verifiers, the fusion
// passes and the reference all ask.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DIALECT_LATHE_H
#define LATHE_COMPILER_DIALECT_LATHE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h" // first: what MLIR's generated headers need
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace lathe::ir {

// Forms of tensors that ops take; N is a known, positive size.
bool isRows(mlir::Type type);          ///< tensor<?xNxf32>
bool isQuantizedRows(mlir::Type type); ///< tensor<?xNx!lathe.q16>, or of !lathe.q8
bool isIndices(mlir::Type type);       ///< tensor<?xi32>
bool isRoutes(mlir::Type type);        ///< tensor<?xNx!lathe.route>
bool isChoices(mlir::Type type);       ///< tensor<?x!lathe.choice>
bool isPartials(mlir::Type type);      ///< tensor<?x?xNxf32>
bool isMatrix(mlir::Type type);        ///< tensor<NxNxf32>

/// tensor<?xi32>.
mlir::RankedTensorType indicesType(mlir::MLIRContext *context);
/// tensor<?x!lathe.choice>.
mlir::RankedTensorType choicesType(mlir::MLIRContext *context);
/// tensor<?x`width`xf32>.
mlir::RankedTensorType rowsType(mlir::MLIRContext *context, int64_t width);
/// Columns of rows, partials or a matrix: the last dimension.
int64_t widthOf(mlir::Value value);

/// The name that import gave an op ("layers.3.attention.query"), "" for one that passes have made or merged.
llvm::StringRef nameOf(mlir::Location location);

/// Which hidden state the op's result is (its attribute lathe.hidden): state i is what layer i reads, the last one what
/// the head reads. Nothing for most ops.
inline constexpr llvm::StringLiteral kHidden = "lathe.hidden";
std::optional<int64_t> hiddenOf(mlir::Operation *op);

/// Columns of a quantised group of lathe.quantize's result.
inline constexpr int64_t kGroupColumns = 32;

/// How an op reads a weight.
enum class WeightForm {
  Matrix,
  Vector,
  ByRows, ///< a vector if it is declared with one row, else a matrix
};

/// Weights that an op names.
struct WeightUse {
  mlir::StringAttr attribute;
  llvm::SmallVector<mlir::FlatSymbolRefAttr, 2> symbols; ///< lathe.weights that are packed as one, or one lathe.packed
  WeightForm form;
  int64_t experts = 1; ///< equal parts of each

  /// Makes the op name another one instead of all.
  void replace(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol) const;
};

} // namespace lathe::ir

#include "compiler/dialect/LatheDialect.h.inc"
#include "compiler/dialect/LatheEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/LatheAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/LatheTypes.h.inc"
#include "compiler/dialect/WeightUser.h.inc"
#define GET_OP_CLASSES
#include "compiler/dialect/LatheOps.h.inc"

namespace lathe::ir {

/// What an op makes of its phase's rows, where it is their kind that it changes.
std::optional<RowKind> rowsMadeBy(mlir::Operation *op);
/// Whether an op reads rows of this operand that are not its own: chosen ones, or all.
bool readsOtherRows(mlir::OpOperand &operand);

/// Rows and columns of a matrix.
struct Shape {
  int64_t rows = 0, columns = 0;
};

/// The lathe.weights behind a symbol: itself, or the sources of a lathe.packed in order. Empty when the symbol, or one
/// of its sources, is not declared or is something else.
llvm::SmallVector<WeightOp> weightsOf(mlir::SymbolTableCollection &symbols, mlir::Operation *user,
                                      mlir::FlatSymbolRefAttr symbol);
/// Shape of weights stacked by rows; nothing when their columns differ or there are none.
std::optional<Shape> stackedShape(llvm::ArrayRef<WeightOp> weights);
/// Length of vectors laid end to end; nothing when one is a matrix or there are none.
std::optional<int64_t> joinedLength(llvm::ArrayRef<WeightOp> weights);

} // namespace lathe::ir

#endif
