//===- Step.h - what one step gets and what can be watched of it ----------------------------------------*- C++ -*-===//
//
// A step is one forward pass over `rows` tokens, of one sequence or of several. Every device runs the same steps.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_STEP_H
#define LATHE_RUNTIME_DEVICE_STEP_H

#include "runtime/abi/model_abi.h"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace lathe {

/// The rows of a step. ids, positions, slots and lengths have one entry for each row.
struct StepRows {
  std::span<const int32_t> ids;
  std::span<const int32_t> positions; ///< of the row in its sequence: < max_context
  std::span<const int32_t> slots;     ///< the line of the page table that belongs to the row's sequence: < max_slots
  std::span<const int32_t> logitRows; ///< the rows whose logits are wanted; may be empty
  /// Tokens that are known of the row's sequence: more than its position, <= max_context. Empty: position + 1.
  std::span<const int32_t> lengths = {};
  /// Of each row's logits so many of the largest are wanted, Executor::largest, instead of all: at most
  /// Executor::mostLargest. 0: all.
  uint32_t largest = 0;
  /// With them the sum of weights at a temperature for each of logitRows, all > 0; or empty.
  std::span<const float> temperatures = {};
};

/// What an observer learns when a phase has ended. Pointers are valid during the call.
struct PhaseEvent {
  size_t phase;             ///< index within the program
  const lathe_phase *table; ///< its name, weight bytes, operations
  double seconds;           ///< from the barrier before the phase to the one after it
  size_t tiles;             ///< that the phase had in this step
  /// Brings the phase's f32 result [rows][columns], rows `rowStride` elements apart, to the host's memory; empty where
  /// the table names none.
  std::function<const float *()> fetch;
  size_t rows, columns, rowStride;
};

/// Called after each phase while the workers wait. It may be slow; the step's numbers are not changed by it.
using PhaseObserver = std::function<void(const PhaseEvent &)>;

} // namespace lathe

#endif
