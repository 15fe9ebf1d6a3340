//===- PlanMemory.cpp - places in the arena for what phases make --------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Choices.h"
#include "compiler/layout/Rows.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

namespace lathe {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kReturned = -1; ///< the offset of a result that lies in the logits
constexpr int64_t kMaxArena = int64_t(1) << 40;

/// Memory of one result, or of several that replace one another.
struct Buffer {
  int64_t bytes = 0;
  int64_t first = 0, last = 0; ///< phases that write it first and read it last
  int64_t offset = 0;
};

struct Limits {
  int64_t rows, logitRows, maxContext, choiceTileRows;
};

/// The input of a phase that result `index` may replace: it is read by one op alone, as the residual of that result,
/// which each tile reads where it writes.
OpOperand *replaced(ir::PhaseOp phase, unsigned index) {
  Block &body = phase.getBody().front();
  auto add = body.getTerminator()->getOperand(index).getDefiningOp<ir::AddOp>();
  if (!add)
    return nullptr;
  for (Value side : {add.getA(), add.getB()})
    if (auto argument = llvm::dyn_cast<BlockArgument>(side); argument && argument.hasOneUse())
      return &phase->getOpOperand(argument.getArgNumber());
  return nullptr;
}

class Planner {
public:
  Planner(FunctionOpInterface function, Limits limits) : function(function), limits(limits) {}

  LogicalResult run() {
    SmallVector<ir::PhaseOp> phases(function.getFunctionBody().front().getOps<ir::PhaseOp>());
    for (auto [index, phase] : llvm::enumerate(phases))
      if (failed(addPhase(phase, index)))
        return failure();
    FailureOr<int64_t> arena = place();
    if (failed(arena))
      return failure();
    for (ir::PhaseOp phase : phases) {
      SmallVector<int64_t> offsets;
      for (Value result : phase.getResults()) {
        auto found = bufferOf.find(result);
        offsets.push_back(found == bufferOf.end() ? kReturned : buffers[found->second].offset);
      }
      phase.setOffsets(offsets);
    }
    Builder b(function.getContext());
    function->setAttr("lathe.arena_bytes", b.getI64IntegerAttr(*arena));
    function->setAttr("lathe.max_rows", b.getI64IntegerAttr(limits.rows));
    function->setAttr("lathe.max_logit_rows", b.getI64IntegerAttr(limits.logitRows));
    return success();
  }

private:
  LogicalResult addPhase(ir::PhaseOp phase, int64_t index) {
    std::optional<ChoiceLayout> choices = choicesOf(phase);
    for (Value input : phase.getInputs())
      if (auto found = bufferOf.find(input); found != bufferOf.end())
        buffers[found->second].last = std::max(buffers[found->second].last, index);
    for (OpResult result : phase.getResults()) {
      if (llvm::any_of(result.getUsers(), [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); })) {
        if (!result.hasOneUse())
          return phase.emitOpError("result is returned and read by another phase: logits are for the caller alone");
        continue;
      }
      if (OpOperand *old = replaced(phase, result.getResultNumber()); old && mayReplace(*old, phase)) {
        bufferOf[result] = bufferOf.lookup(old->get());
        buffers[bufferOf[result]].last = index;
        continue;
      }
      if (choices)
        layouts[result] = *choices;
      const bool table = ir::isChoices(result.getType());
      const int64_t rows = choices                                 ? choices->places()
                           : phase.getRows() == ir::RowKind::Logits ? limits.logitRows
                                                                    : limits.rows;
      FailureOr<int64_t> bytes = table && choices ? choices->bytes() : sizeOf(result, rows, phase);
      if (failed(bytes))
        return failure();
      bufferOf[result] = buffers.size();
      buffers.push_back({*bytes, index, index, 0});
    }
    return success();
  }

