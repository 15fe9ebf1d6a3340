//===- Interpreter.cpp - blocks, phases, and which op is which function ------------------------------------------===//
#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Experts.h"
#include "compiler/reference/Rowwise.h"
#include "compiler/support/Error.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace lathe;
using namespace lathe::reference;

template <typename T>
Interpreter<T>::Interpreter(mlir::ModuleOp module, WeightLookup weights, Options options)
    : module(module), lookup(std::move(weights)), options(options) {}

/// Where a step does not say: one more than the highest position of each row's sequence.
static std::vector<int32_t> lengthsOf(const Step &step) {
  std::map<int32_t, int32_t> bySlot;
  for (auto [slot, position] : llvm::zip(step.slots, step.positions))
    bySlot[slot] = std::max(bySlot[slot], position + 1);
  std::vector<int32_t> lengths;
  for (int32_t slot : step.slots)
    lengths.push_back(bySlot[slot]);
  return lengths;
}

template <typename T> llvm::Expected<Matrix<T>> Interpreter<T>::step(llvm::StringRef function, const Step &step) {
  auto func = module.lookupSymbol<mlir::func::FuncOp>(function);
  if (!func || func.isExternal())
    return makeError("the module has no function @{0}", function);
  mlir::Block &body = func.getBody().front();
  const size_t arguments = body.getNumArguments();
  if (!func.getBody().hasOneBlock() || (arguments != 4 && arguments != 5) ||
      !llvm::all_of(body.getArgumentTypes(), ir::isIndices) || func.getNumResults() != 1)
    return makeError("@{0} does not take (ids, positions, slots, logit_rows[, lengths]) and give logits", function);
  if (step.positions.size() != step.ids.size() || step.slots.size() != step.ids.size() ||
      (!step.lengths.empty() && step.lengths.size() != step.ids.size()))
    return makeError("a step of {0} ids has {1} positions, {2} slots and {3} lengths; one each", step.ids.size(),
                     step.positions.size(), step.slots.size(), step.lengths.size());
  const std::vector<int32_t> lengths = step.lengths.empty() ? lengthsOf(step) : step.lengths.vec();
  llvm::ArrayRef<int32_t> inputs[] = {step.ids, step.positions, step.slots, step.logitRows, lengths};
  Frame frame;
  for (auto [argument, input] : llvm::zip_first(body.getArguments(), inputs))
    frame.indices[argument] = input;
  auto results = run(body, frame);
  if (!results)
    return results.takeError();
  return *results->front();
}

template <typename T>
llvm::Expected<std::vector<typename Interpreter<T>::Shared>> Interpreter<T>::run(mlir::Block &block, Frame &frame) {
  for (mlir::Operation &op : block.without_terminator()) {
    if (llvm::Error error = execute(op, frame))
      return std::move(error);
    for (mlir::Value operand : op.getOperands())
      if (llvm::all_of(operand.getUsers(), [&](auto user) { return user == &op || user->isBeforeInBlock(&op); }))
        frame.rows.erase(operand); // its last use
  }
  std::vector<Shared> results;
  for (mlir::Value value : block.getTerminator()->getOperands()) {
    Shared rows = frame.rows.lookup(value);
    if (!rows)
      return makeError("{0} gives a value that is not rows of numbers",
                       block.getTerminator()->getName().getStringRef());
    results.push_back(std::move(rows));
  }
  return results;
}

template <typename T> llvm::Error Interpreter<T>::execute(mlir::Operation &op, Frame &frame) {
  if (auto phase = llvm::dyn_cast<ir::PhaseOp>(op))
    return execute(phase, frame);
  auto value = evaluate(op, frame);
  if (!value)
    return value.takeError();
  if (op.getNumResults() == 0)
    return llvm::Error::success();
  if (observer)
    observer(op.getResult(0), *value);
  frame.rows[op.getResult(0)] = std::make_shared<const Matrix<T>>(std::move(*value));
  return llvm::Error::success();
}

template <typename T> llvm::Error Interpreter<T>::execute(ir::PhaseOp phase, Frame &frame) {
  Frame inner;
  mlir::Block &body = phase.getBody().front();
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), phase.getInputs()))
    if (ir::isIndices(input.getType()))
      inner.indices[argument] = frame.indices.lookup(input);
    else
      inner.rows[argument] = frame.rows.lookup(input);
  auto results = run(body, inner);
  if (!results)
    return makeError("phase \"{0}\": {1}", phase.getName(), llvm::toString(results.takeError()));
  for (auto [result, value] : llvm::zip_equal(phase.getResults(), *results)) {
    if (observer)
      observer(llvm::cast<mlir::OpResult>(result), *value);
    frame.rows[result] = value;
  }
  return llvm::Error::success();
}

