//===- FormPhases.cpp - ops become phases -------------------------------------------------------------------------===//
//
// A phase is made around an anchor: a linear, an attention, an append, a convolution, a scan or, where they need a
// phase of their own, ops on single rows (embed, norm, quantize, combine, take_rows, a rotation that attention does not
// read, and what is pointwise: "row ops").
// The anchor takes along what leads to it and has no phase, copied, and what follows it and fits its kernel's epilogue.
// A row op that waited for a user that went elsewhere gets a phase in the end. Any other original that is left over and
// is still used has no kernel: that is an error, never a guess.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/fusion/Linears.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe {
#define GEN_PASS_DEF_FORMPHASES
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

bool isPointwise(Operation *op) {
  return llvm::isa<ir::AddOp, ir::GluOp, ir::ActivationOp, ir::ScaleOp, ir::SoftcapOp, ir::ClipOp, ir::GateOp>(op);
}

/// What attention reads turns in its own phase.
bool turnsAlone(Operation *op) {
  return llvm::isa<ir::RopeOp>(op) && llvm::none_of(op->getUsers(), llvm::IsaPred<ir::AppendOp, ir::AttendOp>);
}

/// Of one row's result after another's; all but embed also run in a linear's prologue.
bool isRowOp(Operation *op) {
  return isPointwise(op) || turnsAlone(op) ||
         llvm::isa<ir::NormOp, ir::QuantizeOp, ir::TakeRowsOp, ir::CombineOp, ir::EmbedOp, ir::RouteOp, ir::DispatchOp,
                   ir::CollectOp>(op);
}

/// "layers.3.mlp.gate+up", of @"layers.3.mlp.gate+up.packed".
std::string phaseName(StringRef symbol) {
  symbol.consume_back(".packed");
  return symbol.str();
}

std::string weightsName(ir::LinearOp linear) {
  return phaseName(llvm::cast<FlatSymbolRefAttr>(linear.getWeights()[0]).getValue());
}

struct Cluster {
  llvm::SetVector<Operation *> ops;
};

class PhaseFormer {
public:
  PhaseFormer(Block &block, bool decode, int64_t rows, const FusionOptions &plan)
      : block(block), decode(decode), repeats(decode && rows <= plan.repeatRows), splitsInGrid(plan.splitsInGrid) {}

