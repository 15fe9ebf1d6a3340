//===- VerifyChecks.cpp - checks that many ops share --------------------------------------------------------------===//
#include "compiler/dialect/VerifyChecks.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::ir;

LogicalResult ir::checkSize(Operation *op, StringRef name, int64_t value) {
  if (value >= 1 && value <= kLargestSize)
    return success();
  return op->emitOpError() << name << " = " << value << "; it is from 1 to " << kLargestSize;
}

LogicalResult ir::checkWidth(Operation *op, StringRef what, int64_t width, const Twine &rule, int64_t expected) {
  if (width == expected)
    return success();
  return op->emitOpError() << what << " is " << width << " wide; " << rule << " is " << expected;
}

LogicalResult ir::checkLayer(Operation *op, int64_t layer) {
  if (layer >= 0 && layer < kLargestSize)
    return success();
  return op->emitOpError() << "layer = " << layer << "; it is from 0 to " << kLargestSize - 1;
}

SmallVector<WeightOp> ir::lookUp(SymbolTableCollection &symbols, Operation *op, StringRef name,
                                 FlatSymbolRefAttr symbol) {
  SmallVector<WeightOp> weights = weightsOf(symbols, op, symbol);
  if (weights.empty())
    op->emitOpError() << name << " names " << symbol << ", which no lathe.weight or lathe.packed declares";
  return weights;
}

LogicalResult ir::checkVector(SymbolTableCollection &symbols, Operation *op, StringRef name, FlatSymbolRefAttr symbol,
                              int64_t length) {
  SmallVector<WeightOp> weights = lookUp(symbols, op, name, symbol);
  if (weights.empty())
    return failure();
  std::optional<int64_t> found = joinedLength(weights);
  if (!found)
    return op->emitOpError() << name << " " << symbol << " is a matrix; it is a vector (one row) of " << length;
  if (*found != length)
    return op->emitOpError() << name << " " << symbol << " has " << *found << " elements; " << length << " are needed";
  return success();
}

FailureOr<Shape> ir::checkMatrix(SymbolTableCollection &symbols, Operation *op, StringRef name,
                                 FlatSymbolRefAttr symbol, StringRef what, int64_t columns) {
  SmallVector<WeightOp> weights = lookUp(symbols, op, name, symbol);
  if (weights.empty())
    return failure();
  std::optional<Shape> shape = stackedShape(weights);
  if (!shape)
    return op->emitOpError() << name << " " << symbol << " packs vectors of different lengths; it is a matrix";
  if (shape->columns != columns)
    return op->emitOpError() << name << " " << symbol << " has " << shape->columns << " columns; the " << what << " is "
                             << columns << " wide";
  return *shape;
}
