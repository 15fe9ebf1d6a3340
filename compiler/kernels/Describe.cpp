//===- Describe.cpp - fused modules become plain data -------------------------------------------------------------===//
#include "compiler/kernels/Describe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Check.h"
#include "compiler/kernels/DescribePhase.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

int64_t DescribeContext::maxSplits() const { return llvm::divideCeil(set.maxContext, set.cache.splitPositions); }

namespace {

Error failure(const llvm::Twine &what) { return llvm::createStringError(what); }

/// An integer attribute that lathe-plan-memory leaves.
Expected<int64_t> planned(Operation *op, StringRef name) {
  if (auto attribute = op->getAttrOfType<IntegerAttr>(name))
    return attribute.getInt();
  return failure(op->getName().getStringRef() + " has no attribute " + name + "; run lathe-plan-memory");
}

class Describer {
public:
  Describer(ModuleOp module, const DescribeOptions &options) : module(module), options(options), context(module, set) {}

  Expected<ProgramSet> run() {
    if (Error wrong = takePlanned(module, "lathe.max_context", set.maxContext))
      return std::move(wrong);
    context.choiceTileRows = planOf(module).choiceTileRows;
    if (Attribute plan = module->getAttr("lathe.plan"))
      llvm::raw_string_ostream(set.plan) << plan;
    if (Error wrong = describeWeights())
      return std::move(wrong);
    if (Error wrong = describeCache())
      return std::move(wrong);
    if (Error wrong = describeState())
      return std::move(wrong);
    for (auto function : module.getOps<FunctionOpInterface>())
      if (Error wrong = describeFunction(function))
        return failure("function @" + function.getName() + ": " + llvm::toString(std::move(wrong)));
    if (set.programs.empty())
      return failure("the module has no function to describe");
    llvm::sort(set.programs, [](const Program &a, const Program &b) {
      return std::tie(a.maxRows, a.name) < std::tie(b.maxRows, b.name);
    });
    for (const Program &program : set.programs)
      if (program.distinctSequences)
        set.maxSlots = std::max(set.maxSlots, program.maxRows);
    if (options.maxSlots || !set.maxSlots)
      set.maxSlots = options.maxSlots ? options.maxSlots : set.programs.front().maxRows;
    if (Error wrong = check(set))
      return std::move(wrong);
    return std::move(set);
  }

private:
  static Error takePlanned(Operation *op, StringRef name, int64_t &value) {
    Expected<int64_t> found = planned(op, name);
    if (!found)
      return found.takeError();
    value = *found;
    return Error::success();
  }

  /// Each lathe.packed that a phase uses, as the vector or the matrix that it uses it as.
  Error describeWeights() {
    enum Use { Matrix = 1, Vector = 2 };
    llvm::StringMap<int> uses;
    module.walk([&](ir::WeightUser user) {
      for (const ir::WeightUse &use : user.weightUses())
        for (FlatSymbolRefAttr symbol : use.symbols)
          uses[symbol.getValue()] |= isVector(user, use) ? Vector : Matrix;
    });
    if (Error wrong = checkNamesKnown(uses))
      return wrong;
    for (auto op : module.getOps<ir::PackedOp>()) {
      int use = uses.lookup(op.getSymName());
      uses.erase(op.getSymName());
      if (use == (Matrix | Vector))
        return failure("@" + op.getSymName() + " is used as a matrix and as a vector");
      if (use)
        if (Error wrong = addWeight(op, use == Vector))
          return wrong;
    }
    for (const auto &left : uses)
      return failure("@" + left.getKey() + " is used and is not a lathe.packed; run lathe-pack-weights");
    return Error::success();
  }

  bool isVector(Operation *user, const ir::WeightUse &use) {
    if (use.form != ir::WeightForm::ByRows)
      return use.form == ir::WeightForm::Vector;
    std::optional<ir::Shape> shape = ir::stackedShape(ir::weightsOf(symbols, user, use.symbols.front()));
    return shape && shape->rows == 1;
  }

