//===- DescribePhase.cpp - places, views, and ops on single rows --------------------------------------------------===//
#include "compiler/kernels/DescribePhase.h"
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Signature.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

namespace {

/// The quantize that alone reads `value`: its kernel is the one that makes the value.
ir::QuantizeOp quantizeOf(Value value) {
  return value.hasOneUse() ? llvm::dyn_cast<ir::QuantizeOp>(*value.user_begin()) : nullptr;
}

} // namespace

ActFormat lathe::formatOf(Value value) {
  auto type = llvm::dyn_cast<RankedTensorType>(value.getType());
  return type ? formatOfRows(type.getElementType()) : ActFormat::F32;
}

Expected<Phase> PhaseDescriber::run() {
  phase.name = op.getName().str();
  if (Error wrong = setRows())
    return std::move(wrong);
  if (Error wrong = placeInputs())
    return std::move(wrong);
  if (Error wrong = placeResults())
    return std::move(wrong);
  if (Error wrong = describeOps())
    return std::move(wrong);
  if (phase.calls.empty())
    return error(op, "has nothing to run");
  phase.scratchBytes = llvm::alignTo(scratch, 64);
  for (Call &call : phase.calls) // rows of a tile have scratch of their own
    if (auto *attend = std::get_if<AttendKernel>(&call.kernel); attend && call.scope == Scope::Splits)
      attend->partialStride = phase.scratchBytes / kF32;
  phase.work = workOf(context.set, phase);
  return std::move(phase);
}

Error PhaseDescriber::error(Operation *at, const Twine &what) {
  return llvm::createStringError("phase \"" + op.getName() + "\": " + at->getName().getStringRef() + " " + what);
}

//===-- where values lie --------------------------------------------------------------------------------------===//

Error PhaseDescriber::setRows() {
  switch (op.getRows()) {
  case ir::RowKind::Step:
    phase.rowKind = RowKind::Step;
    break;
  case ir::RowKind::Logits:
    phase.rowKind = RowKind::Logits;
    break;
  case ir::RowKind::Once:
    phase.rowKind = RowKind::Once;
    break;
  case ir::RowKind::Choices:
    phase.rowKind = RowKind::Choices;
    for (Value input : op.getInputs())
      if (auto found = outer.find(input); found != outer.end() && found->second.rowKind == RowKind::Choices) {
        phase.choices = found->second.choices;
        return Error::success();
      }
    return error(op, "has rows that are choices, and no input that says which");
  }
  return Error::success();
}

Error PhaseDescriber::placeInputs() {
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), op.getInputs())) {
    auto found = outer.find(input);
    if (found == outer.end())
      continue; // an argument of the function: its user says what it is, see index()
    places[argument] = found->second;
    if (!ir::isChoices(input.getType()) && !llvm::all_of(argument.getUses(), ir::readsOtherRows) &&
        (found->second.rowKind != phase.rowKind || !(found->second.choices == phase.choices)))
      return error(op, "mixes rows of all tokens with rows of wanted logits, or of choices");
  }
  return Error::success();
}

Error PhaseDescriber::placeResults() {
  if (op.getNumResults() > 1)
    return error(op, "has more than one result");
  for (auto [result, value] : llvm::zip_equal(op.getResults(), body.getTerminator()->getOperands())) {
    if (!op.getOffsets())
      return error(op, "has no places in memory; run lathe-plan-memory");
    if (Operation *maker = value.getDefiningOp(); !maker || llvm::isa<ir::SliceOp>(maker))
      return error(op, "gives what none of its ops makes");
    int64_t offset = (*op.getOffsets())[result.getResultNumber()];
    Place place =
        rowsPlace(value, offset < 0 ? Base::Logits : Base::Arena, std::max<int64_t>(0, offset), program.rows(phase));
    if (auto assign = value.getDefiningOp<ir::AssignOp>()) {
      place.rowKind = RowKind::Choices;
      place.choices = {ChoiceLayout::of(program.maxRows, ir::widthOf(assign.getRoutes()), assign.getExperts(),
                                        context.choiceTileRows),
                       offset};
    } else {
      place.rowKind = phase.rowKind;
      place.choices = phase.choices;
    }
    if (offset < 0 && phase.rowKind != RowKind::Logits)
      return error(op, "gives the function's result for all rows; lathe.take_rows must say which rows want logits");
    outer[result] = places[value] = place;
    // Choices lie in another order than the reference has them in.
    if (place.base == Base::Arena && phase.rowKind != RowKind::Choices &&
        (ir::isRows(value.getType()) || ir::isRoutes(value.getType()))) {
      phase.result = View{.base = Base::Arena, .offset = place.offset, .perRow = place.perRow};
      phase.resultColumns = place.columns;
      phase.resultStride = rowStride(place.columns);
      phase.hidden = ir::hiddenOf(value.getDefiningOp());
    }
  }
  return Error::success();
}

