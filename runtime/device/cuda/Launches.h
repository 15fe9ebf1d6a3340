//===- Launches.h - a variant's phases with functions and parameters ------------------------------------*- C++ -*-===//
//
// lathe_variant.phases made ready once for a context, index for index: a launch's parameters are addresses that never
// change (lathe_launch says which), so a step only has to say how large the grid of each is.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_LAUNCHES_H
#define LATHE_RUNTIME_DEVICE_CUDA_LAUNCHES_H

#include "runtime/device/StepInputs.h"
#include "runtime/device/cuda/Largest.h"
#include "runtime/device/cuda/Modules.h"
#include <array>
#include <string>
#include <vector>

namespace lathe::cuda {

/// Start of each lathe_base but the cache and the state, which have one for each layer. A block's own have none.
struct Bases {
  std::array<CUdeviceptr, LATHE_BASE_COUNT> start{};
  CUdeviceptr cache = 0, state = 0;
  uint64_t cacheLayerBytes = 0, stateLayerBytes = 0;
  CUdeviceptr header = 0;

  CUdeviceptr address(const lathe_view &view) const;
};

struct Grid {
  uint64_t columnTiles = 0, rowTiles = 0, splits = 0;
  uint64_t tiles() const { return columnTiles * rowTiles * splits; }
};

/// The grid of a phase in the step that `inputs` has loaded. Where rows are choices: as many tiles as there can be of the
/// step's rows, for only the card knows how many there are.
Grid gridOf(const lathe_variant &variant, const lathe_phase &phase, const StepInputs &inputs, uint32_t splits);

/// Tiles of choices that a step of `rows` has at most, where the table was made for `maxRows` and has room for `most`.
uint64_t choiceTilesOf(uint64_t rows, uint64_t maxRows, uint64_t most, const lathe_choices &table);

class Launches {
public:
  static Result<Launches> create(const Card &card, const lathe_variant &variant, const Bases &bases);

  /// Starts a phase; `early`: it may begin before what is before it on the stream has ended.
  CUresult launch(const Card &card, const lathe_phase &phase, const Grid &grid, bool early, CUstream stream);
  /// LATHE_PAGE_CHECK_ENTRY; null where the variant has none.
  CUfunction pageCheck() const { return modules.find(LATHE_PAGE_CHECK_ENTRY); }
  /// LATHE_LARGEST_LOGITS_ENTRY and LATHE_LARGEST_KEYS_ENTRY.
  Largest::Functions largest() const {
    return {modules.find(LATHE_LARGEST_LOGITS_ENTRY), modules.find(LATHE_LARGEST_KEYS_ENTRY)};
  }
  /// "phase "layer 3: down", kernel linear_17, grid 128 x 1 x 1 of 256 threads with 16384 bytes of shared memory".
  static std::string describe(const lathe_phase &phase, const Grid &grid);

private:
  Launches(const Card &card, const lathe_variant &variant) : modules(card, variant), variant(&variant) {}

  struct Planned {
    CUfunction function = nullptr;
    std::vector<CUdeviceptr> values;
    std::vector<void *> parameters; ///< to each of the values
  };
  Modules modules;
  const lathe_variant *variant;
  std::vector<Planned> phases;
};

} // namespace lathe::cuda

#endif
