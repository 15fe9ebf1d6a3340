#include "runtime/device/cpu/Plan.h"

namespace lathe {

static PlannedView planView(const lathe_variant &variant, const lathe_view &view, const Bases &bases) {
  PlannedView planned{};
  planned.local = view.base == LATHE_BASE_SCRATCH ? Local::Scratch
                  : view.base == LATHE_BASE_TILE  ? Local::Tile
                                                  : Local::Nothing;
  const uint64_t layer = uint64_t(view.layer);
  const uint8_t *start = view.base == LATHE_BASE_CACHE   ? bases.cache + layer * bases.cacheLayerBytes
                         : view.base == LATHE_BASE_STATE ? bases.state + layer * bases.stateLayerBytes
                                                         : bases.start[view.base];
  planned.address = (planned.local == Local::Nothing ? reinterpret_cast<uintptr_t>(start) : 0) + view.offset;
  for (int i = 0; i < 5; ++i)
    planned.step[i] = view.step[i];
  // Kernels only read the shapes: the table stays constant.
  planned.dim = const_cast<lathe_dim *>(variant.dims + view.first_dim);
  planned.type = view.type;
  planned.dimensions = uint16_t(view.dimensions);
  return planned;
}

Plan makePlan(const lathe_variant &variant, const Bases &bases) {
  Plan plan;
  plan.views.reserve(variant.n_views);
  for (uint32_t i = 0; i < variant.n_views; ++i)
    plan.views.push_back(planView(variant, variant.views[i], bases));
  plan.calls.reserve(variant.n_calls);
  for (uint32_t i = 0; i < variant.n_calls; ++i) {
    const lathe_call &call = variant.calls[i];
    plan.calls.push_back({variant.kernels[call.kernel].function, call.first_view, call.n_views, call.rows_per_call,
                          call.scope == LATHE_SCOPE_SPLITS, call.one_sequence != 0});
  }
  return plan;
}

} // namespace lathe
