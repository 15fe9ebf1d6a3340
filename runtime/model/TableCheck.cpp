#include "runtime/model/TableCheck.h"
#include "runtime/device/StepInputs.h"
#include "runtime/model/ViewCheck.h"
#include <cstring>

namespace lathe {

namespace {

// Limits that no sound model comes near; they keep sums below from overflowing and memory within reason.
constexpr uint32_t kMaxRows = 1u << 20, kMaxSlots = 1u << 16, kMaxTokens = 1u << 28, kMaxTable = 1u << 26;
constexpr uint64_t kMaxBytes = uint64_t(1) << 44;

// What a launch may ask for on any GPU: bytes of shared memory (227 KiB is sm_90's most), parameters, and tiles in the
// grid's second and third dimension.
constexpr uint32_t kMaxThreads = 1024, kMaxShared = 227 << 10, kMaxParameters = 4096 / 8, kMaxGrid = 65535;

/// True if [first, first + count) lies within a table of `size` entries.
bool within(uint64_t first, uint64_t count, uint64_t size) { return first + count <= size; }

#define LATHE_REQUIRE(condition, ...)                                                                                  \
  if (!(condition))                                                                                                    \
  return error(__VA_ARGS__)

Result<void> checkTable(const char *name, uint32_t count, const void *table) {
  LATHE_REQUIRE(count <= kMaxTable, "table ", name, " has ", count, " entries; at most ", kMaxTable, " are possible");
  LATHE_REQUIRE(count == 0 || table, "table ", name, " has ", count, " entries but no address");
  return {};
}

Result<void> checkLimits(const lathe_model &model) {
  LATHE_REQUIRE(model.name && model.spec, "name or spec is missing");
  LATHE_REQUIRE(model.max_context >= 1 && model.max_context <= kMaxTokens, "max_context is ", model.max_context,
                "; 1 to ", kMaxTokens, " are possible");
  LATHE_REQUIRE(model.vocabulary >= 1 && model.vocabulary <= kMaxTokens, "vocabulary is ", model.vocabulary, "; 1 to ",
                kMaxTokens, " are possible");
  LATHE_REQUIRE(model.max_slots >= 1 && model.max_slots <= kMaxSlots, "max_slots is ", model.max_slots, "; 1 to ",
                kMaxSlots, " are possible");
  LATHE_REQUIRE(model.weights_bytes <= kMaxBytes, "weights_bytes is ", model.weights_bytes);
  LATHE_REQUIRE(model.tokenizer_bytes <= model.weights_bytes &&
                    within(model.tokenizer_offset, model.tokenizer_bytes, model.weights_bytes),
                "the tokenizer (offset ", model.tokenizer_offset, ", ", model.tokenizer_bytes,
                " bytes) is not within the weights' ", model.weights_bytes, " bytes");
  return {};
}

Result<void> checkCache(const lathe_model &model, const lathe_variant &variant) {
  const lathe_cache &cache = variant.cache;
  LATHE_REQUIRE(cache.layers <= kMaxRows && cache.page_bytes <= kMaxBytes, "cache: ", cache.layers,
                " layers of pages of ", cache.page_bytes, " bytes");
  const uint64_t pages = (uint64_t(model.max_context) + LATHE_PAGE_POSITIONS - 1) / LATHE_PAGE_POSITIONS;
  LATHE_REQUIRE(cache.max_pages == pages, "cache: max_pages is ", cache.max_pages, "; max_context ", model.max_context,
                " needs ", pages);
  LATHE_REQUIRE(cache.split_positions >= LATHE_PAGE_POSITIONS && cache.split_positions % LATHE_PAGE_POSITIONS == 0,
                "cache: split_positions is ", cache.split_positions, "; it must be a multiple of ",
                LATHE_PAGE_POSITIONS);
  const bool bytes = cache.type.code == LATHE_INT && cache.type.bits == 8;
  LATHE_REQUIRE(cache.layers == 0 || ((bytes || (cache.type.code == LATHE_FLOAT &&
                                                 (cache.type.bits == 16 || cache.type.bits == 32))) &&
                                      cache.type.lanes == 1),
                "cache: type {code ", int(cache.type.code), ", bits ", int(cache.type.bits), ", lanes ",
                cache.type.lanes, "} is none of a cache");
  const uint64_t sizes = uint64_t(cache.head_size) + cache.value_size;
  const uint64_t positionBits = sizes * cache.type.bits + (bytes ? 2 * 32 : 0); // of a head
  const unsigned __int128 used = (unsigned __int128)(cache.kv_heads) * positionBits * LATHE_PAGE_POSITIONS / 8;
  LATHE_REQUIRE(cache.layers == 0 || used <= cache.page_bytes, "cache: page_bytes is ", cache.page_bytes,
                "; keys and values of 64 positions, ", cache.kv_heads, " heads of ", cache.head_size, " and ",
                cache.value_size, " x ", int(cache.type.bits), " bits", bytes ? " with their scales" : "",
                " do not fit");
  return {};
}

Result<void> checkState(const lathe_model &model, const lathe_variant &variant) {
  const lathe_state &state = variant.state;
  LATHE_REQUIRE(state.layers <= kMaxRows && state.bytes <= kMaxBytes && state.bytes % 64 == 0, "state: ", state.layers,
                " layers of blocks of ", state.bytes, " bytes; blocks are multiples of 64 bytes");
  return {};
}

Result<void> checkWeights(const lathe_model &model) {
  for (uint32_t i = 0; i < model.n_weights; ++i) {
    const lathe_weight &weight = model.weights[i];
    LATHE_REQUIRE(weight.name && weight.roles && weight.format && weight.packing, "weight ", i,
                  ": no name, roles, format or packing");
    LATHE_REQUIRE(weight.offset <= model.weights_bytes && weight.bytes <= model.weights_bytes - weight.offset,
                  "weight ", i, " (", weight.name, "): offset ", weight.offset, " and ", weight.bytes,
                  " bytes are not within the weights' ", model.weights_bytes, " bytes");
  }
  return {};
}

Result<void> checkTarget(const lathe_model &model, const lathe_variant &variant) {
  LATHE_REQUIRE(variant.target && variant.plan, "its target has no name, or there is no plan");
  LATHE_REQUIRE(variant.device <= LATHE_DEVICE_CUDA, "device ", variant.device, " is unknown");
  LATHE_REQUIRE(variant.logits_stride >= model.vocabulary && variant.logits_stride <= 2 * kMaxTokens,
                "logits_stride is ", variant.logits_stride, "; it must be at least the vocabulary, ", model.vocabulary);
  return {};
}

Result<void> checkKernels(const lathe_model &, const lathe_variant &variant) {
  const bool functions = variant.device == LATHE_DEVICE_CPU;
  for (uint32_t i = 0; i < variant.n_kernels; ++i) {
    const lathe_kernel &kernel = variant.kernels[i];
    LATHE_REQUIRE(kernel.symbol && kernel.schedule && (kernel.function || !functions), "kernel ", i,
                  ": no symbol, schedule or function");
  }
  for (uint32_t i = 0; i < variant.n_units; ++i) {
    const lathe_unit &unit = variant.units[i];
    LATHE_REQUIRE(unit.name && unit.image && unit.image_bytes && unit.image_bytes <= kMaxBytes, "unit ", i,
                  ": no name or no code");
    LATHE_REQUIRE(unit.kind <= LATHE_UNIT_PTX, "unit ", i, " (", unit.name, "): kind ", unit.kind, " is unknown");
  }
  return {};
}

/// One call's own fields, and its views against the memory of the phase's program.
Result<void> checkCall(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                       const lathe_phase &phase, const lathe_call &call, bool prologue) {
  LATHE_REQUIRE(call.kernel < variant.n_kernels, "kernel ", call.kernel, " of ", variant.n_kernels);
  const char *symbol = variant.kernels[call.kernel].symbol;
  LATHE_REQUIRE(call.scope <= LATHE_SCOPE_WORKER, symbol, ": scope ", call.scope, " is unknown");
  LATHE_REQUIRE((call.scope == LATHE_SCOPE_WORKER) == prologue, symbol,
                ": scope WORKER is for a prologue's calls and for them only");
  LATHE_REQUIRE(!(call.scope == LATHE_SCOPE_SPLITS && phase.splits), symbol,
                ": scope SPLITS in a phase whose grid has splits");
  LATHE_REQUIRE(call.rows_per_call >= 1 && call.rows_per_call <= kMaxRows, symbol, ": rows_per_call is ",
                call.rows_per_call, "; 1 to ", kMaxRows, " are possible");
  LATHE_REQUIRE(prologue || phase.rows_per_tile % call.rows_per_call == 0, symbol, ": rows_per_call is ",
                call.rows_per_call, ", which does not divide the tile's ", phase.rows_per_tile);
  LATHE_REQUIRE(call.one_sequence == 0 || (call.one_sequence == 1 && !prologue && phase.rows == LATHE_ROWS_ALL &&
                                           !phase.in_order),
                symbol, ": one_sequence is ", call.one_sequence,
                "; 0 is possible, and 1 for a tile's calls in a phase of the step's rows");
  LATHE_REQUIRE(within(call.first_view, call.n_views, variant.n_views), symbol, ": views ", call.first_view, " + ",
                call.n_views, " of ", variant.n_views);
  LATHE_REQUIRE(call.n_views <= LATHE_MAX_ARGUMENTS, symbol, ": ", call.n_views, " views; at most ",
                LATHE_MAX_ARGUMENTS, " are possible");
  const ViewLimits limits = viewLimits(model, variant, program, phase, call);
  for (uint32_t i = 0; i < call.n_views; ++i)
    if (Result<void> sound = checkView(model, variant, program, variant.views[call.first_view + i], limits); !sound)
      return error(symbol, ", argument ", i, ": ", sound.message());
  return {};
}

/// The f32 result that an observer reads: [rows][columns].
Result<void> checkResult(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                         const lathe_phase &phase) {
  LATHE_REQUIRE(phase.result <= variant.n_views, "result: view ", phase.result - 1, " of ", variant.n_views);
  const lathe_view &view = variant.views[phase.result - 1];
  LATHE_REQUIRE(view.base == LATHE_BASE_ARENA || view.base == LATHE_BASE_LOGITS,
                "result: must be in the arena or the logits, not in base ", view.base);
  LATHE_REQUIRE(view.type.code == LATHE_FLOAT && view.type.bits == 32, "result: must be f32");
  if (Result<void> sound = checkView(model, variant, program, view, ViewLimits{}); !sound)
    return error("result: ", sound.message());
  LATHE_REQUIRE(view.dimensions == 2, "result: has ", view.dimensions, " dimensions; it must have 2, columns and rows");
  const lathe_dim *dims = variant.dims + view.first_dim;
  const uint64_t rows = rowLimit(variant, program, phase);
  LATHE_REQUIRE(dims[0].stride == 1 && dims[1].stride >= 0 && dims[1].extent >= 0 && uint32_t(dims[1].extent) >= rows,
                "result: must be [", rows, " rows][columns] with columns side by side");
  return {};
}

/// The table that tells a phase its tiles.
Result<void> checkChoices(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                          const lathe_phase &phase) {
  const lathe_choices &choices = phase.choices;
  LATHE_REQUIRE((phase.rows == LATHE_ROWS_CHOICES) == (choices.table != 0),
                "choices: a table is for rows that are choices and for them only");
  if (!choices.table)
    return {};
  LATHE_REQUIRE(choices.table <= variant.n_views, "choices: view ", choices.table - 1, " of ", variant.n_views);
  LATHE_REQUIRE(choices.tile_rows >= 1 && choices.tile_rows <= kMaxRows && choices.experts >= 1 &&
                    choices.experts <= kMaxRows,
                "choices: tiles of ", choices.tile_rows, " rows, ", choices.experts, " experts; 1 to ", kMaxRows,
                " are possible");
  const lathe_view &table = variant.views[choices.table - 1];
  LATHE_REQUIRE(table.base == LATHE_BASE_ARENA && table.type.code == LATHE_INT && table.type.bits == 32 &&
                    table.dimensions == 1,
                "choices: the table must be i32 [1 + tiles] in the arena");
  const int32_t extent = variant.dims[table.first_dim].extent;
  LATHE_REQUIRE(extent >= 2 && uint32_t(extent) <= kMaxRows && variant.dims[table.first_dim].stride == 1,
                "choices: the table has ", extent, " numbers; 2 to ", kMaxRows, " are possible");
  if (Result<void> sound = checkView(model, variant, program, table, ViewLimits{}); !sound)
    return error("choices: ", sound.message());
  return {};
}

/// How a GPU runs the phase as a whole. What else of the phase it depends on is sound.
Result<void> checkLaunch(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                         const lathe_phase &phase) {
  const lathe_launch &launch = phase.launch;
  LATHE_REQUIRE(launch.unit >= 1 && launch.unit <= variant.n_units, "launch: of ", variant.n_units,
                " units none is its");
  LATHE_REQUIRE(launch.entry && *launch.entry, "launch: no entry");
  LATHE_REQUIRE(launch.threads >= 1 && launch.threads <= kMaxThreads, "launch: ", launch.threads, " threads; 1 to ",
                kMaxThreads, " are possible");
  LATHE_REQUIRE(launch.shared_bytes <= kMaxShared, "launch: ", launch.shared_bytes, " bytes of shared memory; at most ",
                kMaxShared, " are possible");
  LATHE_REQUIRE(launch.early <= 1, "launch: early is ", launch.early, "; 0 or 1 are possible");
  uint64_t parameters = 1 + (phase.choices.table != 0);
  for (uint32_t i = 0; i < phase.n_prologue; ++i)
    parameters += variant.calls[phase.first_prologue + i].n_views;
  for (uint32_t i = 0; i < phase.n_calls; ++i)
    parameters += variant.calls[phase.first_call + i].n_views;
  LATHE_REQUIRE(parameters <= kMaxParameters, "launch: ", parameters, " parameters; at most ", kMaxParameters,
                " are possible");
  const uint64_t rowTiles = phase.in_order ? 1 : rowLimit(variant, program, phase) / phase.rows_per_tile;
  const uint64_t splits = phase.splits ? model.max_context / variant.cache.split_positions : 1;
  LATHE_REQUIRE(rowTiles < kMaxGrid && splits < kMaxGrid, "launch: a grid of ", rowTiles, " row tiles and ", splits,
                " splits; fewer than ", kMaxGrid, " are possible");
  return {};
}

Result<void> checkPhase(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                        const lathe_phase &phase) {
  LATHE_REQUIRE(phase.name, "no name");
  LATHE_REQUIRE(phase.kind == LATHE_PHASE_KERNELS, "kind is ", phase.kind, ": unknown");
  LATHE_REQUIRE(phase.rows <= LATHE_ROWS_ONCE, "rows is ", phase.rows, ": unknown");
  LATHE_REQUIRE(phase.launch.unit <= variant.n_units, "launch: unit ", phase.launch.unit - 1, " of ", variant.n_units);
  LATHE_REQUIRE(phase.work.rate <= LATHE_RATE_HALF, "work: rate ", phase.work.rate, " is unknown");
  if (Result<void> sound = checkChoices(model, variant, program, phase); !sound)
    return sound;
  LATHE_REQUIRE(phase.splits <= 1, "splits is ", phase.splits, "; 0 or 1 are possible");
  LATHE_REQUIRE(phase.in_order <= 1, "in_order is ", phase.in_order, "; 0 or 1 are possible");
  LATHE_REQUIRE(!phase.in_order || (phase.n_prologue == 0 && phase.rows_per_tile == 1),
                "rows in order, and a prologue for all of them at once or tiles of several");
  LATHE_REQUIRE(phase.rows_per_tile >= 1 && phase.rows_per_tile <= kMaxRows, "rows_per_tile is ", phase.rows_per_tile,
                "; 1 to ", kMaxRows, " are possible");
  LATHE_REQUIRE(phase.column_tiles >= 1 && phase.column_tiles <= kMaxTokens, "column_tiles is ", phase.column_tiles,
                "; 1 to ", kMaxTokens, " are possible");
  LATHE_REQUIRE(within(phase.first_prologue, phase.n_prologue, variant.n_calls), "prologue calls ",
                phase.first_prologue, " + ", phase.n_prologue, " of ", variant.n_calls);
  LATHE_REQUIRE(phase.n_calls >= 1, "no calls");
  LATHE_REQUIRE(within(phase.first_call, phase.n_calls, variant.n_calls), "calls ", phase.first_call, " + ",
                phase.n_calls, " of ", variant.n_calls);
  for (uint32_t i = 0; i < phase.n_prologue; ++i)
    if (auto sound =
            checkCall(model, variant, program, phase, variant.calls[phase.first_prologue + i], /*prologue=*/true);
        !sound)
      return sound;
  for (uint32_t i = 0; i < phase.n_calls; ++i)
    if (auto sound = checkCall(model, variant, program, phase, variant.calls[phase.first_call + i], /*prologue=*/false);
        !sound)
      return sound;
  if (variant.device == LATHE_DEVICE_CUDA)
    if (Result<void> sound = checkLaunch(model, variant, program, phase); !sound)
      return sound;
  LATHE_REQUIRE(phase.result || !phase.hidden, "hidden state ", phase.hidden - 1, " without a result");
  return phase.result ? checkResult(model, variant, program, phase) : Result<void>();
}

Result<void> checkProgram(const lathe_model &model, const lathe_variant &variant, const lathe_program &program) {
  LATHE_REQUIRE(program.name, "no name");
  LATHE_REQUIRE(program.max_rows >= 1 && program.max_rows <= kMaxRows, "max_rows is ", program.max_rows, "; 1 to ",
                kMaxRows, " are possible");
  LATHE_REQUIRE(program.max_logit_rows >= 1 && program.max_logit_rows <= program.max_rows, "max_logit_rows is ",
                program.max_logit_rows, "; 1 to max_rows, ", program.max_rows, ", are possible");
  LATHE_REQUIRE(program.distinct_sequences <= 1, "distinct_sequences is ", program.distinct_sequences,
                "; 0 or 1 are possible");
  LATHE_REQUIRE(program.arena_bytes <= kMaxBytes && program.scratch_bytes <= kMaxBytes, "arena of ",
                program.arena_bytes, " and scratch of ", program.scratch_bytes, " bytes");
  LATHE_REQUIRE(within(program.first_phase, program.n_phases, variant.n_phases), "phases ", program.first_phase, " + ",
                program.n_phases, " of ", variant.n_phases);
  for (uint32_t i = 0; i < program.n_phases; ++i) {
    const lathe_phase &phase = variant.phases[program.first_phase + i];
    if (Result<void> sound = checkPhase(model, variant, program, phase); !sound)
      return error("phase ", i, " (", phase.name ? phase.name : "?", "): ", sound.message());
  }
  return {};
}

} // namespace

Result<void> checkHeader(const lathe_model &model) {
  LATHE_REQUIRE(std::memcmp(model.magic, LATHE_MODEL_MAGIC, sizeof model.magic) == 0,
                "is not a Lathe model: its tables do not begin with " LATHE_MODEL_MAGIC);
  LATHE_REQUIRE(model.abi_version == LATHE_ABI_VERSION, "was compiled for version ", model.abi_version,
                " of the bundle format; this runtime reads version ", LATHE_ABI_VERSION, ": compile it again");
  LATHE_REQUIRE(model.struct_bytes == sizeof(lathe_model), "its tables' header has ", model.struct_bytes,
                " bytes; version ", LATHE_ABI_VERSION, " has ", sizeof(lathe_model));
  return {};
}

static Result<void> checkVariant(const lathe_model &model, const lathe_variant &variant) {
  for (const auto &[name, count, table] :
       {std::tuple<const char *, uint32_t, const void *>{"programs", variant.n_programs, variant.programs},
        {"phases", variant.n_phases, variant.phases},
        {"calls", variant.n_calls, variant.calls},
        {"views", variant.n_views, variant.views},
        {"dims", variant.n_dims, variant.dims},
        {"kernels", variant.n_kernels, variant.kernels},
        {"units", variant.n_units, variant.units}})
    if (Result<void> sound = checkTable(name, count, table); !sound)
      return sound;
  for (auto check : {checkTarget, checkCache, checkState, checkKernels})
    if (Result<void> sound = check(model, variant); !sound)
      return sound;
  // All calls and views are planned, those that no phase uses too.
  for (uint32_t i = 0; i < variant.n_calls; ++i)
    LATHE_REQUIRE(variant.calls[i].kernel < variant.n_kernels, "call ", i, ": kernel ", variant.calls[i].kernel, " of ",
                  variant.n_kernels);
  for (uint32_t i = 0; i < variant.n_views; ++i)
    if (Result<void> sound = checkViewFields(variant, variant.views[i]); !sound)
      return error("view ", i, ": ", sound.message());
  LATHE_REQUIRE(variant.n_programs >= 1, "no programs");
  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    const lathe_program &program = variant.programs[i];
    if (Result<void> sound = checkProgram(model, variant, program); !sound)
      return error("program ", i, " (", program.name ? program.name : "?", "): ", sound.message());
    LATHE_REQUIRE(i == 0 || variant.programs[i - 1].max_rows <= program.max_rows, "program ", i, " (", program.name,
                  "): takes fewer rows than the one before it; they must ascend");
  }
  return {};
}

Result<void> checkTables(const lathe_model &model) {
  for (const auto &[name, count, table] :
       {std::tuple<const char *, uint32_t, const void *>{"variants", model.n_variants, model.variants},
        {"weights", model.n_weights, model.weights}})
    if (Result<void> sound = checkTable(name, count, table); !sound)
      return sound;
  for (auto check : {checkLimits, checkWeights})
    if (Result<void> sound = check(model); !sound)
      return sound;
  LATHE_REQUIRE(model.n_variants >= 1, "no variants");
  for (uint32_t i = 0; i < model.n_variants; ++i) {
    const lathe_variant &variant = model.variants[i];
    if (Result<void> sound = checkVariant(model, variant); !sound)
      return error("variant ", i, " (", variant.target ? variant.target : "?", "): ", sound.message());
  }
  return {};
}

#undef LATHE_REQUIRE

} // namespace lathe
