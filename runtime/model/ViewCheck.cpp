#include "runtime/model/ViewCheck.h"
#include "runtime/device/StepInputs.h"

namespace lathe {

namespace {

using Wide = __int128; // no sum of products of 64-bit fields here comes near its end

constexpr uint32_t kMaxDimensions = 8;
constexpr const char *kBaseNames[LATHE_BASE_COUNT] = {"arena",     "scratch", "weights", "cache",      "ids",
                                                      "positions", "slots",   "pages",   "logit rows", "logits",
                                                      "tile",      "lengths", "state",   "blocks"};

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// Bytes of the memory that a base names, as the executor allocates it.
Wide baseBytes(const lathe_model &model, const lathe_variant &variant, const lathe_program &program, uint32_t base) {
  switch (base) {
  case LATHE_BASE_ARENA:
    return program.arena_bytes;
  case LATHE_BASE_SCRATCH:
    return program.scratch_bytes;
  case LATHE_BASE_WEIGHTS:
    return model.weights_bytes;
  case LATHE_BASE_CACHE:
    return variant.cache.page_bytes; // of one page: where a view may start
  case LATHE_BASE_STATE:
    return variant.state.bytes; // of one block: where a view may start
  case LATHE_BASE_PAGES:
    return Wide(model.max_slots) * variant.cache.max_pages * sizeof(int32_t);
  case LATHE_BASE_LOGITS:
    return (Wide(program.max_logit_rows) + paddingRows(variant)) * variant.logits_stride * Wide(sizeof(float));
  case LATHE_BASE_TILE:
    return 7 * sizeof(int32_t);
  default:
    return (Wide(program.max_rows) + paddingRows(variant)) * Wide(sizeof(int32_t));
  }
}

bool knownType(const lathe_type &type) {
  const bool code =
      type.code == LATHE_INT || type.code == LATHE_UINT || type.code == LATHE_FLOAT || type.code == LATHE_BFLOAT;
  return code && type.lanes == 1 && (type.bits == 8 || type.bits == 16 || type.bits == 32 || type.bits == 64);
}

} // namespace

uint64_t rowLimit(const lathe_variant &variant, const lathe_program &program, const lathe_phase &phase) {
  switch (phase.rows) {
  case LATHE_ROWS_LOGITS:
    return program.max_logit_rows;
  case LATHE_ROWS_CHOICES: {
    const lathe_view &table = variant.views[phase.choices.table - 1];
    return uint64_t(variant.dims[table.first_dim].extent - 1) * phase.choices.tile_rows;
  }
  case LATHE_ROWS_ONCE:
    return 1;
  default:
    return program.max_rows;
  }
}

ViewLimits viewLimits(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                      const lathe_phase &phase, const lathe_call &call) {
  const uint64_t rows = rowLimit(variant, program, phase);
  if (call.scope == LATHE_SCOPE_WORKER)
    return {{divideUp(rows, call.rows_per_call), 1, 1, 1, 1}};
  const bool splits = phase.splits || call.scope == LATHE_SCOPE_SPLITS;
  return {{divideUp(rows, phase.in_order ? 1 : phase.rows_per_tile), phase.column_tiles,
           splits ? divideUp(model.max_context, variant.cache.split_positions) : 1,
           phase.rows == LATHE_ROWS_CHOICES ? phase.choices.experts : 1, phase.rows_per_tile / call.rows_per_call}};
}

Result<void> checkViewFields(const lathe_variant &variant, const lathe_view &view) {
  if (view.base >= LATHE_BASE_COUNT)
    return error("base ", view.base, " is unknown");
  const uint32_t layers = view.base == LATHE_BASE_CACHE   ? variant.cache.layers
                          : view.base == LATHE_BASE_STATE ? variant.state.layers
                                                          : 1;
  if (uint32_t(view.layer) >= layers)
    return error("layer ", view.layer, " of base ", kBaseNames[view.base], ", which has ", layers);
  if (!knownType(view.type))
    return error("type {code ", int(view.type.code), ", bits ", int(view.type.bits), ", lanes ", view.type.lanes,
                 "} is unknown");
  if (view.dimensions > kMaxDimensions)
    return error(view.dimensions, " dimensions; at most ", kMaxDimensions, " are possible");
  if (uint64_t(view.first_dim) + view.dimensions > variant.n_dims)
    return error("dims ", view.first_dim, " + ", view.dimensions, " of ", variant.n_dims);
  for (uint32_t i = 0; i < view.dimensions; ++i)
    if (variant.dims[view.first_dim + i].min != 0 || variant.dims[view.first_dim + i].extent < 0)
      return error("dimension ", i, ": min ", variant.dims[view.first_dim + i].min, " and extent ",
                   variant.dims[view.first_dim + i].extent, "; min must be 0 and the extent not negative");
  return {};
}

Result<void> checkView(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                       const lathe_view &view, const ViewLimits &limits) {
  const Wide size = baseBytes(model, variant, program, view.base);
  Wide low = view.offset, high = view.offset; // first bytes of the lowest and the highest element
  const auto reach = [&](Wide count, Wide step) { (step < 0 ? low : high) += (count - 1) * step; };
  const bool paged = view.base == LATHE_BASE_PAGES || view.base == LATHE_BASE_CACHE || view.base == LATHE_BASE_STATE;
  for (int i = 0; i < 5; ++i)
    reach(limits.count[i], view.step[i]);
  const Wide element = view.type.bits / 8;
  for (uint32_t i = 0; i < view.dimensions && !paged; ++i) {
    const lathe_dim &dim = variant.dims[view.first_dim + i];
    if (dim.extent == 0)
      return {}; // nothing is touched
    reach(dim.extent, Wide(dim.stride) * element);
  }
  if (low >= 0 && high + element <= size)
    return {};
  return error("reaches bytes ", int64_t(low), " to ", int64_t(high + element), " of base ", kBaseNames[view.base],
               ", which has ", int64_t(size));
}

} // namespace lathe
