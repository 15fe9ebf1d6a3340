//===- Verify.cpp - what makes each op valid ---------------------------------------------------------------------===//
//
// Messages name the attribute, its value, and what would be valid. Sizes are bounded first, so that no product
// overflows.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/dialect/VerifyChecks.h"
#include "compiler/support/Formats.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::ir;

namespace {

/// Attributes that attention, attend, append and combine share.
LogicalResult checkHeads(Operation *op, int64_t heads, int64_t kvHeads) {
  if (failed(checkSize(op, "heads", heads)) || failed(checkSize(op, "kv_heads", kvHeads)))
    return failure();
  if (heads % kvHeads)
    return op->emitOpError() << "kv_heads = " << kvHeads << " does not divide heads = " << heads;
  return success();
}

template <typename AttentionLike> LogicalResult checkScores(AttentionLike op) {
  double scale = op.getScale().convertToDouble(), softcap = op.getSoftcap().convertToDouble();
  if (!std::isfinite(scale))
    return op.emitOpError("scale is not finite");
  if (op.getWindow() < 0)
    return op.emitOpError() << "window = " << op.getWindow() << "; it counts positions, 0 for all";
  if (!(softcap >= 0) || !std::isfinite(softcap))
    return op.emitOpError("softcap is negative or not finite; it is a positive cap, 0 for none");
  const double temperature = op.getTemperature().convertToDouble();
  if (!(temperature >= 0) || !std::isfinite(temperature) || op.getEvery() < 0 ||
      (temperature > 0) != (op.getEvery() > 0))
    return op.emitOpError() << "temperature = " << temperature << " and every = " << op.getEvery()
                            << "; both are positive, or 0 for none";
  if (std::optional<ArrayRef<double>> alibi = op.getAlibi()) {
    if (int64_t(alibi->size()) != op.getHeads())
      return op.emitOpError() << "alibi has " << alibi->size() << " slopes; heads = " << op.getHeads();
    if (!llvm::all_of(*alibi, [](double slope) { return std::isfinite(slope); }))
      return op.emitOpError("alibi has a slope that is not finite");
  }
  return success();
}

LogicalResult checkFormat(Operation *op, StringRef format, int64_t columns) {
  std::optional<Format> known = findFormat(format);
  if (!known || format != formatName(*known)) // which has one spelling here
    return op->emitOpError() << "format = \"" << format << "\" is not one of " << formatNames();
  if (columns % blockColumns(*known))
    return op->emitOpError() << "format = \"" << format << "\" stores blocks of " << blockColumns(*known)
                             << " columns, which do not divide " << columns << " columns";
  return success();
}

} // namespace

//===-- symbols -----------------------------------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  for (int64_t size : getType().getShape())
    if (size >= int64_t(1) << 31)
      return emitOpError() << "type has a dimension of " << size << "; 2147483647 is the largest";
  return checkFormat(*this, getFormat(), getType().getDimSize(1));
}

LogicalResult RotationOp::verify() {
  if (getFrequencies().empty())
    return emitOpError("frequencies is empty; it has one element for each pair of components that rotates");
  for (ArrayRef<double> list : {getFrequencies(), getLongFrequencies().value_or(ArrayRef<double>())})
    for (double frequency : list)
      if (!std::isfinite(frequency))
        return emitOpError("frequencies has an element that is not finite");
  for (const llvm::APFloat &value : {getMagnitude(), getLongMagnitude()})
    if (double magnitude = value.convertToDouble(); !(magnitude > 0) || !std::isfinite(magnitude))
      return emitOpError("magnitude is not a positive number");
  const double growth = getGrowth().convertToDouble();
  if (!(growth >= 0) || !std::isfinite(growth))
    return emitOpError("growth is negative or not finite");
  if (getLimit() < 0 || (getLimit() > 0) != (growth > 0 || getLongFrequencies()) ||
      (growth > 0 && getLongFrequencies()))
    return emitOpError() << "limit = " << getLimit()
                         << "; a limit goes with growth or with the frequencies beyond it, and with one of them only";
  if (growth > 0 && getFrequencies().size() < 2)
    return emitOpError("growth is for two frequencies at least");
  if (getLongFrequencies() && getLongFrequencies()->size() != getFrequencies().size())
    return emitOpError() << "has " << getLongFrequencies()->size() << " frequencies beyond the limit and "
                         << getFrequencies().size() << " up to it";
  return success();
}

