//===- Tables.cpp - from a scheduled ProgramSet to model_abi.h's structs -----------------------------------------===//
#include "compiler/link/Tables.h"
#include "compiler/kernels/Check.h"
#include "compiler/kernels/Signature.h"
#include "compiler/object/AbiType.h"
#include "compiler/support/Error.h"
#include <cstring>

using namespace lathe;
using llvm::Error;
using llvm::Expected;

static_assert(static_cast<int>(Base::Arena) == LATHE_BASE_ARENA && static_cast<int>(Base::Tile) == LATHE_BASE_TILE &&
                  static_cast<int>(Base::Blocks) == LATHE_BASE_BLOCKS &&
                  static_cast<int>(Base::Blocks) + 1 == LATHE_BASE_COUNT,
              "Base follows lathe_base");
static_assert(static_cast<int>(Scope::Tile) == LATHE_SCOPE_TILE &&
                  static_cast<int>(Scope::Splits) == LATHE_SCOPE_SPLITS &&
                  static_cast<int>(Scope::Worker) == LATHE_SCOPE_WORKER,
              "Scope follows lathe_scope");
static_assert(static_cast<int>(RowKind::Step) == LATHE_ROWS_ALL &&
                  static_cast<int>(RowKind::Logits) == LATHE_ROWS_LOGITS &&
                  static_cast<int>(RowKind::Choices) == LATHE_ROWS_CHOICES &&
                  static_cast<int>(RowKind::Once) == LATHE_ROWS_ONCE,
              "RowKind follows lathe_rows");
static_assert(kPagePositions == LATHE_PAGE_POSITIONS);

/// A new last element whose padding is zero too: it goes into the bundle, and equal models make equal bytes.
template <typename Struct> static Struct &addZeroed(std::vector<Struct> &list) {
  return *static_cast<Struct *>(std::memset(static_cast<void *>(&list.emplace_back()), 0, sizeof(Struct)));
}

namespace lathe {

class TableBuilder {
public:
  TableBuilder(const WeightsLayout &layout) : layout(layout) {}

  Error build(const ProgramSet &set, llvm::ArrayRef<LinkedKernel> linked, const ModelInfo &info) {
    for (const LinkedKernel &kernel : linked) {
      kernelIndex.try_emplace(kernel.symbol, out.kernels.size());
      out.kernels.push_back({text(kernel.symbol), text(kernel.schedule), nullptr});
      out.kernelFunctions.push_back(kernel.function);
    }
    for (const WeightPlace &place : layout.places)
      addWeight(place);
    for (const Program &program : set.programs)
      if (Error wrong = addProgram(program))
        return wrong;
    fillModel(set, info);
    return Error::success();
  }

  ModelTables out;

private:
  const char *text(const std::string &value) { return out.texts.emplace_back(value).c_str(); }

  void addWeight(const WeightPlace &place) {
    lathe_weight weight = {text(place.name().str()), "f32", 1, 0, place.offset, place.bytes};
    if (place.weight) {
      weight.format = text(place.weight->vector ? "f32" : packedName(place.weight->format));
      weight.rows = place.weight->rows;
      weight.columns = place.weight->columns;
    } else {
      weight.columns = place.table->values.size();
    }
    out.weights.push_back(weight);
  }

  Error addProgram(const Program &from) {
    program = &from;
    lathe_program &to = addZeroed(out.programs);
    to.name = text(from.name);
    to.max_rows = from.maxRows;
    to.max_logit_rows = from.maxLogitRows;
    to.distinct_sequences = from.distinctSequences;
    to.first_phase = out.phases.size();
    to.n_phases = from.phases.size();
    to.arena_bytes = from.arenaBytes;
    to.scratch_bytes = from.scratchBytes();
    for (const Phase &next : from.phases)
      if (Error wrong = addPhase(next))
        return wrong;
    return Error::success();
  }

  Error addPhase(const Phase &from) {
    phase = &from;
    lathe_phase &to = addZeroed(out.phases);
    to.name = text(from.name);
    to.rows = static_cast<uint32_t>(from.rowKind);
    to.rows_per_tile = from.rowsPerTile;
    to.column_tiles = from.columns / from.columnsPerTile;
    to.splits = from.splits;
    to.in_order = from.inOrder;
    to.weight_bytes = from.weightBytes;
    to.operations = from.operations;
    if (from.rowKind == RowKind::Choices) {
      const ChoiceLayout &layout = from.choices.layout;
      addView(from.choices.tiles(), {"tiles", ElementType::I32, {{1 + layout.tiles(), 1}}}, /*worker=*/true);
      to.choices = {static_cast<uint32_t>(out.views.size()), static_cast<uint32_t>(layout.tileRows),
                    static_cast<uint32_t>(layout.experts)};
    }
    to.first_prologue = out.calls.size();
    to.n_prologue = from.prologue.size();
    for (const Call &call : from.prologue)
      if (Error wrong = addCall(call))
        return wrong;
    to.first_call = out.calls.size();
    to.n_calls = from.calls.size();
    for (const Call &call : from.calls)
      if (Error wrong = addCall(call))
        return wrong;
    if (from.result) {
      Argument result = {
          "result", ElementType::F32, {{from.resultColumns, 1}, {program->rows(from), from.resultStride}}, true};
      addView(*from.result, result, /*worker=*/false);
      to.result = out.views.size();
      to.hidden = from.hidden ? *from.hidden + 1 : 0;
    }
    return Error::success();
  }

