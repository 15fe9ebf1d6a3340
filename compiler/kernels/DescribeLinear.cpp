//===- DescribeLinear.cpp - phases of matrices -------------------------------------------------------------------===//
#include "compiler/kernels/DescribePhase.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

Activation lathe::activationOf(ir::Activation activation) {
  switch (activation) {
  case ir::Activation::SiLU:
    return Activation::SiLU;
  case ir::Activation::GELUErf:
    return Activation::GELUErf;
  case ir::Activation::GELUTanh:
    return Activation::GELUTanh;
  case ir::Activation::ReLU:
    return Activation::ReLU;
  case ir::Activation::ReLUSquared:
    return Activation::ReLUSquared;
  case ir::Activation::XIELU:
    return Activation::XIELU;
  }
  return Activation::None;
}

ActivationShape lathe::shapeOf(ir::ActivationOp activation) {
  return {.slope = activation.getSlope().convertToDouble()};
}

ActivationShape lathe::shapeOf(ir::GluOp glu) {
  return {glu.getSlope().convertToDouble(), glu.getClamp().convertToDouble(), glu.getOffset().convertToDouble()};
}

Error PhaseDescriber::addEmbed(ir::EmbedOp embed) {
  const PackedWeight &table = weight(embed.getTableAttr());
  bool ofPositions = isPositions(embed.getIds());
  if (ofPositions && context.set.maxContext > table.rows - static_cast<int64_t>(embed.getOffset()))
    return error(embed, "has a table of " + llvm::Twine(table.rows) + " positions where a sequence has " +
                            llvm::Twine(context.set.maxContext));
  Expected<View> ids = index(embed, embed.getIds(), ofPositions ? Base::Positions : Base::Ids);
  if (!ids)
    return ids.takeError();
  std::vector<View> views = {*ids};
  addMatrix(views, table, 0);
  addRow(views, destination(embed.getResult(), Scope::Tile));
  EmbedKernel kernel{table.format, table.rows, table.columns, embed.getScale().convertToDouble(),
                     static_cast<int64_t>(embed.getOffset())};
  phase.calls.push_back({kernel, Scope::Tile, std::move(views)});
  return Error::success();
}

Error PhaseDescriber::describeLinear(ir::LinearOp linear) {
  Operation *o = &body.front();
  for (; o != linear; o = o->getNextNode())
    if (Error wrong = addRowOp(o, Scope::Worker, phase.prologue))
      return wrong;
  const PackedWeight &packed = weight(llvm::cast<FlatSymbolRefAttr>(linear.getWeights()[0]));
  LinearKernel kernel{.format = packed.format,
                      .input = formatOf(linear.getInput()),
                      .columns = packed.columns,
                      .outputStride = 0};
  if (kernel.input != ActFormat::F32 && !isInteger(packed.format))
    return error(linear, llvm::Twine("has ") + packedName(packed.format) + " weights and quantised rows");
  kernel.bias = linear.getBiases().has_value();
  Value result = linear.getResult(), residual;
  for (o = o->getNextNode(); !llvm::isa<ir::YieldOp>(o); o = o->getNextNode())
    if (Error wrong = addEpilogue(o, kernel, result, residual))
      return wrong;
  if (given() != result)
    return error(linear, "is followed by ops that its phase does not give");
  const int64_t chosen = linear.getChoices() ? phase.choices.layout.experts : 1;
  for (int64_t experts : {static_cast<int64_t>(linear.getExperts()), chosen})
    if (experts != packed.experts)
      return error(linear, "has choices of " + llvm::Twine(experts) + " experts and weights of " +
                               llvm::Twine(packed.experts));
  if (kernel.gated != packed.interleave)
    return error(linear, llvm::Twine("feeds ") + (kernel.gated ? "a glu and its weights are not interleaved"
                                                               : "no glu and its weights are interleaved"));

  Expected<Place> input = source(linear, linear.getInput());
  if (!input)
    return input.takeError();
  if (!input->quantized() && (input->chosen.has_value() || input->perRow != rowStride(input->columns) * kF32))
    return error(linear, "reads part of another linear's rows");
  int64_t outUnit = kernel.gated ? kPanelRows / 2 : kPanelRows; // columns of the result for one panel of weights
  Place output = destination(result, Scope::Tile);
  kernel.outputStride = rowStride(output.columns);
  std::vector<View> views;
  addRow(views, *input);
  addMatrix(views, packed, panelBytes(packed.format, packed.columns));
  for (View &view : views)
    if (view.base == Base::Weights && packed.experts > 1)
      view.perExpert = packed.bytes / packed.experts;
  if (kernel.bias)
    views.push_back(vector(llvm::cast<FlatSymbolRefAttr>((*linear.getBiases())[0]), kPanelRows * kF32));
  if (kernel.bias && packed.experts > 1)
    views.back().perExpert = packed.expertPanels() * kPanelRows * kF32;
  if (residual) {
    Expected<Place> place = source(linear, residual);
    if (!place)
      return place.takeError();
    if (place->perRow != output.perRow || place->chosen.has_value() || place->base != Base::Arena)
      return error(linear, "adds to rows that are not an earlier phase's whole result");
    views.push_back(rows(*place, outUnit * kF32));
  }
  views.push_back(rows(output, outUnit * kF32));
  phase.calls.push_back({kernel, Scope::Tile, std::move(views)});
  // Of one expert: a tile's rows have one. A step's row has several choices.
  const int64_t choices = linear.getChoices() ? phase.choices.layout.choices : 1;
  phase.columns = packed.expertPanels();
  phase.work.weightBytes += packed.bytes / packed.experts;
  phase.work.operations += 2 * choices * packed.expertRows() * packed.columns;
  setTile(phase, linear.getChoices() ? phase.choices.layout.tileRows : 1, kernel.gated ? 2 : 1);
  return Error::success();
}