LogicalResult PackedOp::verify() {
  if (getSources().empty())
    return emitOpError("sources is empty; it names at least one lathe.weight");
  if (getInterleave() && getSources().size() != 2)
    return emitOpError() << "interleave is for two sources, here are " << getSources().size();
  if (failed(checkSize(*this, "experts", getExperts())))
    return failure();
  if (getExperts() > 1 && getSources().size() != (getInterleave() ? 2 : 1))
    return emitOpError() << "experts are of one source or of two interleaved ones, here are " << getSources().size();
  return checkFormat(*this, getFormat(), /*columns=*/0); // its columns: verifySymbolUses
}

LogicalResult PackedOp::verifySymbolUses(SymbolTableCollection &symbols) {
  SmallVector<WeightOp> weights;
  for (Attribute source : getSources()) {
    auto ref = llvm::cast<FlatSymbolRefAttr>(source);
    auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, ref);
    if (!weight)
      return emitOpError() << "sources names " << ref << ", which no lathe.weight declares";
    weights.push_back(weight);
  }
  if (getInterleave() && weights[0].getType() != weights[1].getType())
    return emitOpError() << "interleave is for two sources of one shape, here are " << weights[0].getType() << " and "
                         << weights[1].getType();
  std::optional<Shape> shape = stackedShape(weights);
  if (!shape && !joinedLength(weights))
    return emitOpError("sources have different numbers of columns; matrices are stacked by rows");
  for (WeightOp weight : weights) {
    ArrayRef<int64_t> size = weight.getType().getShape();
    if (int64_t units = size[0] == 1 ? size[1] : size[0]; units % getExperts())
      return emitOpError() << "experts = " << getExperts() << " does not divide the " << units << " of @"
                           << weight.getSymName();
  }
  return checkFormat(*this, getFormat(), shape ? shape->columns : *joinedLength(weights));
}

//===-- after import ------------------------------------------------------------------------------------------===//

LogicalResult EmbedOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<Shape> table = checkMatrix(symbols, *this, "table", getTableAttr(), "result", widthOf(getResult()));
  if (failed(table))
    return failure();
  if (getOffset() >= 0 && getOffset() < table->rows)
    return success();
  return emitOpError() << "offset = " << getOffset() << "; table " << getTableAttr() << " has " << table->rows
                       << " rows";
}

LogicalResult NormOp::verify() {
  double eps = getEps().convertToDouble();
  if (!(eps > 0) || !std::isfinite(eps))
    return emitOpError() << "eps = " << eps << "; it is greater than 0";
  if (getUnitOffset() && !getWeightAttr())
    return emitOpError("unit_offset is of a weight, and there is none");
  if (getGroup() < 0 || (getGroup() > 0 && widthOf(getInput()) % getGroup()))
    return emitOpError() << "group = " << getGroup() << " does not divide the input's width " << widthOf(getInput())
                         << " (0: the whole row)";
  return success();
}

LogicalResult NormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto check = [&](StringRef name, FlatSymbolRefAttr symbol) {
    const bool whole = joinedLength(weightsOf(symbols, *this, symbol)) == widthOf(getInput());
    return checkVector(symbols, *this, name, symbol, getGroup() && !whole ? getGroup() : widthOf(getInput()));
  };
  if (getWeightAttr() && failed(check("weight", getWeightAttr())))
    return failure();
  return getBiasAttr() ? check("bias", getBiasAttr()) : success();
}