Place PhaseDescriber::rowsPlace(Value value, Base base, int64_t offset, int64_t rows) const {
  if (ir::isChoices(value.getType()))
    return {.base = base, .offset = offset};
  Place place{.base = base, .offset = offset, .columns = ir::widthOf(value), .rows = rows};
  if (ir::isRoutes(value.getType()))
    place.columns *= 2; // experts and weights
  place.format = formatOf(value);
  if (ir::isPartials(value.getType()))
    place.perRow = context.maxSplits() * place.columns * kF32;
  else if (!place.quantized())
    place.perRow = rowStride(place.columns) * kF32;
  return place;
}

Place PhaseDescriber::destination(Value value, Scope scope) {
  if (auto found = places.find(value); found != places.end())
    return found->second;
  bool worker = scope == Scope::Worker;
  int64_t rows = worker ? program.rows(phase) : 1;
  Place place = rowsPlace(value, Base::Scratch, 0, rows);
  place.offset = allocate(place.quantized() ? quantizedBlock(place.format, rows, place.columns).bytes : rows * place.perRow);
  place.rowKind = phase.rowKind;
  place.choices = phase.choices;
  if (!worker)
    place.perRow = 0;
  return places[value] = place;
}

int64_t PhaseDescriber::allocate(int64_t bytes) {
  int64_t offset = llvm::alignTo(scratch, 64);
  scratch = offset + bytes;
  return offset;
}

Expected<Place> PhaseDescriber::source(Operation *user, Value value) {
  auto found = places.find(value);
  if (found == places.end())
    return error(user, "reads something that is neither a phase's result nor made in this phase");
  return found->second;
}

Expected<Place> PhaseDescriber::plainSource(Operation *user, Value value) {
  Expected<Place> place = source(user, value);
  // The op's type says f32, and rows are chosen for norms and quantizes alone (addChosen).
  assert((!place || !(place->quantized() || place->chosen)) && "rows that are quantised or chosen");
  return place;
}

Value PhaseDescriber::given() const {
  Operation *end = body.getTerminator();
  return end->getNumOperands() ? end->getOperand(0) : Value();
}

bool PhaseDescriber::isPositions(Value value) {
  auto argument = llvm::dyn_cast<BlockArgument>(value);
  auto input = argument ? llvm::dyn_cast<BlockArgument>(op.getInputs()[argument.getArgNumber()]) : nullptr;
  return input && input.getArgNumber() == 1;
}

Expected<View> PhaseDescriber::index(Operation *user, Value value, Base base) {
  auto argument = llvm::dyn_cast<BlockArgument>(value);
  Value input = argument ? op.getInputs()[argument.getArgNumber()] : Value();
  if (!input || !llvm::isa<BlockArgument>(input))
    return error(user, "takes indices that are not an argument of the function");
  auto [known, added] = bases.try_emplace(input, base);
  if (!added && known->second != base)
    return error(user, "uses an argument of the function as something else than another op does");
  if (phase.rowKind != RowKind::Step && base != Base::LogitRows)
    return error(user, "needs positions or slots, and only the rows of a step have them");
  return View{.base = base, .perRow = 4};
}