  /// Whether nothing reads the value after this phase, so that its result may lie in the same place.
  bool mayReplace(OpOperand &use, ir::PhaseOp phase) const {
    Value value = use.get();
    return bufferOf.contains(value) && phase.getNumResults() == 1 && value.getType() == phase.getResult(0).getType() &&
           value.getDefiningOp<ir::PhaseOp>().getRows() == phase.getRows() &&
           llvm::count(phase.getInputs(), value) == 1 && llvm::all_of(value.getUsers(), [&](Operation *user) {
             return user == phase || user->isBeforeInBlock(phase);
           });
  }

  /// Of a phase that makes a table of choices, or whose rows are choices.
  std::optional<ChoiceLayout> choicesOf(ir::PhaseOp phase) const {
    if (phase.getRows() == ir::RowKind::Choices)
      for (Value input : phase.getInputs())
        if (auto found = layouts.find(input); found != layouts.end())
          return found->second;
    for (auto assign : phase.getBody().getOps<ir::AssignOp>())
      return ChoiceLayout::of(limits.rows, ir::widthOf(assign.getRoutes()), assign.getExperts(), limits.choiceTileRows);
    return std::nullopt;
  }

  FailureOr<int64_t> sizeOf(Value value, int64_t rows, ir::PhaseOp phase) const {
    auto type = llvm::dyn_cast<RankedTensorType>(value.getType());
    if (type && type.getRank() == 2 && !type.isDynamicDim(1)) {
      int64_t columns = type.getDimSize(1);
      if (ir::isRoutes(type))
        return rowsBytes(rows, 2 * columns);
      const ActFormat format = formatOfRows(type.getElementType());
      return format == ActFormat::F32 ? rowsBytes(rows, columns) : quantizedBlock(format, rows, columns).bytes;
    }
    ir::AttendOp attend;
    phase.getBody().walk([&](ir::AttendOp op) { attend = op; });
    if (type && type.getRank() == 3 && attend) {
      int64_t splits = llvm::divideCeil(limits.maxContext, static_cast<int64_t>(attend.getSplit()));
      return rows * splits * partialsOf(attend.getHeads(), attend.valueSize()) * 4;
    }
    return phase.emitOpError() << "has a result of type " << value.getType() << ", which has no place in an arena";
  }

  /// First fit in the order of their phases.
  FailureOr<int64_t> place() {
    int64_t arena = 0;
    for (size_t i = 0; i < buffers.size(); ++i) {
      SmallVector<std::pair<int64_t, int64_t>> taken;
      for (size_t j = 0; j < i; ++j)
        if (buffers[j].last >= buffers[i].first && buffers[i].last >= buffers[j].first)
          taken.push_back({buffers[j].offset, buffers[j].offset + buffers[j].bytes});
      llvm::sort(taken);
      int64_t offset = 0;
      for (auto [begin, end] : taken) {
        if (offset + buffers[i].bytes <= begin)
          break;
        offset = std::max(offset, static_cast<int64_t>(llvm::alignTo(end, kAlignment)));
      }
      buffers[i].offset = offset;
      arena = std::max(arena, static_cast<int64_t>(llvm::alignTo(offset + buffers[i].bytes, kAlignment)));
      if (arena > kMaxArena)
        return function.emitError() << "function @" << function.getName() << " needs an arena of more than "
                                    << kMaxArena << " bytes";
    }
    return arena;
  }

  FunctionOpInterface function;
  const Limits limits;
  SmallVector<Buffer> buffers;
  llvm::DenseMap<Value, size_t> bufferOf;
  llvm::DenseMap<Value, ChoiceLayout> layouts; ///< of tables of choices, and of values with one row for each
};

struct PlanMemory : lathe::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    const FusionOptions plan = planOf(module);
    for (auto function : module.getOps<FunctionOpInterface>()) {
      const bool decode = kindOf(function) == "decode";
      Limits limits{decode ? plan.decodeRows : plan.prefillRows, decode ? plan.decodeRows : plan.prefillLogitRows,
                    plan.maxContext, plan.choiceTileRows};
      if (auto rows = function->getAttrOfType<IntegerAttr>("lathe.max_rows"))
        limits.rows = limits.logitRows = rows.getInt();
      if (failed(Planner(function, limits).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
