#include "runtime/device/cuda/Launches.h"
#include <algorithm>
#include <sstream>

namespace lathe::cuda {

namespace {

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// Tiles of `choices` of each of `rows` rows at most: an expert's last tile may be filled up (compiler/layout/Choices.h).
uint64_t choiceTiles(uint64_t rows, uint64_t choices, const lathe_choices &table) {
  const uint64_t all = rows * choices, used = std::min<uint64_t>(all, table.experts);
  return (all + used * (table.tile_rows - 1)) / table.tile_rows;
}

} // namespace

uint64_t choiceTilesOf(uint64_t rows, uint64_t maxRows, uint64_t most, const lathe_choices &table) {
  // How many choices a row has is not in the tables: at most so many that all rows' have that room.
  uint64_t choices = 1;
  while (choices < table.experts && choiceTiles(maxRows, choices + 1, table) <= most)
    ++choices;
  return std::min(most, choiceTiles(rows, choices, table));
}

CUdeviceptr Bases::address(const lathe_view &view) const {
  const uint64_t layer = uint64_t(view.layer);
  return view.offset + (view.base == LATHE_BASE_CACHE   ? cache + layer * cacheLayerBytes
                        : view.base == LATHE_BASE_STATE ? state + layer * stateLayerBytes
                                                        : start[view.base]);
}

Grid gridOf(const lathe_variant &variant, const lathe_phase &phase, const StepInputs &inputs, uint32_t splits) {
  Grid grid{.columnTiles = phase.column_tiles, .rowTiles = 0, .splits = phase.splits ? splits : 1};
  if (phase.rows == LATHE_ROWS_CHOICES) {
    const lathe_view &table = variant.views[phase.choices.table - 1];
    const uint64_t most = uint64_t(variant.dims[table.first_dim].extent) - 1;
    grid.rowTiles = divideUp(choiceTilesOf(inputs.rows(), inputs.program().max_rows, most, phase.choices) *
                                 phase.choices.tile_rows,
                             phase.rows_per_tile);
  } else {
    const uint64_t rows = inputs.rowsOf(phase);
    grid.rowTiles = phase.in_order ? rows != 0 : divideUp(rows, phase.rows_per_tile);
  }
  return grid;
}

Result<Launches> Launches::create(const Card &card, const lathe_variant &variant, const Bases &bases) {
  Launches launches(card, variant);
  launches.phases.resize(variant.n_phases);
  for (uint32_t i = 0; i < variant.n_phases; ++i) {
    const lathe_phase &phase = variant.phases[i];
    Planned &planned = launches.phases[i];
    Result<CUfunction> function = launches.modules.function(phase.launch);
    if (!function)
      return error("phase \"", phase.name, "\": ", function.message());
    planned.function = *function;
    for (auto [first, count] : {std::pair(phase.first_prologue, phase.n_prologue), {phase.first_call, phase.n_calls}})
      for (uint32_t c = first; c < first + count; ++c)
        for (uint32_t v = 0; v < variant.calls[c].n_views; ++v)
          if (const lathe_view &view = variant.views[variant.calls[c].first_view + v];
              view.base != LATHE_BASE_SCRATCH && view.base != LATHE_BASE_TILE)
            planned.values.push_back(bases.address(view));
    if (phase.choices.table)
      planned.values.push_back(bases.address(variant.views[phase.choices.table - 1]));
    planned.values.push_back(bases.header);
    for (CUdeviceptr &value : planned.values)
      planned.parameters.push_back(&value);
  }
  return launches;
}

CUresult Launches::launch(const Card &card, const lathe_phase &phase, const Grid &grid, bool early, CUstream stream) {
  Planned &planned = phases[size_t(&phase - variant->phases)];
  CUlaunchAttribute attribute{};
  attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  attribute.value.programmaticStreamSerializationAllowed = 1;
  const CUlaunchConfig config{.gridDimX = unsigned(grid.columnTiles),
                              .gridDimY = unsigned(grid.rowTiles),
                              .gridDimZ = unsigned(grid.splits),
                              .blockDimX = phase.launch.threads,
                              .blockDimY = 1,
                              .blockDimZ = 1,
                              .sharedMemBytes = phase.launch.shared_bytes,
                              .hStream = stream,
                              .attrs = &attribute,
                              .numAttrs = early ? 1u : 0u};
  return card.driver.cuLaunchKernelEx(&config, planned.function, planned.parameters.data(), nullptr);
}

std::string Launches::describe(const lathe_phase &phase, const Grid &grid) {
  std::ostringstream out;
  out << "phase \"" << phase.name << "\", kernel " << phase.launch.entry << ", grid " << grid.columnTiles << " x "
      << grid.rowTiles << " x " << grid.splits << " of " << phase.launch.threads << " threads with "
      << phase.launch.shared_bytes << " bytes of shared memory";
  return out.str();
}

} // namespace lathe::cuda