  LogicalResult run() {
    SmallVector<Operation *> originals;
    for (Operation &op : block.without_terminator())
      if (!llvm::isa<ir::PhaseOp>(op))
        originals.push_back(&op);
    for (Operation *op : originals)
      if (!placed.contains(op) && failed(visit(op)))
        return failure();
    for (Operation *op : originals)
      if (!placed.contains(op) && isRowOp(op) && llvm::any_of(op->getUsers(), isReader) && failed(formRows(op)))
        return failure();
    for (Operation *op : llvm::reverse(originals)) {
      if (!op->use_empty() || (!placed.contains(op) && !isPure(op)))
        return op->emitOpError() << "has no kernel that it could run in or after, as a "
                                 << (decode ? "decode" : "prefill") << " step uses it here";
      op->erase();
    }
    return success();
  }

private:
  LogicalResult visit(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](ir::LinearOp linear) { return formLinear(linear); })
        .Case([&](ir::ConvOp conv) { return formConv(conv); })
        .Case([&](ir::ScanOp scan) { return formScan(scan); })
        .Case([&](ir::AssignOp assign) { return formAssign(assign); })
        .Case([&](ir::AppendOp append) { return decode ? success() : formAppend(append); })
        .Case([&](ir::AttendOp attend) { return decode ? formDecodeAttention(attend) : formPrefillAttention(attend); })
        .Default([&](Operation *other) { return isRowOp(other) && !waits(other) ? formRows(other) : success(); });
  }

  /// Whether a row op runs in the phases of its users.
  bool waits(Operation *op) const {
    if (op->use_empty())
      return true;
    if (ir::hiddenOf(op))
      return false;
    if (llvm::any_of(op->getUses(), ir::readsOtherRows))
      return false;
    if (llvm::isa<ir::EmbedOp>(op))
      return op->hasOneUse() && endsInRows(*op->user_begin());
    if (op->hasOneUse() && isRowOp(*op->user_begin()))
      return true;
    // Worth repeating on every worker: what reads a row and writes a row, but no pointwise op for several linears.
    const bool repeatable = (op->hasOneUse() || !isPointwise(op)) && !(splitsInGrid && joinsSplits(op));
    return repeats && repeatable && llvm::all_of(op->getUsers(), [](Operation *user) {
             return (isRowOp(user) && !isPointwise(user)) || llvm::isa<ir::LinearOp>(user);
           });
  }

  /// Whether a combine would run in the op's phase.
  static bool joinsSplits(Operation *op) {
    return llvm::isa<ir::CombineOp>(op) || llvm::any_of(op->getOperands(), [](Value operand) {
             Operation *before = operand.getDefiningOp();
             return before && before->hasOneUse() && isRowOp(before) && joinsSplits(before);
           });
  }

  /// Whether the op runs in a phase of row ops.
  bool endsInRows(Operation *op) const {
    if (!isRowOp(op))
      return false;
    return !waits(op) || (op->hasOneUse() && endsInRows(*op->user_begin()));
  }

  LogicalResult formRows(Operation *op) {
    Cluster c;
    for (Value operand : op->getOperands())
      takeRowOps(c, operand);
    take(c, op);
    std::string name;
    for (Operation *member : c.ops)
      if (auto norm = llvm::dyn_cast<ir::NormOp>(member); norm && norm.getWeightAttr())
        name = phaseName(norm.getWeightAttr().getValue());
    if (name.empty()) // then what it prepares
      for (Operation *user : op->getUsers())
        if (auto linear = llvm::dyn_cast<ir::LinearOp>(user))
          name = weightsName(linear) + " input";
    if (name.empty()) // then what it follows
      for (Operation *member : c.ops)
        for (Value operand : member->getOperands())
          if (auto before = operand.getDefiningOp<ir::PhaseOp>())
            name = (before.getName() + " " + op->getName().stripDialect()).str();
    bool embeds = llvm::any_of(c.ops, llvm::IsaPred<ir::EmbedOp>);
    return form(c, op->getResult(0), embeds ? "embed" : name.empty() ? op->getName().stripDialect().str() : name);
  }

  LogicalResult formAssign(ir::AssignOp assign) {
    Cluster c;
    take(c, assign);
    auto before = assign.getRoutes().getDefiningOp<ir::PhaseOp>();
    StringRef name = before ? before.getName() : "route";
    name.consume_back(" route");
    return form(c, assign.getResult(), (name + " assign").str());
  }

  LogicalResult formLinear(ir::LinearOp linear) {
    Cluster c;
    takeRowOps(c, linear.getInput());
    take(c, linear);
    Value result = takeEpilogue(c, linear.getResult());
    bool returned = llvm::any_of(result.getUsers(), [](Operation *u) { return u->hasTrait<OpTrait::IsTerminator>(); });
    return form(c, result, returned ? "logits" : weightsName(linear));
  }

  LogicalResult formDecodeAttention(ir::AttendOp attend) {
    ir::AppendOp append = neighbour<ir::AppendOp>(attend, attend.getLayer(), /*before=*/true);
    if (!append || placed.contains(append))
      return attend.emitOpError() << "of layer " << attend.getLayer() << " has no lathe.append before it";
    Cluster c;
    for (Value input : {append.getKey(), append.getValue(), attend.getQuery()})
      takeHeads(c, input);
    take(c, append);
    take(c, attend);
    return form(c, attend.getResult(), llvm::formatv("layers.{0}.attention", attend.getLayer()));
  }

  LogicalResult formAppend(ir::AppendOp append) {
    Cluster c;
    takeHeads(c, append.getKey());
    takeHeads(c, append.getValue());
    take(c, append);
    ir::AttendOp attend = neighbour<ir::AttendOp>(append, append.getLayer(), /*before=*/false);
    auto rope = attend ? attend.getQuery().getDefiningOp<ir::RopeOp>() : nullptr;
    if (rope) { // the query turns in the same tile; without rotation attention reads it where it is
      takeHeads(c, rope.getInput());
      take(c, rope);
    }
    return form(c, rope ? rope.getResult() : Value(), llvm::formatv("layers.{0}.attention.append", append.getLayer()));
  }

  LogicalResult formPrefillAttention(ir::AttendOp attend) {
    const std::string name = llvm::formatv("layers.{0}.attention", attend.getLayer());
    Cluster c;
    takeHeads(c, attend.getQuery());
    take(c, attend);
    if (splitsInGrid)
      return form(c, attend.getResult(), name);
    auto combine = attend->hasOneUse() ? llvm::dyn_cast<ir::CombineOp>(*attend->user_begin()) : nullptr;
    if (!combine)
      return attend.emitOpError("of a prefill step must lead to one lathe.combine and nothing else");
    take(c, combine);
    Operation *last = combine;
    int64_t group = attend.getHeads() / attend.getKvHeads() * attend.valueSize();
    if (combine->hasOneUse() && group % kGroup == 0)
      if (auto quantize = llvm::dyn_cast<ir::QuantizeOp>(*combine->user_begin())) {
        take(c, quantize);
        last = quantize;
      }
    return form(c, last->getResult(0), name);
  }

  LogicalResult formConv(ir::ConvOp conv) {
    Cluster c;
    takeHeads(c, conv.getInput());
    take(c, conv);
    Value result = conv.getResult();
    auto activation = result.hasOneUse() ? llvm::dyn_cast<ir::ActivationOp>(*result.user_begin()) : nullptr;
    if (activation && activation.getSlope().isExactlyValue(1.0) && !activation.getPositiveAttr()) {
      take(c, *result.user_begin());
      result = result.user_begin()->getResult(0);
    }
    return form(c, result, phaseName(conv.getWeight()));
  }

  LogicalResult formScan(ir::ScanOp scan) {
    Cluster c;
    for (Value input : {scan.getInput(), scan.getDt(), scan.getB(), scan.getC()})
      takeHeads(c, input);
    take(c, scan);
    StringRef part = scan.getA();
    part.consume_back(".packed");
    return form(c, scan.getResult(), (part.take_front(part.rfind('.') + 1) + "scan").str());
  }

  /// Copies the row ops (and slices) that lead to `value` and have no phase.
  void takeRowOps(Cluster &c, Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !(isRowOp(op) || llvm::isa<ir::SliceOp>(op)) || !c.ops.insert(op))
      return;
    for (Value operand : op->getOperands())
      takeRowOps(c, operand);
  }

  /// Copies the rotation and the slice that lead to an input of a mixer.
  void takeHeads(Cluster &c, Value value) {
    for (Operation *op = value.getDefiningOp(); llvm::isa_and_nonnull<ir::RopeOp, ir::SliceOp>(op);
         op = op->getOperand(0).getDefiningOp())
      c.ops.insert(op);
  }

  /// Takes what a linear's kernel can do to its result, in the order in which it does: activation or glu, scale,
  /// softcap, residual.
  Value takeEpilogue(Cluster &c, Value value) {
    enum { Sum, Activated, Scaled, Capped } done = Sum;
    if (std::optional<GluUse> use = gluOf(value)) {
      for (Operation *op : {use->gate.getOperation(), use->up.getOperation(), use->glu.getOperation()})
        take(c, op);
      value = use->glu.getResult();
      done = Activated;
    }
    while (value.hasOneUse() && !ir::hiddenOf(value.getDefiningOp())) {
      Operation *user = *value.user_begin();
      if (auto act = llvm::dyn_cast<ir::ActivationOp>(user); act && !act.getPositiveAttr() && done < Activated)
        done = Activated;
      else if (auto scale = llvm::dyn_cast<ir::ScaleOp>(user); scale && !scale.getWeightAttr() && done < Scaled)
        done = Scaled;
      else if (llvm::isa<ir::SoftcapOp>(user) && done < Capped)
        done = Capped;
      else if (auto add = llvm::dyn_cast<ir::AddOp>(user)) {
        bool unscaled = add.getScale().convertToDouble() == 1.0;
        if (!unscaled && (add.getB() != value || done >= Scaled))
          return value;
        take(c, add);
        return add.getResult();
      } else {
        return value;
      }
      take(c, user);
      value = user->getResult(0);
    }
    return value;
  }

  /// The op of type T of the same layer that is nearest before or after `op`.
  template <class T> T neighbour(Operation *op, int64_t layer, bool before) const {
    while ((op = before ? op->getPrevNode() : op->getNextNode()))
      if (auto found = llvm::dyn_cast<T>(op); found && static_cast<int64_t>(found.getLayer()) == layer)
        return found;
    return nullptr;
  }

  /// Whether it reads what it names: the originals that phases have copied do not.
  static bool isReader(Operation *op) { return llvm::isa<ir::PhaseOp>(op) || op->hasTrait<OpTrait::IsTerminator>(); }

  void take(Cluster &c, Operation *op) {
    c.ops.insert(op);
    placed.insert(op);
  }

  /// Makes the phase where the last of its ops stands.
  LogicalResult form(Cluster &c, Value result, std::string name) {
    SmallVector<Operation *> ops = c.ops.takeVector();
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    llvm::SmallPtrSet<Operation *, 16> inside(ops.begin(), ops.end());
    llvm::SetVector<Value> inputs;
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        if (!inside.contains(operand.getDefiningOp()))
          inputs.insert(operand);

    OpBuilder b(ops.back());
    SmallVector<Location> locations = llvm::map_to_vector(ops, [](Operation *op) { return op->getLoc(); });
    Location loc = b.getFusedLoc(locations);
    SmallVector<Type> types(result ? 1 : 0, result ? result.getType() : Type());
    auto phase = ir::PhaseOp::create(b, loc, TypeRange(types), b.getStringAttr(name), inputs.getArrayRef(), rowsOf(ops),
                                     DenseI64ArrayAttr());
    Block *body = b.createBlock(&phase.getBody());
    IRMapping map;
    for (Value input : inputs)
      map.map(input, body->addArgument(input.getType(), loc));
    for (Operation *op : ops)
      b.clone(*op, map);
    ir::YieldOp::create(b, loc, result ? ValueRange(map.lookup(result)) : ValueRange());
    if (result)
      result.replaceAllUsesWith(phase.getResult(0));
    return success();
  }

  /// What the rows of a phase are: what one of its ops makes of them, else what those are that it reads.
  static ir::RowKind rowsOf(ArrayRef<Operation *> ops) {
    for (Operation *op : llvm::reverse(ops))
      if (std::optional<ir::RowKind> made = ir::rowsMadeBy(op))
        return *made;
    for (Operation *op : ops)
      for (OpOperand &operand : op->getOpOperands()) {
        auto before = operand.get().getDefiningOp<ir::PhaseOp>();
        if (ir::isChoices(operand.get().getType()))
          return ir::RowKind::Choices;
        if (before && !ir::readsOtherRows(operand) && before.getRows() != ir::RowKind::Step)
          return before.getRows();
      }
    return ir::RowKind::Step;
  }

  Block &block;
  const bool decode;
  const bool repeats; ///< row ops on every worker
  const bool splitsInGrid;
  llvm::DenseSet<Operation *> placed; ///< in a phase, whole: what is copied is not
};

struct FormPhases : lathe::impl::FormPhasesBase<FormPhases> {
  void runOnOperation() override {
    const FusionOptions plan = planOf(getOperation());
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<FunctionOpInterface>())) {
      StringRef kind = kindOf(function);
      if (kind != "decode" && kind != "prefill") {
        function.emitError() << "function @" << function.getName() << " is of kind '" << kind
                             << "'; lathe.kind (or the name) must be decode or prefill";
        return signalPassFailure();
      }
      Region &region = function.getFunctionBody();
      if (!region.hasOneBlock()) {
        function.emitError() << "function @" << function.getName() << " has no body of one block";
        return signalPassFailure();
      }
      auto rows = function->getAttrOfType<IntegerAttr>("lathe.max_rows");
      if (failed(PhaseFormer(region.front(), kind == "decode", rows ? rows.getInt() : plan.decodeRows, plan).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
