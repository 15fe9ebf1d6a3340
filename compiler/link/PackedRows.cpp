//===- PackedRows.cpp - from a checkpoint's rows to a packed weight's bytes and back ------------------------------===//
#include "compiler/link/PackedRows.h"
#include "compiler/link/Panels.h"
#include "compiler/support/Error.h"
#include <cstring>

using namespace lathe;
using llvm::Error;
using llvm::Expected;

namespace {

/// The stacked row (a vector's element) that lies at `slot` of `panel`; -1: padding.
int64_t rowAt(const PackedWeight &weight, int64_t panel, int64_t slot) {
  int64_t expert = panel / weight.expertPanels(), own = weight.expertRows();
  panel %= weight.expertPanels();
  if (!weight.interleave) {
    int64_t row = panel * kPanelRows + slot;
    return row < own ? expert * own + row : -1;
  }
  int64_t half = own / 2, row = panel / 2 * kPanelRows + slot;
  return row < half ? (panel % 2 * weight.experts + expert) * half + row : -1;
}

/// Where a stacked row lies: the inverse of rowAt.
struct Slot {
  int64_t panel, slot;
};
Slot slotOf(const PackedWeight &weight, int64_t row) {
  int64_t sources = weight.interleave ? 2 : 1, part = weight.expertRows() / sources; // of one expert in one source
  if (sources * weight.experts == 1)
    return {row / kPanelRows, row % kPanelRows};
  int64_t source = row / (weight.experts * part), expert = row / part % weight.experts;
  return {expert * weight.expertPanels() + row % part / kPanelRows * sources + source, row % part % kPanelRows};
}

Error checkSource(const PackedWeight &packed, const Weight &weight) {
  std::string what = llvm::formatv("{0} (tensor {1})", weight.role, weight.tensor).str();
  if (packed.vector && weight.rows != 1)
    return makeError("{0} is a matrix of {1} rows where a vector is wanted", what, weight.rows);
  if (!packed.vector && weight.columns != packed.columns)
    return makeError("{0} has {1} columns where {2} has {3}", what, weight.columns, packed.name, packed.columns);
  if (!packed.vector && packedFor(formatInfo(weight.format).name) != packed.format)
    return makeError("{0} is stored as {1} where {2} is packed as {3}", what, formatName(weight.format), packed.name,
                     packedName(packed.format));
  int64_t units = packed.vector ? weight.columns : weight.rows, all = packed.vector ? packed.columns : packed.rows;
  if (packed.interleave && units * 2 != all)
    return makeError("{0} has {1} {2} where {3} interleaves two of {4}", what, units,
                     packed.vector ? "elements" : "rows", packed.name, all / 2);
  return Error::success();
}

} // namespace

uint64_t lathe::packedBytes(const PackedWeight &weight) {
  if (!weight.vector)
    return weight.panels() * panelBytes(weight.format, weight.columns);
  return (weight.padded() ? weight.panels() * kPanelRows : weight.columns) * sizeof(float);
}

Error lathe::checkShape(const PackedWeight &weight) {
  if (weight.rows < 1 || weight.columns < 1 || weight.sources.empty() || (weight.vector && weight.rows != 1))
    return makeError("{0}: {1} x {2} from {3} sources is not a weight", weight.name, weight.rows, weight.columns,
                     weight.sources.size());
  int64_t units = weight.vector ? weight.columns : weight.rows;
  if (weight.interleave && (weight.sources.size() != 2 || units % 2))
    return makeError("{0}: only two weights of one shape can be interleaved", weight.name);
  if (weight.experts < 1 || units % (weight.experts * (weight.interleave ? 2 : 1)) ||
      (weight.experts > 1 && weight.sources.size() != (weight.interleave ? 2 : 1)))
    return makeError("{0}: {1} rows are not those of {2} experts", weight.name, units, weight.experts);
  if (!weight.vector && weight.columns % packedColumns(weight.format))
    return makeError("{0}: {1} columns are not a multiple of {2}, as {3} needs", weight.name, weight.columns,
                     packedColumns(weight.format), packedName(weight.format));
  if (packedBytes(weight) != static_cast<uint64_t>(weight.bytes))
    return makeError("{0}: the program plans {1} bytes where packing needs {2}", weight.name, weight.bytes,
                     packedBytes(weight));
  return Error::success();
}

Expected<PackSources> lathe::resolve(const PackedWeight &packed, const WeightSource &source) {
  PackSources sources;
  int64_t units = 0;
  for (const std::string &role : packed.sources) {
    Expected<const Weight *> weight = source.get(role);
    if (!weight)
      return weight.takeError();
    if (Error wrong = checkSource(packed, **weight))
      return std::move(wrong);
    units += packed.vector ? (*weight)->columns : (*weight)->rows;
    sources.push_back(*weight);
  }
  if (int64_t want = packed.vector ? packed.columns : packed.rows; units != want)
    return makeError("{0}: its sources have {1} {2}, the program wants {3}", packed.name, units,
                     packed.vector ? "elements" : "rows", want);
  return sources;
}

Error lathe::packPanels(const PackedWeight &weight, const PackSources &sources, int64_t first, int64_t count,
                        uint8_t *out, std::vector<uint8_t> &scratch) {
  int64_t room = 0;
  for (const Weight *source : sources)
    room = std::max(room, rowBytes(source->format, weight.columns));
  scratch.resize(kPanelRows * room);
  for (int64_t p = first; p < first + count; ++p) {
    StoredRow rows[kPanelRows];
    for (int64_t slot = 0; slot < kPanelRows; ++slot) {
      int64_t row = rowAt(weight, p, slot);
      if (row < 0)
        continue;
      auto source = sources.begin();
      for (; row >= (*source)->rows; ++source)
        row -= (*source)->rows;
      uint8_t *blocks = scratch.data() + slot * room;
      if (Error failed = (*source)->readBlocks(row, blocks))
        return failed;
      rows[slot] = {blocks, (*source)->format};
    }
    packPanel(weight.format, weight.columns, rows, out);
    out += panelBytes(weight.format, weight.columns);
  }
  return Error::success();
}

Error lathe::packVector(const PackedWeight &weight, const PackSources &sources, uint8_t *out) {
  std::vector<float> row;
  for (size_t source = 0; source < sources.size(); ++source) {
    row.resize(sources[source]->columns);
    if (Error failed = sources[source]->readRow(0, row.data()))
      return failed;
    if (!weight.padded()) {
      std::memcpy(out, row.data(), row.size() * sizeof(float));
      out += row.size() * sizeof(float);
      continue;
    }
    for (size_t i = 0; i < row.size(); ++i) {
      Slot place = slotOf(weight, source * row.size() + i);
      std::memcpy(out + (place.panel * kPanelRows + place.slot) * sizeof(float), &row[i], sizeof(float));
    }
  }
  return Error::success();
}

void lathe::unpackRow(const PackedWeight &weight, const uint8_t *data, int64_t row, float *out) {
  if (weight.vector) {
    for (int64_t i = 0; i < weight.columns; ++i) {
      Slot place = slotOf(weight, i);
      int64_t at = weight.padded() ? place.panel * kPanelRows + place.slot : i;
      std::memcpy(out + i, data + at * sizeof(float), sizeof(float));
    }
    return;
  }
  auto [panel, slot] = slotOf(weight, row);
  unpackPanelRow(weight.format, weight.columns, data + panel * panelBytes(weight.format, weight.columns), slot, out);
}