//===-- views ---------------------------------------------------------------------------------------------------===//

View PhaseDescriber::rows(const Place &place, int64_t perColumn) {
  return {.base = place.base, .offset = place.offset, .perRow = place.perRow, .perColumn = perColumn};
}

void PhaseDescriber::addRow(std::vector<View> &views, const Place &place, int64_t unit) {
  if (!place.quantized()) {
    views.push_back(rows(place, unit * kF32));
    return;
  }
  const QuantizedBlock block = quantizedBlock(place.format, place.rows, place.columns);
  const bool many = place.rows > 1;
  auto add = [&](int64_t offset, int64_t bytes, int64_t columns) { // `bytes` for each `columns`
    views.push_back({.base = place.base,
                     .offset = place.offset + offset,
                     .perRow = many ? place.columns / columns * bytes : 0,
                     .perColumn = unit / columns * bytes});
  };
  add(0, 1, 1);
  if (place.format == ActFormat::Q16)
    add(block.low, 1, 1);
  add(block.scale, 4, scaleColumns(place.format));
  add(block.sum, 4, kSumColumns);
}

const PackedWeight &PhaseDescriber::weight(FlatSymbolRefAttr symbol) const {
  return context.set.weights[context.weights.at(symbol.getValue())]; // describe() has checked that it is there
}

void PhaseDescriber::addMatrix(std::vector<View> &views, const PackedWeight &packed, int64_t perColumn) {
  for (int64_t offset : matrixOffsets(packed.format, packed.columns))
    views.push_back({.base = Base::Weights, .weight = packed.name, .offset = offset, .perColumn = perColumn});
}

View PhaseDescriber::vector(FlatSymbolRefAttr symbol, int64_t perColumn) const {
  return {.base = Base::Weights, .weight = weight(symbol).name, .perColumn = perColumn};
}

//===-- ops on single rows ----------------------------------------------------------------------------------------===//

Error PhaseDescriber::addSlice(ir::SliceOp slice) {
  Expected<Place> from = plainSource(slice, slice.getInput());
  if (!from)
    return from.takeError();
  Place place = *from;
  place.offset += slice.getOffset() * kF32;
  place.columns = ir::widthOf(slice.getResult());
  places[slice.getResult()] = place;
  return Error::success();
}

Error PhaseDescriber::addRowOp(Operation *o, Scope scope, std::vector<Call> &calls) {
  if (auto slice = llvm::dyn_cast<ir::SliceOp>(o))
    return addSlice(slice);
  if (auto take = llvm::dyn_cast<ir::TakeRowsOp>(o))
    return addTakeRows(take, scope, calls);
  if (auto dispatch = llvm::dyn_cast<ir::DispatchOp>(o))
    return addDispatch(dispatch, scope, calls);
  if (auto route = llvm::dyn_cast<ir::RouteOp>(o))
    return addRoute(route, scope, calls);
  if (auto rope = llvm::dyn_cast<ir::RopeOp>(o))
    return addRotate(rope, scope, calls);
  if (auto quantize = llvm::dyn_cast<ir::QuantizeOp>(o); quantize && fused.contains(o))
    return Error::success();
  if (o->getNumResults() != 1)
    return error(o, "has no kernel here");
  ir::QuantizeOp quantize = llvm::isa<ir::QuantizeOp>(o) ? nullptr : quantizeOf(o->getResult(0));
  if (quantize)
    fused.insert(quantize);
  Value result = quantize ? Value(quantize.getResult()) : o->getResult(0);
  if (auto combine = llvm::dyn_cast<ir::CombineOp>(o))
    return addCombine(combine, result, scope, calls);
  if (auto collect = llvm::dyn_cast<ir::CollectOp>(o))
    return addCollect(collect, result, scope, calls);
  if (llvm::isa<ir::NormOp, ir::QuantizeOp>(o))
    return addNorm(o, result, scope, calls);
  return addPointwise(o, result, scope, calls);
}