LogicalResult LinearOp::verify() {
  if (getWeights().empty())
    return emitOpError("weights is empty; it names at least one lathe.weight or lathe.packed");
  if (getBiases() && getBiases()->size() != getWeights().size())
    return emitOpError() << "biases has " << getBiases()->size() << " for " << getWeights().size()
                         << " weights; one each, or none";
  if (!getChoices() && getExperts() != 1)
    return emitOpError() << "experts = " << getExperts() << " and no choices among them";
  return checkSize(*this, "experts", getExperts());
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  int64_t rows = 0;
  for (auto [i, weight] : llvm::enumerate(getWeights())) {
    auto ref = llvm::cast<FlatSymbolRefAttr>(weight);
    FailureOr<Shape> shape = checkMatrix(symbols, *this, "weight", ref, "input", widthOf(getInput()));
    if (failed(shape))
      return failure();
    if (getBiases() &&
        failed(checkVector(symbols, *this, "bias", llvm::cast<FlatSymbolRefAttr>((*getBiases())[i]), shape->rows)))
      return failure();
    if (shape->rows % getExperts())
      return emitOpError() << "experts = " << getExperts() << " does not divide the " << shape->rows
                           << " rows of weight " << ref;
    rows += shape->rows / getExperts();
  }
  return checkWidth(*this, "result", widthOf(getResult()),
                    getChoices() ? "the sum of an expert's rows" : "the sum of the weights' rows", rows);
}

LogicalResult RopeOp::verify() {
  if (failed(checkSize(*this, "head_size", getHeadSize())))
    return failure();
  if (widthOf(getInput()) % getHeadSize())
    return emitOpError() << "head_size = " << getHeadSize() << " does not divide the input's width "
                         << widthOf(getInput());
  return success();
}

LogicalResult RopeOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto rotation = symbols.lookupNearestSymbolFrom<RotationOp>(*this, getRotationAttr());
  if (!rotation)
    return emitOpError() << "rotation names " << getRotationAttr() << ", which no lathe.rotation declares";
  int64_t turned = 2 * int64_t(rotation.getFrequencies().size());
  if (turned > getHeadSize())
    return emitOpError() << "rotation " << getRotationAttr() << " turns " << turned << " components; head_size is "
                         << getHeadSize();
  if (!getLengths() != !rotation.getLimit())
    return emitOpError() << "rotation " << getRotationAttr()
                         << (rotation.getLimit() ? " depends on the sequence's length, and lengths is not given"
                                                 : " does not depend on the sequence's length, and lengths is given");
  return success();
}

int64_t AttentionOp::valueSize() { return widthOf(getValue()) / getKvHeads(); }
int64_t AppendOp::valueSize() { return widthOf(getValue()) / getKvHeads(); }
int64_t AttendOp::valueSize() { return getValueSize() ? getValueSize() : getHeadSize(); }

/// Of attention and append.
static LogicalResult checkValue(Operation *op, Value value, int64_t kvHeads) {
  if (widthOf(value) % kvHeads == 0)
    return success();
  return op->emitOpError() << "value is " << widthOf(value) << " wide, which kv_heads = " << kvHeads
                           << " does not divide";
}

LogicalResult AttentionOp::verify() {
  if (failed(checkLayer(*this, getLayer())) || failed(checkHeads(*this, getHeads(), getKvHeads())) ||
      failed(checkSize(*this, "head_size", getHeadSize())) || failed(checkScores(*this)))
    return failure();
  return failure(
      failed(checkWidth(*this, "query", widthOf(getQuery()), "heads * head_size", getHeads() * getHeadSize())) ||
      failed(checkWidth(*this, "key", widthOf(getKey()), "kv_heads * head_size", getKvHeads() * getHeadSize())) ||
      failed(checkValue(*this, getValue(), getKvHeads())) ||
      failed(checkWidth(*this, "result", widthOf(getResult()), "heads * the value's head size",
                        getHeads() * valueSize())));
}

LogicalResult AttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto [name, symbol] : {std::pair("scales", getScalesAttr()), std::pair("sinks", getSinksAttr())})
    if (symbol && failed(checkVector(symbols, *this, name, symbol, getHeads())))
      return failure();
  return success();
}

static LogicalResult checkSlope(Operation *op, const llvm::APFloat &value) {
  double slope = value.convertToDouble();
  if (slope > 0 && std::isfinite(slope))
    return success();
  return op->emitOpError() << "slope = " << slope << "; it is greater than 0";
}

LogicalResult ActivationOp::verify() {
  const bool learned = getActivation() == Activation::XIELU;
  if (learned != bool(getPositiveAttr()) || learned != bool(getNegativeAttr()))
    return emitOpError("positive and negative are both there for xielu, and for nothing else");
  return checkSlope(*this, getSlope());
}