/// One op after the linear; they come in the kernel's order, which lathe-form-phases sees to and is checked here again.
Error PhaseDescriber::addEpilogue(Operation *o, LinearKernel &kernel, Value &result, Value &residual) {
  bool later = kernel.scale != 1 || kernel.softcap != 0 || residual;
  auto misplaced = [&] { return error(o, "does not fit the epilogue of the linear before it"); };
  if (auto slice = llvm::dyn_cast<ir::SliceOp>(o))
    return slice.getInput() == result && !later ? Error::success() : misplaced();
  if (auto glu = llvm::dyn_cast<ir::GluOp>(o)) {
    auto half = [&](Value value, int64_t offset) {
      auto slice = value.getDefiningOp<ir::SliceOp>();
      return slice && slice.getInput() == result && static_cast<int64_t>(slice.getOffset()) == offset;
    };
    int64_t width = ir::widthOf(glu.getResult());
    if (later || kernel.gated || kernel.activation != Activation::None || ir::widthOf(result) != 2 * width ||
        !half(glu.getGate(), 0) || !half(glu.getUp(), width))
      return misplaced();
    kernel.gated = true;
    kernel.activation = activationOf(glu.getActivation());
    kernel.shape = shapeOf(glu);
  } else if (auto add = llvm::dyn_cast<ir::AddOp>(o)) {
    double scale = add.getScale().convertToDouble();
    bool branch = add.getB() == result;
    if (residual || (!branch && add.getA() != result) || (scale != 1 && (!branch || later)))
      return misplaced();
    kernel.scale *= scale;
    kernel.residual = true;
    residual = branch ? add.getA() : add.getB();
  } else if (o->getNumOperands() != 1 || o->getOperand(0) != result) {
    return misplaced();
  } else if (auto activation = llvm::dyn_cast<ir::ActivationOp>(o)) {
    if (later || kernel.gated || kernel.activation != Activation::None || activation.getPositiveAttr())
      return misplaced();
    kernel.activation = activationOf(activation.getActivation());
    kernel.shape = shapeOf(activation);
  } else if (auto scale = llvm::dyn_cast<ir::ScaleOp>(o)) {
    if (later || scale.getWeightAttr())
      return misplaced();
    kernel.scale = scale.getFactor().convertToDouble();
  } else if (auto softcap = llvm::dyn_cast<ir::SoftcapOp>(o)) {
    if (kernel.softcap != 0 || residual)
      return misplaced();
    kernel.softcap = softcap.getCap().convertToDouble();
  } else {
    return misplaced();
  }
  result = o->getResult(0);
  return Error::success();
}