  /// An op names weights that its weightUses() does not tell: without this, it would be compiled wrongly.
  template <class Uses> Error checkNamesKnown(const Uses &uses) {
    std::string unknown;
    module.walk([&](Operation *op) {
      op->getAttrDictionary().walk([&](FlatSymbolRefAttr symbol) {
        if (unknown.empty() && !uses.contains(symbol.getValue()) && module.lookupSymbol<ir::PackedOp>(symbol))
          unknown = (op->getName().getStringRef() + " names @" + symbol.getValue()).str();
      });
    });
    return unknown.empty() ? Error::success() : failure(unknown + ", and describe knows no kernel that would read it");
  }

  Error addWeight(ir::PackedOp op, bool vector) {
    std::optional<PackedFormat> format = packedFor(op.getFormat());
    assert(format && "the op's format is a known one, and each of those has panels");
    StringRef name = op.getSymName();
    name.consume_back(".packed");
    PackedWeight packed{
        .name = name.str(), .sources = {}, .format = *format, .vector = vector, .interleave = op.getInterleave()};
    packed.experts = op.getExperts();
    SymbolTableCollection symbols;
    llvm::SmallVector<ir::WeightOp> weights;
    for (auto source : op.getSources().getAsRange<FlatSymbolRefAttr>()) {
      packed.sources.push_back(source.getValue().str());
      llvm::append_range(weights, ir::weightsOf(symbols, op, source));
    }
    if (vector) {
      packed.rows = 1;
      packed.columns = ir::joinedLength(weights).value_or(0);
      packed.bytes = (packed.padded() ? packed.panels() * kPanelRows : packed.columns) * 4;
    } else {
      ir::Shape shape = ir::stackedShape(weights).value_or(ir::Shape());
      packed.rows = shape.rows;
      packed.columns = shape.columns;
      packed.bytes = packed.panels() * panelBytes(packed.format, packed.columns);
    }
    bool groups = vector || packed.columns % packedColumns(packed.format) == 0;
    if (weights.size() != packed.sources.size() || !packed.columns || !groups ||
        (packed.interleave && (packed.sources.size() != 2 || (vector ? packed.columns : packed.rows) % 2)))
      return failure("@" + op.getSymName() + " has sources that cannot be packed together as " + op.getFormat());
    context.weights[op.getSymName()] = set.weights.size();
    set.weights.push_back(std::move(packed));
    return Error::success();
  }

  /// One cache for all layers: they must agree on its shape.
  Error describeCache() {
    CacheLayout &cache = set.cache;
    bool allF32 = llvm::all_of(set.weights, [](const PackedWeight &w) { return w.format == PackedFormat::F32; });
    cache.format = options.cache.value_or(allF32 ? CacheFormat::F32 : CacheFormat::F16);
    cache.maxPages = llvm::divideCeil(set.maxContext, kPagePositions);
    Operation *wrong = nullptr;
    auto agree = [&](Operation *op, int64_t &field, int64_t value) {
      wrong = field && field != value ? op : wrong;
      field = value;
    };
    auto shape = [&](auto op) {
      cache.layers = std::max<int64_t>(cache.layers, op.getLayer() + 1);
      agree(op, cache.kvHeads, op.getKvHeads());
      agree(op, cache.headSize, op.getHeadSize());
      agree(op, cache.valueSize, op.valueSize());
    };
    module.walk([&](ir::AppendOp op) { shape(op); });
    module.walk([&](ir::AttendOp op) {
      shape(op);
      agree(op, cache.splitPositions, op.getSplit());
      if (op.getSplit() < 1 || op.getSplit() % kPagePositions)
        wrong = op;
    });
    if (wrong)
      return failure(wrong->getName().getStringRef() +
                     llvm::Twine(": layers differ in KV heads, head sizes or split, or ") +
                     "the split is not whole pages: one cache holds all layers");
    if (!cache.splitPositions) // no attention: a cache of nothing
      cache.splitPositions = kPagePositions;
    return Error::success();
  }