LogicalResult ActivationOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto [name, symbol] : {std::pair("positive", getPositiveAttr()), std::pair("negative", getNegativeAttr())})
    if (symbol && failed(checkVector(symbols, *this, name, symbol, 1)))
      return failure();
  return success();
}

LogicalResult GluOp::verify() {
  double clamp = getClamp().convertToDouble();
  if (!(clamp >= 0) || !std::isfinite(clamp))
    return emitOpError() << "clamp = " << clamp << "; it is a positive limit, 0 for none";
  if (!std::isfinite(getOffset().convertToDouble()))
    return emitOpError("offset is not finite");
  if (getActivation() == Activation::XIELU)
    return emitOpError("activation is xielu, whose learned numbers a gated unit does not take");
  return checkSlope(*this, getSlope());
}

LogicalResult ScaleOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getWeightAttr())
    return success();
  const bool one = joinedLength(weightsOf(symbols, *this, getWeightAttr())) == 1;
  return checkVector(symbols, *this, "weight", getWeightAttr(), one ? 1 : widthOf(getInput()));
}

LogicalResult SoftcapOp::verify() {
  double cap = getCap().convertToDouble();
  if (cap > 0 && std::isfinite(cap))
    return success();
  return emitOpError() << "cap = " << cap << "; it is greater than 0";
}

LogicalResult ClipOp::verify() {
  double limit = getLimit().convertToDouble();
  if (limit > 0 && std::isfinite(limit))
    return success();
  return emitOpError() << "limit = " << limit << "; it is greater than 0";
}

LogicalResult SliceOp::verify() {
  int64_t offset = getOffset(), width = widthOf(getResult()), whole = widthOf(getInput());
  if (offset >= 0 && width <= whole && offset <= whole - width)
    return success();
  return emitOpError() << "offset = " << offset << " with a result " << width << " wide leaves the input, which is "
                       << whole << " wide";
}

//===-- after fusion ------------------------------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  if (widthOf(getInput()) % kGroupColumns)
    return emitOpError() << "input is " << widthOf(getInput()) << " wide; groups have " << kGroupColumns << " columns";
  return checkWidth(*this, "result", widthOf(getResult()), "the input", widthOf(getInput()));
}

LogicalResult AppendOp::verify() {
  if (failed(checkLayer(*this, getLayer())) || failed(checkSize(*this, "kv_heads", getKvHeads())) ||
      failed(checkSize(*this, "head_size", getHeadSize())))
    return failure();
  return failure(
      failed(checkWidth(*this, "key", widthOf(getKey()), "kv_heads * head_size", getKvHeads() * getHeadSize())) ||
      failed(checkValue(*this, getValue(), getKvHeads())));
}

LogicalResult AttendOp::verify() {
  if (failed(checkLayer(*this, getLayer())) || failed(checkHeads(*this, getHeads(), getKvHeads())) ||
      failed(checkSize(*this, "head_size", getHeadSize())) || failed(checkSize(*this, "value_size", valueSize())) ||
      failed(checkSize(*this, "split", getSplit())) || failed(checkScores(*this)))
    return failure();
  return failure(
      failed(checkWidth(*this, "query", widthOf(getQuery()), "heads * head_size", getHeads() * getHeadSize())) ||
      failed(checkWidth(*this, "result", widthOf(getResult()), "heads * (value_size + 2)",
                        getHeads() * (valueSize() + 2))));
}

LogicalResult AttendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return getScalesAttr() ? checkVector(symbols, *this, "scales", getScalesAttr(), getHeads()) : success();
}

LogicalResult CombineOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return getSinksAttr() ? checkVector(symbols, *this, "sinks", getSinksAttr(), getHeads()) : success();
}

LogicalResult CombineOp::verify() {
  if (failed(checkSize(*this, "heads", getHeads())) || failed(checkSize(*this, "head_size", getHeadSize())))
    return failure();
  return failure(
      failed(checkWidth(*this, "input", widthOf(getInput()), "heads * (head_size + 2)",
                        getHeads() * (getHeadSize() + 2))) ||
      failed(checkWidth(*this, "result", widthOf(getResult()), "heads * head_size", getHeads() * getHeadSize())));
}
