//===- Plan.h - what a target wants of fusion -----------------------------------------------------------*- C++ -*-===//
//
// A backend says what programs it wants and how they are cut (compiler/backend/Backend.h); lathe-plan writes that on the
// module as the attribute lathe.plan, and from there the passes, describe, verification and the bundle read it. No
// dialect in here, so that a backend may include it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_FUSION_PLAN_H
#define LATHE_COMPILER_FUSION_PLAN_H

#include "compiler/layout/Rows.h"
#include <cstdint>

namespace lathe {

/// A field 0 has no effect unless its line says otherwise.
struct FusionOptions {
  int64_t splitPositions = 256;  ///< positions of one split of the context, a multiple of 64
  int64_t decodeRows = 1;        ///< rows (sequences) of the smallest decode program
  int64_t sequences = 8;         ///< of a step at most: where that is more, further decode programs are for them
  int64_t prefillRows = 192;     ///< of a prefill step at most, a multiple of 64: whole tiles of 64, 48, 24, … rows
  int64_t prefillLogitRows = 64; ///< whose logits may be asked for, at most
  int64_t maxContext = 0;        ///< positions of a sequence; 0: the module's lathe.max_context
  int64_t choiceTileRows = 0;    ///< rows of a tile of choices of experts in steps of many rows; 0: by ChoiceLayout::of
  /// A decode step of at most so many rows makes what leads to a linear once on every worker, which costs a device of few
  /// workers less than a barrier.
  int64_t repeatRows = 8;
  /// Attention's splits are tiles of the grid in every step, and joining them is a phase of its own: for a device of many
  /// workers.
  bool splitsInGrid = false;

  /// What linears of integer formats multiply.
  ActFormat activations = ActFormat::Q16;

  bool operator==(const FusionOptions &) const = default;
};

} // namespace lathe

#endif
