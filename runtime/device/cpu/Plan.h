//===- Plan.h - a variant's tables with addresses ---------------------------------------------------------*- C++ -*-===//
//
// lathe_variant.calls and .views, made ready once for a context, index for index: a view's base and offset have become an
// address, so a call copies a few words a view and adds its steps.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_PLAN_H
#define LATHE_RUNTIME_DEVICE_CPU_PLAN_H

#include "runtime/abi/model_abi.h"
#include <array>
#include <cstdint>
#include <vector>

namespace lathe {

/// Start of each lathe_base but the cache and the state, which have one for each layer. Those of a worker's own are
/// null here.
struct Bases {
  std::array<uint8_t *, LATHE_BASE_COUNT> start{};
  uint8_t *cache = nullptr;
  uint64_t cacheLayerBytes = 0;
  uint8_t *state = nullptr;
  uint64_t stateLayerBytes = 0;
};

/// Where a view's address counts from.
enum class Local : uint16_t { Nothing, Scratch, Tile };

struct alignas(64) PlannedView {
  uintptr_t address; ///< or the offset in the worker's scratch or tile
  int64_t step[5];
  lathe_dim *dim;
  lathe_type type;
  uint16_t dimensions;
  Local local;
};
static_assert(sizeof(PlannedView) == 64, "a line: a step reads all of them");

struct PlannedCall {
  lathe_kernel_function function;
  uint32_t firstView, views;
  uint32_t rows;   ///< that one call covers
  bool overSplits;  ///< scope LATHE_SCOPE_SPLITS
  bool oneSequence; ///< made for each run of its rows
};

struct Plan {
  std::vector<PlannedView> views;
  std::vector<PlannedCall> calls;
};

/// `variant` must have passed checkTables (runtime/model).
Plan makePlan(const lathe_variant &variant, const Bases &bases);

} // namespace lathe

#endif