  Error addCall(const Call &from) {
    std::string name = from.symbol();
    auto kernel = kernelIndex.find(name);
    if (kernel == kernelIndex.end())
      return makeError("program {0}, phase \"{1}\": kernel {2} was not compiled", program->name, phase->name, name);
    std::vector<Argument> arguments = signature(from.kernel);
    bool worker = from.scope == Scope::Worker;
    lathe_call &to = addZeroed(out.calls);
    to.kernel = kernel->second;
    to.scope = static_cast<uint32_t>(from.scope);
    to.rows_per_call = worker ? 1 : phase->rowsPerTile;
    to.first_view = out.views.size();
    to.n_views = from.views.size();
    for (size_t i = 0; i < arguments.size(); ++i)
      addView(from.views[i], arguments[i], worker);
    return Error::success();
  }

  void addView(const View &from, const Argument &argument, bool worker) {
    lathe_view &to = addZeroed(out.views);
    to.base = static_cast<uint32_t>(from.base);
    to.layer = from.layer;
    to.offset = from.offset;
    to.step[0] = from.perRow * (worker ? 1 : phase->rowsPerTile);
    to.step[1] = worker ? 0 : from.perColumn * phase->columnsPerTile;
    to.step[2] = worker ? 0 : from.perSplit;
    to.step[3] = worker ? 0 : from.perExpert;
    to.type = abiType(argument.type);
    to.dimensions = argument.dims.size();
    to.first_dim = out.dims.size();
    for (const Argument::Dim &dim : argument.dims)
      out.dims.push_back({0, static_cast<int32_t>(dim.extent), static_cast<int32_t>(dim.stride), 0});
    if (from.base == Base::Weights)
      to.offset += layout.find(from.weight)->offset;
  }

  void fillModel(const ProgramSet &set, const ModelInfo &info) {
    lathe_model &model = out.table;
    std::memset(&model, 0, sizeof model); // the padding, too: see addZeroed
    std::memcpy(model.magic, LATHE_MODEL_MAGIC, sizeof model.magic);
    model.abi_version = LATHE_ABI_VERSION;
    model.struct_bytes = sizeof(lathe_model);
    model.name = text(info.name);
    model.target = text(info.target);
    model.spec = text(info.spec);
    model.cpu_features = info.cpuFeatures;
    model.max_context = set.maxContext;
    model.vocabulary = set.vocabulary;
    model.logits_stride = set.logitsStride;
    model.max_slots = set.maxSlots;
    model.feed_again_beyond = set.feedAgainBeyond;
    ElementType element = set.cache.format == CacheFormat::F32 ? ElementType::F32 : ElementType::F16;
    model.cache.layers = set.cache.layers;
    model.cache.kv_heads = set.cache.kvHeads;
    model.cache.head_size = set.cache.headSize;
    model.cache.value_size = set.cache.valueSize;
    model.cache.type = abiType(element);
    model.cache.page_bytes = set.cache.pageElements() * elementBytes(element);
    model.cache.max_pages = set.cache.maxPages;
    model.cache.split_positions = set.cache.splitPositions;
    model.state.layers = set.state.layers;
    model.state.bytes = set.state.bytes;
    model.n_programs = out.programs.size();
    model.n_phases = out.phases.size();
    model.n_calls = out.calls.size();
    model.n_views = out.views.size();
    model.n_dims = out.dims.size();
    model.n_kernels = out.kernels.size();
    model.n_weights = out.weights.size();
    model.programs = out.programs.data();
    model.phases = out.phases.data();
    model.calls = out.calls.data();
    model.views = out.views.data();
    model.dims = out.dims.data();
    model.kernels = out.kernels.data();
    model.weights = out.weights.data();
    model.weights_bytes = layout.dataBytes;
    model.tokenizer_offset = layout.tokenizerBytes ? layout.tokenizerOffset : 0;
    model.tokenizer_bytes = layout.tokenizerBytes;
  }

  const WeightsLayout &layout;
  llvm::StringMap<uint32_t> kernelIndex;
  const Program *program = nullptr;
  const Phase *phase = nullptr;
};

} // namespace lathe

Expected<ModelTables> ModelTables::make(const ProgramSet &set, const WeightsLayout &layout,
                                        llvm::ArrayRef<LinkedKernel> kernels, const ModelInfo &info) {
  if (Error wrong = check(set)) // from here on names, tiles and extents are known to be right
    return std::move(wrong);
  TableBuilder builder(layout);
  if (Error wrong = builder.build(set, kernels, info))
    return std::move(wrong);
  return std::move(builder.out);
}
