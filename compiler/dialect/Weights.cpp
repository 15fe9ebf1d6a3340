//===- Weights.cpp - who uses which weights, and what lies behind their names -------------------------------------===//
#include "compiler/dialect/Lathe.h"

using namespace mlir;
using namespace lathe::ir;

//===-- uses -------------------------------------------------------------------------------------------------===//

namespace {

using Uses = SmallVector<WeightUse>;

/// Those of the attributes that the op has.
Uses usesOf(Operation *op, ArrayRef<std::pair<StringAttr, WeightForm>> attributes, int64_t experts = 1) {
  Uses uses;
  for (auto [name, form] : attributes) {
    WeightUse use = {name, {}, form, experts};
    Attribute value = op->getAttr(name);
    if (auto list = llvm::dyn_cast_or_null<ArrayAttr>(value))
      llvm::append_range(use.symbols, list.getAsRange<FlatSymbolRefAttr>());
    else if (value)
      use.symbols.push_back(llvm::cast<FlatSymbolRefAttr>(value));
    if (!use.symbols.empty())
      uses.push_back(std::move(use));
  }
  return uses;
}

} // namespace

void WeightUse::replace(Operation *user, FlatSymbolRefAttr symbol) const {
  const bool list = llvm::isa<ArrayAttr>(user->getAttr(attribute));
  user->setAttr(attribute, list ? Attribute(Builder(user->getContext()).getArrayAttr({symbol})) : symbol);
}

using enum WeightForm;

Uses EmbedOp::weightUses() { return usesOf(*this, {{getTableAttrName(), Matrix}}); }
Uses NormOp::weightUses() { return usesOf(*this, {{getWeightAttrName(), Vector}, {getBiasAttrName(), Vector}}); }
Uses LinearOp::weightUses() {
  return usesOf(*this, {{getWeightsAttrName(), Matrix}, {getBiasesAttrName(), Vector}}, getExperts());
}
Uses AttentionOp::weightUses() { return usesOf(*this, {{getScalesAttrName(), Vector}, {getSinksAttrName(), Vector}}); }
Uses AttendOp::weightUses() { return usesOf(*this, {{getScalesAttrName(), Vector}}); }
Uses CombineOp::weightUses() { return usesOf(*this, {{getSinksAttrName(), Vector}}); }
Uses ConvOp::weightUses() { return usesOf(*this, {{getWeightAttrName(), Matrix}, {getBiasAttrName(), Vector}}); }
Uses ScanOp::weightUses() {
  return usesOf(*this, {{getAAttrName(), ByRows}, {getDAttrName(), Vector}, {getDtBiasAttrName(), Vector}});
}
Uses ActivationOp::weightUses() {
  return usesOf(*this, {{getPositiveAttrName(), Vector}, {getNegativeAttrName(), Vector}});
}
Uses ScaleOp::weightUses() { return usesOf(*this, {{getWeightAttrName(), Vector}}); }
Uses RouteOp::weightUses() { return usesOf(*this, {{getBiasAttrName(), Vector}}); }

//===-- what lies behind a name --------------------------------------------------------------------------------===//

SmallVector<WeightOp> lathe::ir::weightsOf(SymbolTableCollection &symbols, Operation *user, FlatSymbolRefAttr symbol) {
  Operation *declared = symbols.lookupNearestSymbolFrom(user, symbol);
  if (auto weight = llvm::dyn_cast_or_null<WeightOp>(declared))
    return {weight};
  SmallVector<WeightOp> weights;
  if (auto packed = llvm::dyn_cast_or_null<PackedOp>(declared)) {
    for (Attribute source : packed.getSources()) {
      auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(packed, llvm::cast<FlatSymbolRefAttr>(source));
      if (!weight)
        return {};
      weights.push_back(weight);
    }
  }
  return weights;
}

std::optional<Shape> lathe::ir::stackedShape(ArrayRef<WeightOp> weights) {
  Shape shape;
  for (WeightOp weight : weights) {
    ArrayRef<int64_t> own = weight.getType().getShape();
    if (shape.rows && shape.columns != own[1])
      return std::nullopt;
    shape = {shape.rows + own[0], own[1]};
  }
  return weights.empty() ? std::nullopt : std::optional(shape);
}

std::optional<int64_t> lathe::ir::joinedLength(ArrayRef<WeightOp> weights) {
  int64_t length = 0;
  for (WeightOp weight : weights) {
    ArrayRef<int64_t> own = weight.getType().getShape();
    if (own[0] != 1)
      return std::nullopt;
    length += own[1];
  }
  return weights.empty() ? std::nullopt : std::optional(length);
}
