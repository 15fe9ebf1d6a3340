//===- Tables.cpp - from a scheduled ProgramSet to model_abi.h's structs -----------------------------------------===//
#include "compiler/link/Tables.h"
#include "compiler/kernels/Check.h"
#include "compiler/kernels/Signature.h"
#include "compiler/object/AbiType.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringExtras.h"
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
static_assert(static_cast<int>(Rate::F32) == LATHE_RATE_F32 && static_cast<int>(Rate::Dot4) == LATHE_RATE_DOT4 &&
                  static_cast<int>(Rate::Dot4Twice) == LATHE_RATE_DOT4_TWICE,
              "Rate follows lathe_rate");
static_assert(static_cast<int>(DeviceKind::Cpu) == LATHE_DEVICE_CPU &&
                  static_cast<int>(DeviceKind::Cuda) == LATHE_DEVICE_CUDA,
              "DeviceKind follows lathe_device");
static_assert(kPagePositions == LATHE_PAGE_POSITIONS);

/// A new last element whose padding is zero too: it goes into the bundle, and equal models make equal bytes.
template <typename Struct> static Struct &addZeroed(std::vector<Struct> &list) {
  return *static_cast<Struct *>(std::memset(static_cast<void *>(&list.emplace_back()), 0, sizeof(Struct)));
}

namespace lathe {

class TableBuilder {
public:
  TableBuilder(const WeightsLayout &layout) : layout(layout) {}

  Error build(llvm::ArrayRef<LinkedVariant> variants, const ModelInfo &info) {
    for (const WeightPlace &place : layout.places)
      addWeight(place);
    for (const LinkedVariant &variant : variants)
      if (Error wrong = addVariant(variant))
        return wrong;
    fillModel(*variants.front().set, info);
    return Error::success();
  }

  ModelTables out;

private:
  const char *text(const std::string &value) { return out.texts.emplace_back(value).c_str(); }

  void addWeight(const WeightPlace &place) {
    lathe_weight weight = {text(place.name().str()), "", "f32", "rows", 1, 0, place.offset, place.bytes};
    if (place.weight) {
      weight.roles = text(llvm::join(place.weight->sources, "\n"));
      if (!place.weight->vector)
        weight.packing = "panels16";
      weight.format = text(place.weight->vector ? "f32" : packedName(place.weight->format));
      weight.rows = place.weight->rows;
      weight.columns = place.weight->columns;
    } else {
      weight.columns = place.table->values.size();
    }
    out.weights.push_back(weight);
  }

  Error addVariant(const LinkedVariant &from) {
    part = &out.parts.emplace_back();
    kernelIndex.clear();
    for (const LinkedKernel &kernel : from.kernels) {
      kernelIndex.try_emplace(kernel.symbol, part->kernels.size());
      part->kernels.push_back({text(kernel.symbol), text(kernel.schedule), nullptr});
      part->functions.push_back(kernel.function);
    }
    for (const LinkedUnit &unit : from.units) {
      lathe_unit &added = addZeroed(part->units); // padding goes into the file too
      added.name = text(unit.name);
      added.kind = unit.kind;
      added.image = unit.image.data();
      added.image_bytes = unit.image.size();
    }
    for (auto [index, program] : llvm::enumerate(from.set->programs)) {
      auto holds = [index = index](const LinkedUnit &unit) { return unit.program == index; };
      auto found = llvm::find_if(from.units, holds);
      unitOfProgram = found == from.units.end() ? 0 : found - from.units.begin() + 1;
      if (Error wrong = addProgram(program))
        return wrong;
    }
    fillVariant(addZeroed(out.variants), *from.set, from.target);
    return Error::success();
  }