  /// A layer's block of state has room for that of any layer, so that all have the same places in it.
  Error describeState() {
    StateLayout &state = set.state;
    constexpr int64_t most = std::numeric_limits<int32_t>::max(); // numbers
    int64_t convBytes = 0, scanBytes = 0;
    bool fits = true;
    auto hold = [&](int64_t layer, int64_t &room, int64_t lanes, int64_t numbers) {
      state.layers = std::max(state.layers, layer + 1);
      fits = fits && numbers <= most / std::max<int64_t>(lanes, 1); // as a product they might not fit an int64_t
      room = std::max(room, fits ? lanes * numbers * 4 : 0);
    };
    module.walk([&](ir::ConvOp op) {
      ir::Shape shape = ir::stackedShape(ir::weightsOf(symbols, op, op.getWeightAttr())).value_or(ir::Shape());
      hold(op.getLayer(), convBytes, panelsOf(shape.rows) * kPanelRows, shape.columns);
    });
    module.walk([&](ir::ScanOp op) {
      int64_t channels = ir::widthOf(op.getInput());
      int64_t lanes = decaysByChannel(op) ? panelsOf(channels) * kPanelRows : channels;
      hold(op.getLayer(), scanBytes, lanes, op.stateSize());
    });
    state.scanOffset = llvm::alignTo(convBytes, 64);
    state.bytes = llvm::alignTo(state.scanOffset + scanBytes, 64);
    if (!fits || state.bytes / 4 > most)
      return failure("the recurrent state of a layer has more than 2^31 numbers");
    return Error::success();
  }

  bool decaysByChannel(ir::ScanOp scan) {
    std::optional<ir::Shape> shape = ir::stackedShape(ir::weightsOf(symbols, scan, scan.getAAttr()));
    return shape && shape->rows > 1;
  }

  Error describeFunction(FunctionOpInterface function) {
    if (function.isExternal())
      return failure("has no body");
    Program program;
    program.name = function.getName().str();
    program.distinctSequences = kindOf(function) == "decode";
    if (Error wrong = takePlanned(function, "lathe.max_rows", program.maxRows))
      return wrong;
    if (Error wrong = takePlanned(function, "lathe.max_logit_rows", program.maxLogitRows))
      return wrong;
    if (Error wrong = takePlanned(function, "lathe.arena_bytes", program.arenaBytes))
      return wrong;
    llvm::DenseMap<Value, Place> places;
    llvm::DenseMap<Value, Base> bases;
    for (Operation &op : function.getFunctionBody().front()) {
      if (op.hasTrait<OpTrait::IsTerminator>()) {
        if (Error wrong = describeResult(&op, places))
          return wrong;
        continue;
      }
      auto phaseOp = llvm::dyn_cast<ir::PhaseOp>(&op);
      if (!phaseOp)
        return failure(op.getName().getStringRef() + " stands outside of phases; run lathe-form-phases");
      Expected<Phase> phase = PhaseDescriber(phaseOp, context, program, places, bases).run();
      if (!phase)
        return phase.takeError();
      program.phases.push_back(std::move(*phase));
    }
    set.programs.push_back(std::move(program));
    return Error::success();
  }

  Error describeResult(Operation *end, const llvm::DenseMap<Value, Place> &places) {
    if (end->getNumOperands() != 1)
      return failure("gives " + llvm::Twine(end->getNumOperands()) + " results; a step gives logits");
    auto found = places.find(end->getOperand(0));
    if (found == places.end() || found->second.base != Base::Logits)
      return failure("must give what its last phase makes, the logits");
    int64_t vocabulary = found->second.columns;
    if (set.vocabulary && set.vocabulary != vocabulary)
      return failure("gives " + llvm::Twine(vocabulary) + " logits where another function gives " +
                     llvm::Twine(set.vocabulary));
    set.vocabulary = vocabulary;
    set.logitsStride = rowStride(vocabulary);
    return Error::success();
  }

  ModuleOp module;
  const DescribeOptions &options;
  SymbolTableCollection symbols;
  ProgramSet set;
  DescribeContext context;
};

} // namespace

Expected<ProgramSet> lathe::describe(ModuleOp module, const DescribeOptions &options) {
  return Describer(module, options).run();
}
