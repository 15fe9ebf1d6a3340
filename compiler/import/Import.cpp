//===- Import.cpp - from a spec to ops ---------------------------------------------------------------------------===//
#include "compiler/import/Import.h"
#include "compiler/dialect/Diagnostics.h"
#include "compiler/dialect/Lathe.h"
#include "compiler/import/Rotary.h"
#include "compiler/import/StepBuilder.h"
#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/Layers.h"
#include "compiler/support/Error.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include <set>

using namespace mlir;
using namespace lathe;

/// The format that a weight is declared in; see importModel.
static llvm::Expected<Format> formatOf(const WeightShape &shape, const spec::Model &model,
                                       const WeightSource *formats) {
  if (formats) {
    llvm::Expected<const Weight *> weight = formats->get(shape.role);
    if (!weight)
      return weight.takeError();
    if ((*weight)->rows != shape.rows || (*weight)->columns != shape.columns)
      return makeError("weight {0} is [{1}, {2}]; the model needs [{3}, {4}]", shape.role, (*weight)->rows,
                       (*weight)->columns, shape.rows, shape.columns);
    return (*weight)->format;
  }
  return formatFor(shape, formatOf(model.weight_format()).value_or(Format::F32), Format::F32);
}

/// Those of the model and of its variants, as far as a layer has them.
static void declareRotations(OpBuilder &b, const spec::Model &model) {
  std::set<std::string> declared;
  for (uint32_t i = 0; i < model.n_layers(); ++i) {
    const spec::Model layer = layerOf(model, i);
    const std::string name = rotationName(positionsVariant(model, i));
    if (layer.has_mamba() || !layer.positions().has_rotary() || !declared.insert(name).second)
      continue;
    const RotaryFrequencies rotation = rotaryFrequencies(layer.positions().rotary());
    const bool switches = !rotation.longFrequencies.empty();
    ir::RotationOp::create(b, NameLoc::get(b.getStringAttr(name)), b.getStringAttr(name),
                           b.getDenseF64ArrayAttr(rotation.frequencies), b.getF64FloatAttr(rotation.magnitude),
                           b.getI64IntegerAttr(rotation.limit), b.getF64FloatAttr(rotation.growth),
                           switches ? b.getDenseF64ArrayAttr(rotation.longFrequencies) : DenseF64ArrayAttr(),
                           b.getF64FloatAttr(rotation.longMagnitude));
  }
}

static llvm::Error declareSymbols(OpBuilder &b, const spec::Model &model, const WeightSource *formats) {
  for (const WeightShape &shape : weightShapes(model)) {
    llvm::Expected<Format> format = formatOf(shape, model, formats);
    if (!format)
      return format.takeError();
    auto type = RankedTensorType::get({shape.rows, shape.columns}, b.getF32Type());
    ir::WeightOp::create(b, NameLoc::get(b.getStringAttr(shape.role)), b.getStringAttr(shape.role), TypeAttr::get(type),
                         b.getStringAttr(formatName(*format)));
  }
  declareRotations(b, model);
  return llvm::Error::success();
}

static void addStep(OpBuilder &b, const spec::Model &model, StringRef name) {
  OpBuilder::InsertionGuard guard(b);
  Type indices = ir::indicesType(b.getContext()), logits = ir::rowsType(b.getContext(), model.vocab_size());
  const bool lengths = llvm::any_of(llvm::seq(model.n_layers()), [&](uint32_t i) {
    const spec::Positions positions = layerOf(model, i).positions();
    return positions.has_rotary() && dependsOnLength(positions.rotary());
  });
  auto type = b.getFunctionType(SmallVector<Type>(lengths ? 5 : 4, indices), {logits});
  Location loc = NameLoc::get(b.getStringAttr(name));
  auto function = func::FuncOp::create(b, loc, name, type);
  Block &body = *function.addEntryBlock();
  b.setInsertionPointToStart(&body);
  StepBuilder step(b, model,
                   {body.getArgument(0), body.getArgument(1), body.getArgument(2), body.getArgument(3),
                    lengths ? body.getArgument(4) : Value()});
  func::ReturnOp::create(b, loc, step.build());
}

/// Verifies the module; its first complaint is the error.
static llvm::Error check(ModuleOp module) {
  FirstDiagnostic complaint(*module.getContext());
  return complaint.take(verify(module));
}

llvm::Expected<OwningOpRef<ModuleOp>> lathe::importModel(MLIRContext &context, const spec::Model &model,
                                                         const WeightSource *formats) {
  context.loadDialect<ir::LatheDialect, func::FuncDialect>();
  OpBuilder b(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(NameLoc::get(b.getStringAttr("model")));
  (*module)->setAttr("lathe.max_context", b.getI64IntegerAttr(model.max_context()));
  b.setInsertionPointToStart(module->getBody());
  if (llvm::Error error = declareSymbols(b, model, formats))
    return std::move(error);
  addStep(b, model, "decode");
  addStep(b, model, "prefill");
  if (llvm::Error error = check(*module))
    return std::move(error);
  return module;
}
