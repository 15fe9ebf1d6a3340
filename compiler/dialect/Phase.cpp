//===- Phase.cpp - how a phase is written, read and checked ------------------------------------------------------===//
//
//   %y = lathe.phase "layer 0 down" (%h = %gated : tensor<?x1536x!lathe.q16>, %x = %residual : tensor<?x576xf32>)
//       -> (tensor<?x576xf32>) rows logits offsets [4096] {
//     ...
//     lathe.yield %sum : tensor<?x576xf32>
//   }
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe::ir;

ParseResult PhaseOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SMLoc inputsLoc;
  auto parseInput = [&]() -> ParseResult {
    return failure(parser.parseArgument(arguments.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(operands.emplace_back()) || parser.parseColonType(arguments.back().type));
  };
  if (parser.parseAttribute(name, getNameAttrName(result.name), result.attributes) ||
      parser.getCurrentLocation(&inputsLoc) ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseInput))
    return failure();
  SmallVector<Type> types;
  for (const OpAsmParser::Argument &argument : arguments)
    types.push_back(argument.type);
  if (parser.resolveOperands(operands, types, inputsLoc, result.operands) ||
      parser.parseOptionalArrowTypeList(result.types))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("rows"))) {
    StringRef word;
    SMLoc wordLoc = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    std::optional<RowKind> rows = symbolizeRowKind(word);
    if (!rows)
      return parser.emitError(wordLoc) << "rows are step, logits, choices or once, not " << word;
    result.addAttribute(getRowsAttrName(result.name), RowKindAttr::get(parser.getContext(), *rows));
  }
  if (succeeded(parser.parseOptionalKeyword("offsets"))) {
    Attribute offsets = DenseI64ArrayAttr::parse(parser, {});
    if (!offsets)
      return failure();
    result.addAttribute(getOffsetsAttrName(result.name), offsets);
  }
  return failure(parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parser.parseRegion(*result.addRegion(), arguments));
}

void PhaseOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getNameAttr() << " (";
  llvm::interleaveComma(llvm::zip_equal(getBody().getArguments(), getInputs()), printer, [&](auto pair) {
    auto [argument, input] = pair;
    printer.printRegionArgument(argument, {}, /*omitType=*/true);
    printer << " = " << input << " : " << input.getType();
  });
  printer << ")";
  printer.printOptionalArrowTypeList(getResultTypes());
  if (getRows() != RowKind::Step)
    printer << " rows " << stringifyRowKind(getRows());
  if (getOffsetsAttr()) {
    printer << " offsets ";
    getOffsetsAttr().print(printer);
  }
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getNameAttrName(), getRowsAttrName(), getOffsetsAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult PhaseOp::verify() {
  if (getName().empty())
    return emitOpError("name is empty; it says what the phase is, as \"layer 0 attention\"");
  if (std::optional<ArrayRef<int64_t>> offsets = getOffsets()) {
    if (offsets->size() != getNumResults())
      return emitOpError() << "offsets has " << offsets->size() << " places for " << getNumResults() << " results";
    for (int64_t offset : *offsets)
      if (offset < -1)
        return emitOpError() << "offsets has " << offset << "; a place is a byte of the arena, or -1 for none";
  }
  return success();
}

LogicalResult PhaseOp::verifyRegions() {
  Block &body = getBody().front();
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError() << "body takes (" << body.getArgumentTypes() << "), which are not the inputs' types ("
                         << getInputs().getTypes() << ")";
  auto yield = llvm::dyn_cast<YieldOp>(body.getTerminator());
  if (!yield)
    return emitOpError() << "body ends in " << body.getTerminator()->getName() << "; it ends in lathe.yield";
  if (yield.getValues().getTypes() != getResultTypes())
    return yield.emitOpError() << "gives (" << yield.getValues().getTypes() << "), the phase's results are ("
                               << getResultTypes() << ")";
  for (Operation &op : body)
    if (std::optional<RowKind> made = rowsMadeBy(&op); made && *made != getRows())
      return op.emitOpError() << "is in a phase whose rows are " << stringifyRowKind(getRows()) << "; it makes them "
                              << stringifyRowKind(*made);
  return success();
}

std::optional<RowKind> lathe::ir::rowsMadeBy(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<RowKind>>(op)
      .Case([](TakeRowsOp) { return RowKind::Logits; })
      .Case([](DispatchOp) { return RowKind::Choices; })
      .Case([](AssignOp) { return RowKind::Once; })
      .Case([](CollectOp) { return RowKind::Step; })
      .Default(std::nullopt);
}

bool lathe::ir::readsOtherRows(OpOperand &operand) {
  return llvm::isa<TakeRowsOp, DispatchOp, CollectOp, AssignOp>(operand.getOwner()) && operand.getOperandNumber() == 0;
}
