#include "runtime/device/StepInputs.h"
#include <algorithm>

namespace lathe {

namespace {
constexpr uint64_t kLine = 64;
uint64_t roundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

/// The arrays of rowMemory, in this order.
constexpr uint32_t kRowArrays[] = {LATHE_BASE_IDS,        LATHE_BASE_POSITIONS, LATHE_BASE_SLOTS,
                                   LATHE_BASE_LOGIT_ROWS, LATHE_BASE_LENGTHS,   LATHE_BASE_BLOCKS};
} // namespace

uint32_t paddingRows(const lathe_variant &variant) {
  uint32_t most = 1;
  for (uint32_t i = 0; i < variant.n_phases; ++i)
    most = std::max(most, variant.phases[i].rows_per_tile);
  for (uint32_t i = 0; i < variant.n_calls; ++i)
    most = std::max(most, variant.calls[i].rows_per_call);
  return most;
}

Result<StepInputs> StepInputs::create(const lathe_model &model, const lathe_variant &variant) {
  StepInputs inputs(model, variant);
  uint64_t rows = 0;
  for (uint32_t i = 0; i < variant.n_programs; ++i)
    rows = std::max<uint64_t>(rows, variant.programs[i].max_rows);
  inputs.padding = paddingRows(variant);
  inputs.rowEntries = roundUp(rows + inputs.padding, kLine / sizeof(int32_t));
  const uint64_t lines = uint64_t(model.max_slots) + 1; // and the padding rows' own
  Result<AlignedBuffer> rowMemory =
      AlignedBuffer::create(std::size(kRowArrays) * inputs.rowEntries * sizeof(int32_t), "rows of a step");
  if (!rowMemory)
    return rowMemory.takeError();
  Result<AlignedBuffer> pageMemory =
      AlignedBuffer::create(lines * variant.cache.max_pages * sizeof(int32_t), "page table");
  if (!pageMemory)
    return pageMemory.takeError();
  inputs.rowMemory = rowMemory.take();
  inputs.pageMemory = pageMemory.take();
  inputs.blockOfSlot.resize(model.max_slots);
  inputs.slotUsers.resize(model.max_slots);
  return inputs;
}

std::span<int32_t> StepInputs::array(uint32_t base) {
  if (base == LATHE_BASE_PAGES)
    return pageMemory.as<int32_t>();
  const size_t place = size_t(std::ranges::find(kRowArrays, base) - kRowArrays);
  return rowMemory.as<int32_t>().subspan(place * rowEntries, rowEntries);
}

size_t StepInputs::runEnd(size_t row, size_t end) const {
  StepInputs &self = const_cast<StepInputs &>(*this); // arrays are for writing, too
  const std::span<const int32_t> slots = self.array(LATHE_BASE_SLOTS), positions = self.array(LATHE_BASE_POSITIONS);
  while (++row < end && slots[row] == slots[row - 1] && positions[row] == positions[row - 1] + 1) {
  }
  return row;
}

std::span<int32_t> StepInputs::line(size_t slot) {
  return pageMemory.as<int32_t>().subspan(slot * variant->cache.max_pages, variant->cache.max_pages);
}

Result<void> StepInputs::check(const lathe_program &program, const StepRows &rows) {
  const size_t count = rows.ids.size();
  if (count == 0 || count > program.max_rows)
    return error("a step of ", count, " rows; program ", program.name, " takes 1 to ", program.max_rows);
  if (rows.positions.size() != count || rows.slots.size() != count)
    return error("a step of ", count, " rows has ", rows.positions.size(), " positions and ", rows.slots.size(),
                 " slots; each row needs one");
  if (!rows.lengths.empty() && rows.lengths.size() != count)
    return error("a step of ", count, " rows has ", rows.lengths.size(), " lengths; each row needs one, or none has");
  if (!rows.temperatures.empty() && rows.temperatures.size() != rows.logitRows.size())
    return error(rows.temperatures.size(), " temperatures for logits of ", rows.logitRows.size(), " rows");
  if (rows.logitRows.size() > program.max_logit_rows)
    return error("logits of ", rows.logitRows.size(), " rows are wanted; program ", program.name, " gives at most ",
                 program.max_logit_rows);
  std::fill(slotUsers.begin(), slotUsers.end(), 0);
  for (size_t i = 0; i < count; ++i) {
    if (uint32_t(rows.ids[i]) >= model->vocabulary)
      return error("row ", i, ": token ", rows.ids[i], " is not in the vocabulary of ", model->vocabulary);
    if (uint32_t(rows.positions[i]) >= model->max_context)
      return error("row ", i, ": position ", rows.positions[i], " is not below the context of ", model->max_context);
    if (!rows.lengths.empty() &&
        (rows.lengths[i] <= rows.positions[i] || uint32_t(rows.lengths[i]) > model->max_context))
      return error("row ", i, ": a sequence of length ", rows.lengths[i], " does not hold position ", rows.positions[i],
                   " or is longer than the context of ", model->max_context);
    if (uint32_t(rows.slots[i]) >= model->max_slots)
      return error("row ", i, ": slot ", rows.slots[i], " is not below ", model->max_slots);
    if (++slotUsers[size_t(rows.slots[i])] > 1 && program.distinct_sequences)
      return error("row ", i, ": slot ", rows.slots[i], " comes twice, but program ", program.name,
                   " takes one row of a sequence");
  }
  for (size_t i = 0; i < rows.logitRows.size(); ++i)
    if (rows.logitRows[i] < 0 || size_t(rows.logitRows[i]) >= count)
      return error("logits of row ", rows.logitRows[i], " are wanted in a step of ", count, " rows");
  return {};
}

Result<void> StepInputs::load(size_t program, const StepRows &rows) {
  if (program >= variant->n_programs)
    return error("program ", program, " does not exist; the model has ", variant->n_programs);
  if (Result<void> fits = check(variant->programs[program], rows); !fits)
    return fits;
  chosen = variant->programs + program;
  const size_t count = rows.ids.size();
  const std::span<int32_t> blocks = array(LATHE_BASE_BLOCKS), lengths = array(LATHE_BASE_LENGTHS);
  int32_t paddingSlot = 0, longest = 0;
  for (size_t i = 0; i < count; ++i) {
    paddingSlot = std::max(paddingSlot, rows.slots[i] + 1);
    longest = std::max(longest, rows.positions[i]);
    blocks[i] = blockOfSlot[size_t(rows.slots[i])]; // in_order phases have no padding rows
  }
  const auto fill = [&](uint32_t base, std::span<const int32_t> from, int32_t rest) {
    const std::span<int32_t> into = array(base);
    std::copy(from.begin(), from.end(), into.begin());
    std::fill_n(into.begin() + ptrdiff_t(from.size()), padding, rest);
  };
  fill(LATHE_BASE_IDS, rows.ids, 0);
  fill(LATHE_BASE_POSITIONS, rows.positions, 0);
  fill(LATHE_BASE_SLOTS, rows.slots, paddingSlot);
  fill(LATHE_BASE_LOGIT_ROWS, rows.logitRows, 0);
  fill(LATHE_BASE_LENGTHS, rows.lengths, 1);
  for (size_t i = 0; rows.lengths.empty() && i < count; ++i)
    lengths[i] = rows.positions[i] + 1;
  if (rows.lengths.empty())
    std::fill_n(lengths.begin() + ptrdiff_t(count), padding, 1);
  std::ranges::fill(line(size_t(paddingSlot)), 0); // the sink
  rowCount = count;
  logitRowCount = rows.logitRows.size();
  splitCount = (uint64_t(longest) + variant->cache.split_positions) / variant->cache.split_positions;
  return {};
}

} // namespace lathe