Error PhaseDescriber::addTakeRows(ir::TakeRowsOp take, Scope scope, std::vector<Call> &calls) {
  Expected<View> rows = index(take, take.getRows(), Base::LogitRows);
  return rows ? addChosen(take, *rows, scope, calls) : rows.takeError();
}

/// The row that `index` says of an op's first operand: as the input of the norms and quantizes that alone read it, else
/// a copy.
Error PhaseDescriber::addChosen(Operation *o, View index, Scope scope, std::vector<Call> &calls) {
  Expected<Place> from = source(o, o->getOperand(0));
  if (!from)
    return from.takeError();
  if (from->base != Base::Arena || from->rowKind != RowKind::Step || from->perRow != rowStride(from->columns) * kF32)
    return error(o, "must take whole rows of an earlier phase's result");
  Place place = *from;
  place.chosen = index;
  bool left = llvm::all_of(o->getUsers(), [](Operation *u) { return llvm::isa<ir::NormOp, ir::QuantizeOp>(u); });
  if (left) {
    places[o->getResult(0)] = place;
    return Error::success();
  }
  return addNormKernel(o, place, {NormKind::None, place.columns}, {}, o->getResult(0), scope, calls);
}

Error PhaseDescriber::addNorm(Operation *o, Value result, Scope scope, std::vector<Call> &calls) {
  NormKernel kernel{NormKind::None, 0};
  std::vector<View> vectors;
  if (auto norm = llvm::dyn_cast<ir::NormOp>(o)) {
    kernel.kind = norm.getKind() == ir::NormKind::RMS ? NormKind::RMS : NormKind::Layer;
    kernel.eps = norm.getEps().convertToDouble();
    kernel.unitOffset = norm.getUnitOffset();
    kernel.group = norm.getGroup();
    kernel.unweighted = !norm.getWeightAttr();
    FlatSymbolRefAttr any = kernel.unweighted ? norm.getBiasAttr() : norm.getWeightAttr();
    kernel.wide = kernel.group && any && weight(any).columns != kernel.group;
    if (!kernel.unweighted)
      vectors.push_back(vector(norm.getWeightAttr()));
    if (norm.getBiasAttr()) {
      kernel.bias = true;
      vectors.push_back(vector(norm.getBiasAttr()));
    }
  }
  Expected<Place> from = source(o, o->getOperand(0));
  if (!from)
    return from.takeError();
  return addNormKernel(o, *from, kernel, vectors, result, scope, calls);
}

Error PhaseDescriber::addNormKernel(Operation *o, const Place &from, NormKernel kernel, std::vector<View> vectors,
                                    Value result, Scope scope, std::vector<Call> &calls) {
  std::vector<View> views;
  kernel.columns = from.columns;
  kernel.output = formatOf(result);
  View x = rows(from);
  if (from.chosen) {
    kernel.gatherRows = from.rows;
    x.perRow = 0;
    views.push_back(*from.chosen);
  }
  views.push_back(x);
  llvm::append_range(views, vectors);
  addRow(views, destination(result, scope));
  calls.push_back({kernel, scope, std::move(views)});
  return Error::success();
}

