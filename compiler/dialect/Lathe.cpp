//===- Lathe.cpp - the dialect, its types, and questions about symbols -------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe::ir;

/// `[1.0, 0.5]`, each number with as many digits as it takes to read the same one again (DenseF64ArrayAttr prints six).
static void printNumbers(OpAsmPrinter &printer, Operation *, DenseF64ArrayAttr numbers) {
  printer << "[";
  llvm::interleaveComma(numbers.asArrayRef(), printer,
                        [&](double number) { printer.printFloat(llvm::APFloat(number)); });
  printer << "]";
}

static ParseResult parseNumbers(OpAsmParser &parser, DenseF64ArrayAttr &numbers) {
  numbers = llvm::dyn_cast_or_null<DenseF64ArrayAttr>(DenseF64ArrayAttr::parse(parser, {}));
  return success(numbers != nullptr);
}

/// `key`, and the value's type where it is another.
static void printCacheTypes(OpAsmPrinter &printer, Operation *, Type key, Type value) {
  printer << key;
  if (value != key)
    printer << ", " << value;
}

static ParseResult parseCacheTypes(OpAsmParser &parser, Type &key, Type &value) {
  if (parser.parseType(key))
    return failure();
  value = key;
  return succeeded(parser.parseOptionalComma()) ? parser.parseType(value) : success();
}

/// `query, key`, and where values have another width than keys, `, value -> result`.
static void printAttentionTypes(OpAsmPrinter &printer, Operation *op, Type query, Type key, Type value, Type result) {
  printer << query << ", ";
  printCacheTypes(printer, op, key, value);
  if (value != key)
    printer << " -> " << result;
}

static ParseResult parseAttentionTypes(OpAsmParser &parser, Type &query, Type &key, Type &value, Type &result) {
  if (parser.parseType(query) || parser.parseComma() || parseCacheTypes(parser, key, value))
    return failure();
  result = query;
  return value != key ? ParseResult(failure(parser.parseArrow() || parser.parseType(result))) : success();
}

#include "compiler/dialect/LatheDialect.cpp.inc"
#include "compiler/dialect/LatheEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/LatheAttributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/LatheTypes.cpp.inc"
#include "compiler/dialect/WeightUser.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/dialect/LatheOps.cpp.inc"

LogicalResult LatheDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != kHidden)
    return success();
  auto index = llvm::dyn_cast<IntegerAttr>(attribute.getValue());
  if (!index || index.getType() != IntegerType::get(getContext(), 64) || index.getInt() < 0)
    return op->emitOpError() << kHidden << " is not a number of type i64 from 0 on";
  if (op->getNumResults() != 1 || !isRows(op->getResult(0).getType()))
    return op->emitOpError() << kHidden << " is on an op that does not give rows of f32";
  return success();
}

std::optional<int64_t> lathe::ir::hiddenOf(Operation *op) {
  auto index = op ? op->getAttrOfType<IntegerAttr>(kHidden) : nullptr;
  return index ? std::optional(index.getInt()) : std::nullopt;
}

void LatheDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/LatheAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialect/LatheTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/LatheOps.cpp.inc"
      >();
}

namespace {

/// Whether `type` is a tensor whose leading dimensions are all dynamic and whose last one is known and positive.
RankedTensorType asRows(Type type, int64_t rank) {
  auto tensor = llvm::dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getEncoding() || tensor.getRank() != rank || tensor.isDynamicDim(rank - 1) ||
      tensor.getDimSize(rank - 1) <= 0)
    return {};
  for (int64_t i = 0; i + 1 < rank; ++i)
    if (!tensor.isDynamicDim(i))
      return {};
  return tensor;
}

} // namespace

bool lathe::ir::isRows(Type type) {
  auto tensor = asRows(type, 2);
  return tensor && tensor.getElementType().isF32();
}

bool lathe::ir::isQuantizedRows(Type type) {
  auto tensor = asRows(type, 2);
  return tensor && llvm::isa<Q16Type, Q8Type>(tensor.getElementType());
}

bool lathe::ir::isIndices(Type type) { return type == indicesType(type.getContext()); }

bool lathe::ir::isRoutes(Type type) {
  auto tensor = asRows(type, 2);
  return tensor && llvm::isa<RouteType>(tensor.getElementType());
}

bool lathe::ir::isChoices(Type type) { return type == choicesType(type.getContext()); }

bool lathe::ir::isPartials(Type type) {
  auto tensor = asRows(type, 3);
  return tensor && tensor.getElementType().isF32();
}

bool lathe::ir::isMatrix(Type type) {
  auto tensor = llvm::dyn_cast<RankedTensorType>(type);
  return tensor && !tensor.getEncoding() && tensor.getRank() == 2 && tensor.getElementType().isF32() &&
         llvm::all_of(tensor.getShape(), [](int64_t size) { return size > 0; }); // a dynamic size is negative
}

RankedTensorType lathe::ir::indicesType(MLIRContext *context) {
  return RankedTensorType::get({ShapedType::kDynamic}, IntegerType::get(context, 32));
}

RankedTensorType lathe::ir::choicesType(MLIRContext *context) {
  return RankedTensorType::get({ShapedType::kDynamic}, ChoiceType::get(context));
}

RankedTensorType lathe::ir::rowsType(MLIRContext *context, int64_t width) {
  return RankedTensorType::get({ShapedType::kDynamic, width}, Float32Type::get(context));
}

int64_t lathe::ir::widthOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()).getShape().back(); }

StringRef lathe::ir::nameOf(Location location) {
  auto name = llvm::dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : StringRef();
}
