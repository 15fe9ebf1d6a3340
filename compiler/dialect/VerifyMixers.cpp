//===- VerifyMixers.cpp - what makes the ops of experts and of recurrent layers valid ----------------------------===//
#include "compiler/dialect/VerifyChecks.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::ir;

LogicalResult RouteOp::verify() {
  const int64_t experts = widthOf(getInput()), chosen = widthOf(getResult());
  if (double scale = getScale().convertToDouble(); !(scale > 0) || !std::isfinite(scale))
    return emitOpError() << "scale = " << scale << "; it is greater than 0";
  if (getGroups() < 1 || experts % getGroups())
    return emitOpError() << "groups = " << getGroups() << " does not divide the " << experts << " experts";
  if (getKeep() < 1 || getKeep() > getGroups())
    return emitOpError() << "keep = " << getKeep() << "; it is from 1 to groups = " << getGroups();
  if (getKeep() < getGroups() && experts / getGroups() < 2)
    return emitOpError("groups of one expert have no two best ones to compare them by");
  if (const int64_t left = experts / getGroups() * getKeep(); chosen > left)
    return emitOpError() << "result has " << chosen << " choices of " << left << " experts";
  return success();
}

LogicalResult RouteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return getBiasAttr() ? checkVector(symbols, *this, "bias", getBiasAttr(), widthOf(getInput())) : success();
}

LogicalResult AssignOp::verify() {
  if (failed(checkSize(*this, "experts", getExperts())))
    return failure();
  if (widthOf(getRoutes()) <= getExperts())
    return success();
  return emitOpError() << "routes have " << widthOf(getRoutes()) << " choices of experts = " << getExperts();
}

LogicalResult GateOp::verify() { return checkWidth(*this, "gate", widthOf(getGate()), "a row's one number", 1); }

LogicalResult ConvOp::verify() { return checkLayer(*this, getLayer()); }

LogicalResult ConvOp::verifySymbolUses(SymbolTableCollection &symbols) {
  const int64_t channels = widthOf(getInput());
  SmallVector<WeightOp> weights = lookUp(symbols, *this, "weight", getWeightAttr());
  if (weights.empty())
    return failure();
  std::optional<Shape> shape = stackedShape(weights);
  if (!shape || shape->rows != channels)
    return emitOpError() << "weight " << getWeightAttr() << " is not a matrix of " << channels
                         << " rows, one for each channel of the input";
  return getBiasAttr() ? checkVector(symbols, *this, "bias", getBiasAttr(), channels) : success();
}

int64_t ScanOp::heads() { return widthOf(getDt()); }
int64_t ScanOp::headSize() { return widthOf(getInput()) / heads(); }
int64_t ScanOp::stateSize() { return widthOf(getB()) / getGroups(); }

LogicalResult ScanOp::verify() {
  double least = getDtMin().convertToDouble(), most = getDtMax().convertToDouble();
  if (failed(checkLayer(*this, getLayer())) || failed(checkSize(*this, "groups", getGroups())))
    return failure();
  if (!(least >= 0) || !std::isfinite(least) || !(most >= 0) || !std::isfinite(most) || (most > 0 && least > most))
    return emitOpError() << "dt_min = " << least << " and dt_max = " << most << " are no limits of a step (0: none)";
  if (widthOf(getInput()) % heads())
    return emitOpError() << "dt has " << heads() << " heads, which do not divide the input's width "
                         << widthOf(getInput());
  if (heads() % getGroups())
    return emitOpError() << "groups = " << getGroups() << " does not divide the heads, " << heads();
  if (widthOf(getB()) % getGroups())
    return emitOpError() << "groups = " << getGroups() << " does not divide b's width " << widthOf(getB());
  return checkWidth(*this, "c", widthOf(getC()), "b", widthOf(getB()));
}

LogicalResult ScanOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(checkVector(symbols, *this, "d", getDAttr(), heads())) ||
      failed(checkVector(symbols, *this, "dt_bias", getDtBiasAttr(), heads())))
    return failure();
  SmallVector<WeightOp> weights = lookUp(symbols, *this, "a", getAAttr());
  if (weights.empty())
    return failure();
  std::optional<Shape> shape = stackedShape(weights);
  if (shape && shape->rows == 1)
    return checkVector(symbols, *this, "a", getAAttr(), heads());
  if (shape && shape->rows == heads() && shape->columns == stateSize() && headSize() == 1)
    return success();
  return emitOpError() << "a " << getAAttr() << " is neither a vector of " << heads()
                       << " nor, with heads of one channel, a matrix of " << heads() << " x " << stateSize();
}