  Error addProgram(const Program &from) {
    program = &from;
    lathe_program &to = addZeroed(part->programs);
    to.name = text(from.name);
    to.max_rows = from.maxRows;
    to.max_logit_rows = from.maxLogitRows;
    to.distinct_sequences = from.distinctSequences;
    to.first_phase = part->phases.size();
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
    lathe_phase &to = addZeroed(part->phases);
    to.name = text(from.name);
    to.rows = static_cast<uint32_t>(from.rowKind);
    to.rows_per_tile = from.rowsPerTile;
    to.column_tiles = from.columns / from.columnsPerTile;
    to.splits = from.splits;
    to.in_order = from.inOrder;
    to.launch.unit = unitOfProgram;
    if (!from.launch.entry.empty())
      to.launch = {text(from.launch.entry), unitOfProgram, static_cast<uint32_t>(from.launch.threads),
                   static_cast<uint32_t>(from.launch.sharedBytes), from.launch.early};
    const Work &work = from.work;
    to.work = {static_cast<uint64_t>(work.weightBytes),
               static_cast<uint64_t>(work.activationBytes),
               static_cast<uint64_t>(work.cacheBytes),
               static_cast<uint64_t>(work.operations),
               static_cast<uint64_t>(work.positionOperations),
               static_cast<uint32_t>(work.window),
               static_cast<uint32_t>(work.rate)};
    if (from.rowKind == RowKind::Choices) {
      const ChoiceLayout &layout = from.choices.layout;
      addView(from.choices.tiles(), {"tiles", ElementType::I32, {{1 + layout.tiles(), 1}}}, Scope::Worker, 1);
      to.choices = {static_cast<uint32_t>(part->views.size()), static_cast<uint32_t>(layout.tileRows),
                    static_cast<uint32_t>(layout.experts)};
    }
    to.first_prologue = part->calls.size();
    to.n_prologue = from.prologue.size();
    for (const Call &call : from.prologue)
      if (Error wrong = addCall(call))
        return wrong;
    to.first_call = part->calls.size();
    to.n_calls = from.calls.size();
    for (const Call &call : from.calls)
      if (Error wrong = addCall(call))
        return wrong;
    if (from.result) {
      Argument result = {
          "result", ElementType::F32, {{from.resultColumns, 1}, {program->rows(from), from.resultStride}}, true};
      addView(*from.result, result, Scope::Tile, from.rowsPerTile);
      to.result = part->views.size();
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
    const int64_t rows = rowsOf(from.kernel);
    lathe_call &to = addZeroed(part->calls);
    to.kernel = kernel->second;
    to.scope = static_cast<uint32_t>(from.scope);
    to.rows_per_call = rows;
    to.one_sequence = takesRuns(from.kernel);
    to.first_view = part->views.size();
    to.n_views = from.views.size();
    for (size_t i = 0; i < arguments.size(); ++i)
      addView(from.views[i], arguments[i], from.scope, rows);
    return Error::success();
  }

  /// `rows`: that a call covers.
  void addView(const View &from, const Argument &argument, Scope scope, int64_t rows) {
    const bool worker = scope == Scope::Worker;
    lathe_view &to = addZeroed(part->views);
    to.base = static_cast<uint32_t>(from.base);
    to.layer = from.layer;
    to.offset = from.offset;
    to.step[0] = from.perRow * (worker ? 1 : phase->rowsPerTile);
    to.step[1] = worker ? 0 : from.perColumn * phase->columnsPerTile;
    to.step[2] = worker ? 0 : from.perSplit;
    to.step[3] = worker ? 0 : from.perExpert;
    if (!worker && rows < phase->rowsPerTile)
      to.step[4] = rows * (from.base == Base::Scratch ? phase->scratchBytes : from.perRow);
    to.type = abiType(argument.type);
    to.dimensions = argument.dims.size();
    to.first_dim = part->dims.size();
    for (const Argument::Dim &dim : argument.dims)
      part->dims.push_back({0, static_cast<int32_t>(dim.extent), static_cast<int32_t>(dim.stride), 0});
    if (from.base == Base::Weights)
      to.offset += layout.find(out.parts.size() - 1, from.weight)->offset;
  }

  void fillVariant(lathe_variant &variant, const ProgramSet &set, const TargetDesc &target) {
    variant.target = text(target.name);
    variant.plan = text(set.plan);
    variant.device = static_cast<uint32_t>(target.device);
    variant.features = target.features;
    variant.sm = target.sm;
    variant.logits_stride = set.logitsStride;
    variant.cache.layers = set.cache.layers;
    variant.cache.kv_heads = set.cache.kvHeads;
    variant.cache.head_size = set.cache.headSize;
    variant.cache.value_size = set.cache.valueSize;
    variant.cache.type = abiType(elementType(set.cache.format));
    variant.cache.page_bytes = set.cache.pageBytes();
    variant.cache.max_pages = set.cache.maxPages;
    variant.cache.split_positions = set.cache.splitPositions;
    variant.state.layers = set.state.layers;
    variant.state.bytes = set.state.bytes;
    variant.n_programs = part->programs.size();
    variant.n_phases = part->phases.size();
    variant.n_calls = part->calls.size();
    variant.n_views = part->views.size();
    variant.n_dims = part->dims.size();
    variant.n_kernels = part->kernels.size();
    variant.programs = part->programs.data();
    variant.phases = part->phases.data();
    variant.calls = part->calls.data();
    variant.views = part->views.data();
    variant.dims = part->dims.data();
    variant.kernels = part->kernels.data();
    variant.n_units = part->units.size();
    variant.units = part->units.data();
  }

  void fillModel(const ProgramSet &set, const ModelInfo &info) {
    lathe_model &model = out.table;
    std::memset(&model, 0, sizeof model); // the padding, too: see addZeroed
    std::memcpy(model.magic, LATHE_MODEL_MAGIC, sizeof model.magic);
    model.abi_version = LATHE_ABI_VERSION;
    model.struct_bytes = sizeof(lathe_model);
    model.name = text(info.name);
    model.spec = text(info.spec);
    model.max_context = set.maxContext;
    model.vocabulary = set.vocabulary;
    model.max_slots = set.maxSlots;
    model.feed_again_beyond = set.feedAgainBeyond;
    model.n_variants = out.variants.size();
    model.n_weights = out.weights.size();
    model.variants = out.variants.data();
    model.weights = out.weights.data();
    model.weights_bytes = layout.dataBytes;
    model.tokenizer_offset = layout.tokenizerBytes ? layout.tokenizerOffset : 0;
    model.tokenizer_bytes = layout.tokenizerBytes;
  }

  const WeightsLayout &layout;
  ModelTables::Part *part = nullptr; ///< the variant that is being added
  llvm::StringMap<uint32_t> kernelIndex;
  uint32_t unitOfProgram = 0; ///< lathe_launch.unit of its phases
  const Program *program = nullptr;
  const Phase *phase = nullptr;
};

} // namespace lathe

Expected<ModelTables> ModelTables::make(llvm::ArrayRef<LinkedVariant> variants, const WeightsLayout &layout,
                                        const ModelInfo &info) {
  for (const LinkedVariant &variant : variants)
    if (Error wrong = check(*variant.set)) // from here on names, tiles and extents are known to be right
      return std::move(wrong);
  TableBuilder builder(layout);
  if (Error wrong = builder.build(variants, info))
    return std::move(wrong);
  return std::move(builder.out);
}