template <typename T> template <typename Op> llvm::Expected<AttentionShape> Interpreter<T>::shapeOf(Op op) {
  AttentionShape shape{op.getLayer(),
                       op.getHeads(),
                       op.getKvHeads(),
                       op.getHeadSize(),
                       op.valueSize(),
                       op.getScale().convertToDouble(),
                       op.getWindow(),
                       op.getSoftcap().convertToDouble(),
                       op.getAlibi().value_or(llvm::ArrayRef<double>()),
                       op.getTemperature().convertToDouble(),
                       op.getEvery()};
  auto scales = vector(op, op.getScalesAttr());
  if (!scales)
    return scales.takeError();
  shape.scales.assign(scales->begin(), scales->end());
  return shape;
}

template <typename T> llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(mlir::Operation &any, Frame &frame) {
  using Result = llvm::Expected<Matrix<T>>;
  auto rows = [&](mlir::Value value) -> const Matrix<T> & { return *frame.rows.find(value)->second; };
  auto indices = [&](mlir::Value value) { return frame.indices.lookup(value); };
  auto places = [&](auto op) { return Places{indices(op.getPositions()), indices(op.getSlots())}; };
  auto number = [](const llvm::APFloat &value) { return T(value.convertToDouble()); };
  auto join = [&](auto op, int64_t valueSize, const Matrix<T> &partials) -> Result {
    auto sinks = vector(op, op.getSinksAttr());
    if (!sinks)
      return sinks.takeError();
    return combine(partials, op.getHeads(), valueSize, *sinks);
  };

  return llvm::TypeSwitch<mlir::Operation *, Result>(&any)
      .template Case<ir::EmbedOp>([&](auto op) { return evaluate(op, indices(op.getIds())); })
      .template Case<ir::NormOp>([&](auto op) { return evaluate(op, rows(op.getInput())); })
      .template Case<ir::LinearOp>([&](auto op) {
        return evaluate(op, rows(op.getInput()), op.getChoices() ? &rows(op.getChoices()) : nullptr);
      })
      .template Case<ir::TakeRowsOp>([&](auto op) -> Result {
        const Matrix<T> &x = rows(op.getInput());
        Matrix<T> y(indices(op.getRows()).size(), x.columns);
        for (auto [i, row] : llvm::enumerate(indices(op.getRows()))) {
          if (row < 0 || row >= x.rows)
            return makeError("logit_rows[{0}] = {1}; the step has {2} rows", i, row, x.rows);
          std::copy(x.row(row), x.row(row) + x.columns, y.row(i));
        }
        return y;
      })
      .template Case<ir::RopeOp>([&](auto op) -> Result {
        auto rotation = symbols.lookupNearestSymbolFrom<ir::RotationOp>(op, op.getRotationAttr());
        llvm::ArrayRef<int32_t> lengths = op.getLengths() ? indices(op.getLengths()) : llvm::ArrayRef<int32_t>();
        return rotate(rows(op.getInput()), indices(op.getPositions()), lengths, rotation, op.getHeadSize(),
                      op.getPairing());
      })
      .template Case<ir::AttentionOp>([&](auto op) -> Result {
        if (llvm::Error error = append(cache, op.getLayer(), op.getKvHeads(), rows(op.getKey()), rows(op.getValue()),
                                       places(op), options.cache))
          return std::move(error);
        constexpr int64_t all = int64_t(1) << 31; // one split that holds every position
        auto shape = shapeOf(op);
        if (!shape)
          return shape.takeError();
        auto partials = attend(cache, *shape, all, rows(op.getQuery()), places(op));
        if (!partials)
          return partials.takeError();
        return join(op, op.valueSize(), *partials);
      })
      .template Case<ir::ConvOp>([&](auto op) { return evaluate(op, rows(op.getInput()), places(op)); })
      .template Case<ir::ScanOp>([&](auto op) {
        return evaluate(op, rows(op.getInput()), rows(op.getDt()), rows(op.getB()), rows(op.getC()), places(op));
      })
      .template Case<ir::GluOp>([&](auto op) -> Result {
        const T slope = number(op.getSlope()), clamp = number(op.getClamp()), offset = number(op.getOffset());
        return map(rows(op.getGate()), rows(op.getUp()), [&](T gate, T up) {
          if (clamp > 0) {
            gate = std::min(gate, clamp);
            up = std::clamp(up, -clamp, clamp);
          }
          return activate(op.getActivation(), slope * gate) / slope * (up + offset);
        });
      })
      .template Case<ir::ActivationOp>([&](auto op) -> Result {
        const T slope = number(op.getSlope());
        auto positive = vector(op, op.getPositiveAttr()), negative = vector(op, op.getNegativeAttr());
        if (llvm::Error wrong = llvm::joinErrors(positive.takeError(), negative.takeError()))
          return std::move(wrong);
        return map(rows(op.getInput()), [&](T x) {
          return (positive->empty() ? activate(op.getActivation(), slope * x)
                                    : xielu(slope * x, positive->front(), negative->front())) /
                 slope;
        });
      })
      .template Case<ir::AddOp>([&](auto op) -> Result {
        const T scale = number(op.getScale());
        return map(rows(op.getA()), rows(op.getB()), [&](T a, T b) { return a + scale * b; });
      })
      .template Case<ir::ScaleOp>([&](auto op) -> Result {
        const T factor = number(op.getFactor());
        auto weight = vector(op, op.getWeightAttr());
        if (!weight)
          return weight.takeError();
        Matrix<T> y = rows(op.getInput());
        for (size_t i = 0; i < y.values.size(); ++i)
          y.values[i] *= factor * (weight->empty() ? T(1) : (*weight)[i % size_t(y.columns) % weight->size()]);
        return y;
      })
      .template Case<ir::SoftcapOp>([&](auto op) -> Result {
        const T cap = number(op.getCap());
        return map(rows(op.getInput()), [&](T x) { return cap * std::tanh(x / cap); });
      })
      .template Case<ir::ClipOp>([&](auto op) -> Result {
        const T limit = number(op.getLimit());
        return map(rows(op.getInput()), [&](T x) { return std::clamp(x, -limit, limit); });
      })
      .template Case<ir::RouteOp>([&](auto op) -> Result {
        auto bias = vector(op, op.getBiasAttr());
        if (!bias)
          return bias.takeError();
        return route(op, rows(op.getInput()), *bias, chooser);
      })
      .template Case<ir::AssignOp>(
          [&](auto op) -> Result { return assign(rows(op.getRoutes()), int64_t(op.getExperts())); })
      .template Case<ir::DispatchOp>(
          [&](auto op) -> Result { return dispatch(rows(op.getInput()), rows(op.getChoices())); })
      .template Case<ir::CollectOp>(
          [&](auto op) -> Result { return collect(rows(op.getInput()), rows(op.getChoices()), rows(op.getRoutes())); })
      .template Case<ir::GateOp>([&](auto op) -> Result {
        const Matrix<T> &x = rows(op.getInput()), &gate = rows(op.getGate());
        Matrix<T> y = x;
        for (int64_t r = 0; r < x.rows; ++r)
          for (int64_t c = 0; c < x.columns; ++c)
            y.row(r)[c] /= 1 + std::exp(-gate.row(r)[0]);
        return y;
      })
      .template Case<ir::SliceOp>([&](auto op) -> Result {
        const Matrix<T> &x = rows(op.getInput());
        Matrix<T> y(x.rows, ir::widthOf(op.getResult()));
        for (int64_t r = 0; r < x.rows; ++r)
          std::copy_n(x.row(r) + op.getOffset(), y.columns, y.row(r));
        return y;
      })
      .template Case<ir::QuantizeOp>(
          [&](auto op) -> Result { return options.quantized ? quantized(op, rows(op.getInput())) : rows(op.getInput()); })
      .template Case<ir::AppendOp>([&](auto op) -> Result {
        if (llvm::Error error = append(cache, op.getLayer(), op.getKvHeads(), rows(op.getKey()), rows(op.getValue()),
                                       places(op), options.cache))
          return std::move(error);
        return Matrix<T>();
      })
      .template Case<ir::AttendOp>([&](auto op) -> Result {
        auto shape = shapeOf(op);
        if (!shape)
          return shape.takeError();
        return attend(cache, *shape, op.getSplit(), rows(op.getQuery()), places(op));
      })
      .template Case<ir::CombineOp>([&](auto op) -> Result { return join(op, op.getHeadSize(), rows(op.getInput())); })
      .Default([](mlir::Operation *op) -> Result {
        return makeError("{0} has no meaning for the reference", op->getName().getStringRef());
      });
}

template class lathe::reference::Interpreter<float>;
template class lathe::reference::Interpreter<double>;
