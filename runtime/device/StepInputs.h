//===- StepInputs.h - the rows of a step, checked and padded --------------------------------------------*- C++ -*-===//
//
// What every device does with a step before it runs: the rows must fit the program, and arrays get padding rows behind
// the step's, for the last tile of a phase may reach beyond them. Padding rows have id 0 and position 0 of 1 in a slot
// whose pages are all page 0, the cache's sink.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_STEPINPUTS_H
#define LATHE_RUNTIME_DEVICE_STEPINPUTS_H

#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Result.h"
#include "runtime/device/Step.h"
#include <span>
#include <vector>

namespace lathe {

/// Rows that arrays of a step have beyond a program's limits: what the last tile of a phase may reach.
uint32_t paddingRows(const lathe_variant &variant);

/// Which pages of the cache, and which block of the states, the sequence of each slot has; in the host's memory.
class PageTable {
public:
  virtual ~PageTable() = default;
  /// The line of a slot, i32 [max_pages]: to be filled before a step whose rows name the slot.
  virtual std::span<int32_t> line(size_t slot) = 0;
  /// The block of the states' pool: to be set before a step whose rows name the slot, where the model has a state.
  virtual void setBlock(size_t slot, int32_t block) = 0;
};

class StepInputs final : public PageTable {
public:
  /// Room for the largest program; both tables outlive the result.
  static Result<StepInputs> create(const lathe_model &model, const lathe_variant &variant);

  std::span<int32_t> line(size_t slot) override;
  void setBlock(size_t slot, int32_t block) override { blockOfSlot[slot] = block; }

  /// Takes a step's rows. Fails, changing nothing, where they do not fit program number `program`.
  Result<void> load(size_t program, const StepRows &rows);

  // Of the step that was loaded.
  const lathe_program &program() const { return *chosen; }
  size_t rows() const { return rowCount; }
  size_t logitRows() const { return logitRowCount; }
  /// Of the longest row's context.
  uint64_t splits() const { return splitCount; }
  /// Rows of a phase; not of one whose rows are choices, which a table of the step tells.
  size_t rowsOf(const lathe_phase &phase) const {
    return phase.rows == LATHE_ROWS_LOGITS ? logitRowCount : phase.rows == LATHE_ROWS_ONCE ? 1 : rowCount;
  }

  /// The end of the run of rows from `row` on, at most `end`, that follow one another in a sequence. Padding rows are
  /// rows too, each a run.
  size_t runEnd(size_t row, size_t end) const;

  /// The array of one of the bases IDS, POSITIONS, SLOTS, LOGIT_ROWS, LENGTHS, BLOCKS and PAGES.
  std::span<int32_t> array(uint32_t base);

private:
  StepInputs(const lathe_model &model, const lathe_variant &variant) : model(&model), variant(&variant) {}
  Result<void> check(const lathe_program &program, const StepRows &rows);

  const lathe_model *model;
  const lathe_variant *variant;
  AlignedBuffer rowMemory, pageMemory;
  size_t rowEntries = 0, padding = 0;
  std::vector<int32_t> blockOfSlot;
  std::vector<int32_t> slotUsers; ///< for check(): rows of each slot
  const lathe_program *chosen = nullptr;
  size_t rowCount = 0, logitRowCount = 0;
  uint64_t splitCount = 1;
};

} // namespace lathe

#endif