Error PhaseDescriber::addPointwise(Operation *o, Value result, Scope scope, std::vector<Call> &calls) {
  PointwiseKernel kernel{.kind = Pointwise::Add, .columns = 0};
  if (auto add = llvm::dyn_cast<ir::AddOp>(o)) {
    kernel.value = add.getScale().convertToDouble();
  } else if (auto glu = llvm::dyn_cast<ir::GluOp>(o)) {
    kernel.kind = Pointwise::Glu;
    kernel.activation = activationOf(glu.getActivation());
    kernel.shape = shapeOf(glu);
  } else if (auto activation = llvm::dyn_cast<ir::ActivationOp>(o)) {
    kernel.kind = Pointwise::Activate;
    kernel.activation = activationOf(activation.getActivation());
    kernel.shape = shapeOf(activation);
  } else if (auto scale = llvm::dyn_cast<ir::ScaleOp>(o)) {
    kernel.kind = Pointwise::Scale;
    kernel.value = scale.getFactor().convertToDouble();
    if (scale.getWeightAttr())
      kernel.weights = weight(scale.getWeightAttr()).columns;
  } else if (auto softcap = llvm::dyn_cast<ir::SoftcapOp>(o)) {
    kernel.kind = Pointwise::Softcap;
    kernel.value = softcap.getCap().convertToDouble();
  } else if (auto clip = llvm::dyn_cast<ir::ClipOp>(o)) {
    kernel.kind = Pointwise::Clip;
    kernel.value = clip.getLimit().convertToDouble();
  } else if (llvm::isa<ir::GateOp>(o)) {
    kernel.kind = Pointwise::Gate;
  } else {
    return error(o, "has no kernel here");
  }
  std::vector<View> views;
  for (Value operand : o->getOperands()) {
    Expected<Place> from = source(o, operand);
    if (!from)
      return from.takeError();
    addRow(views, *from);
  }
  kernel.columns = ir::widthOf(o->getResult(0));
  if (kernel.activation == Activation::XIELU) {
    auto activation = llvm::cast<ir::ActivationOp>(o);
    for (FlatSymbolRefAttr side : {activation.getPositiveAttr(), activation.getNegativeAttr()})
      views.push_back(vector(side));
  }
  if (kernel.weights)
    views.push_back(vector(llvm::cast<ir::ScaleOp>(o).getWeightAttr()));
  Place to = destination(result, scope);
  kernel.output = to.format;
  addRow(views, to);
  calls.push_back({kernel, scope, std::move(views)});
  return Error::success();
}

Error PhaseDescriber::addCombine(ir::CombineOp combine, Value result, Scope scope, std::vector<Call> &calls) {
  Expected<Place> from = source(combine, combine.getInput());
  if (!from)
    return from.takeError();
  Expected<View> positions = index(combine, combine.getPositions(), Base::Positions);
  if (!positions)
    return positions.takeError();
  int64_t heads = combine.getHeads(), headSize = combine.getHeadSize();
  CombineKernel kernel{heads,
                       headSize,
                       partialsOf(heads, headSize),
                       context.maxSplits(),
                       context.set.cache.splitPositions,
                       formatOf(result)};
  std::vector<View> views = {*positions, rows(*from)};
  if (combine.getSinksAttr()) {
    kernel.sinks = true;
    views.push_back(vector(combine.getSinksAttr()));
  }
  addRow(views, destination(result, scope));
  calls.push_back({kernel, scope, std::move(views)});
  return Error::success();
}

//===-- the kinds of phases ---------------------------------------------------------------------------------------===//

Error PhaseDescriber::describeOps() {
  ir::LinearOp linear;
  ir::AppendOp append;
  ir::AttendOp attend;
  ir::ConvOp conv;
  ir::ScanOp scan;
  ir::AssignOp assign;
  for (Operation &o : body) {
    auto once = [&](auto &slot) {
      using T = std::remove_reference_t<decltype(slot)>;
      if (auto found = llvm::dyn_cast<T>(&o)) {
        if (slot)
          return false;
        slot = found;
      }
      return true;
    };
    if (!once(linear) || !once(append) || !once(attend) || !once(conv) || !once(scan) || !once(assign))
      return error(&o, "is there twice");
  }
  if (linear)
    return describeLinear(linear);
  if (append || attend)
    return describeAttention(append, attend);
  if (conv)
    return describeConv(conv);
  if (scan)
    return describeScan(scan);
  if (assign)
    return describeAssign(assign);
  for (Operation &o : body.without_terminator()) {
    if (auto embed = llvm::dyn_cast<ir::EmbedOp>(&o)) {
      if (Error wrong = addEmbed(embed))
        return wrong;
    } else if (Error wrong = addRowOp(&o, Scope::Tile, phase.calls)) {
      return wrong;
    }
  }
  return Error::success();
}
