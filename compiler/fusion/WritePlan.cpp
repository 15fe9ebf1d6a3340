//===- WritePlan.cpp - what a target wants, on the module -------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

namespace lathe {
#define GEN_PASS_DEF_WRITEPLAN
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

constexpr int64_t kMaxRows = 4096, kMaxPositions = int64_t(1) << 26;
/// Rows of decode programs. A tile has as many rows as its code, and those that a step lacks are computed in vain: so one
/// sequence has a program whose tiles are of one row, and two have one. More have tiles that share weights in
/// registers; those of the largest programs are the same kernels.
constexpr int64_t kDecodeRows[] = {2, 8, 64};
constexpr int64_t kManySequences = 64;

/// Where splits are in the grid, the partial results of a step's attention lie in memory, rows x splits of them: so many
/// take 0.3 GB at 8B. Of a long context a step takes fewer rows of a prompt.
constexpr int64_t kMostPartials = 512 * 32, kFewestPrefillRows = 64;

/// The fields of the attribute, by their names.
template <class Options, class Visit> void eachField(Options &options, Visit visit) {
  visit("split", options.splitPositions);
  visit("decode_rows", options.decodeRows);
  visit("sequences", options.sequences);
  visit("prefill_rows", options.prefillRows);
  visit("prefill_logit_rows", options.prefillLogitRows);
  visit("max_context", options.maxContext);
  visit("choice_tile_rows", options.choiceTileRows);
  visit("repeat_rows", options.repeatRows);
  visit("splits_in_grid", options.splitsInGrid);
}

constexpr char kActivations[] = "activations";

struct WritePlan : lathe::impl::WritePlanBase<WritePlan> {
  using WritePlanBase::WritePlanBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FusionOptions plan{.splitPositions = split,
                       .decodeRows = decodeRows,
                       .sequences = sequences,
                       .prefillRows = prefillRows,
                       .prefillLogitRows = prefillLogitRows,
                       .maxContext = maxContext,
                       .choiceTileRows = choiceTileRows,
                       .repeatRows = repeatRows,
                       .splitsInGrid = splitsInGrid};
    std::optional<ActFormat> format = findActFormat(activations.getValue());
    if (!format) {
      module.emitError() << "lathe-plan: activations = " << activations << " is none of " << actFormatNames();
      return signalPassFailure();
    }
    plan.activations = *format;
    if (auto attribute = module->getAttrOfType<IntegerAttr>("lathe.max_context"); attribute && !plan.maxContext)
      plan.maxContext = attribute.getInt();
    if (failed(check(plan)))
      return signalPassFailure();
    const int64_t splits = llvm::divideCeil(plan.maxContext, plan.splitPositions);
    while (plan.splitsInGrid && plan.prefillRows * splits > kMostPartials && plan.prefillRows > kFewestPrefillRows)
      plan.prefillRows = std::max(kFewestPrefillRows, plan.prefillRows / 2 / kFewestPrefillRows * kFewestPrefillRows);
    plan.prefillLogitRows = std::min(plan.prefillLogitRows, plan.prefillRows);
    Builder b(&getContext());
    SmallVector<NamedAttribute> fields;
    eachField(plan, [&](StringRef name, auto value) {
      if constexpr (std::is_same_v<decltype(value), bool>)
        fields.push_back({name, b.getBoolAttr(value)});
      else
        fields.push_back({name, b.getI64IntegerAttr(value)});
    });
    fields.push_back({kActivations, b.getStringAttr(nameOf(plan.activations))});
    module->setAttr("lathe.plan", b.getDictionaryAttr(fields));
    module->setAttr("lathe.max_context", b.getI64IntegerAttr(plan.maxContext));
    addPrograms(plan);
  }

private:
  LogicalResult check(const FusionOptions &plan) {
    auto wrong = [&](const Twine &what) { return getOperation().emitError() << "lathe-plan: " << what; };
    if (plan.splitPositions < kPagePositions || plan.splitPositions % kPagePositions)
      return wrong("split = " + Twine(plan.splitPositions) + " is not a multiple of " + Twine(kPagePositions) +
                   ", the positions of a page");
    if (plan.maxContext < 1 || plan.maxContext > kMaxPositions)
      return wrong("max-context = " + Twine(plan.maxContext) + " is not a number of positions from 1 to 2^26");
    if (plan.decodeRows < 1 || plan.decodeRows > kManySequences)
      return wrong("decode-rows = " + Twine(plan.decodeRows) + " is not from 1 to " + Twine(kManySequences));
    if (plan.sequences < 1 || plan.sequences > kMaxRows)
      return wrong("sequences = " + Twine(plan.sequences) + " is not from 1 to " + Twine(kMaxRows));
    if (plan.prefillRows < 64 || plan.prefillRows > kMaxRows || plan.prefillRows % 64)
      return wrong("prefill-rows = " + Twine(plan.prefillRows) + " is not a multiple of 64 up to " + Twine(kMaxRows));
    if (plan.prefillLogitRows < 1 || plan.prefillLogitRows > plan.prefillRows)
      return wrong("prefill-logit-rows = " + Twine(plan.prefillLogitRows) + " is not from 1 to prefill-rows");
    if (plan.choiceTileRows < 0 || plan.choiceTileRows > 256)
      return wrong("choice-tile-rows = " + Twine(plan.choiceTileRows) + " is not from 0 to 256");
    if (plan.repeatRows < 0 || plan.repeatRows > kMaxRows)
      return wrong("repeat-rows = " + Twine(plan.repeatRows) + " is not from 0 to " + Twine(kMaxRows));
    return success();
  }

  /// A copy of each decode function for steps of more sequences than it takes, up to as many as are asked for.
  void addPrograms(const FusionOptions &plan) {
    SmallVector<int64_t> sizes = {plan.decodeRows};
    for (int64_t rows : kDecodeRows)
      if (rows > sizes.back() && sizes.back() < plan.sequences)
        sizes.push_back(std::min<int64_t>(rows, llvm::alignTo(plan.sequences, 8)));
    if (plan.sequences > sizes.back())
      sizes.push_back(llvm::alignTo(plan.sequences, kManySequences));
    SmallVector<FunctionOpInterface> decodes;
    for (auto function : getOperation().getOps<FunctionOpInterface>())
      if (kindOf(function) == "decode")
        decodes.push_back(function);
    Builder b(&getContext());
    for (FunctionOpInterface function : decodes)
      for (int64_t rows : ArrayRef(sizes).drop_front()) {
        auto copy = llvm::cast<FunctionOpInterface>(function->clone());
        SymbolTable::setSymbolName(copy, (function.getName() + Twine(rows)).str());
        copy->setAttr("lathe.kind", b.getStringAttr("decode"));
        copy->setAttr("lathe.max_rows", b.getI64IntegerAttr(rows));
        getOperation().push_back(copy);
      }
  }
};

} // namespace

FusionOptions lathe::planOf(ModuleOp module) {
  FusionOptions plan;
  auto written = module->getAttrOfType<DictionaryAttr>("lathe.plan");
  if (!written)
    return plan;
  eachField(plan, [&](StringRef name, auto &value) {
    if (auto field = written.getAs<IntegerAttr>(name)) // or a BoolAttr, which is one of i1
      value = field.getInt();
  });
  if (auto field = written.getAs<StringAttr>(kActivations))
    plan.activations = findActFormat(field.getValue()).value_or(plan.activations);
  return plan;
}

StringRef lathe::kindOf(FunctionOpInterface function) {
  auto kind = function->getAttrOfType<StringAttr>("lathe.kind");
  return kind ? kind.getValue() : function.getName();
}
