//===- Packed.cpp - the table of packed formats -----------------------------------------------------------------===//
#include "compiler/layout/Packed.h"
#include <iterator>

using namespace lathe;

namespace {
struct Entry {
  PackedFormat format;
  const char *name;
  int elementBytes = 0; ///< 0: an integer format, of the layout
  PanelLayout layout = {.lowBits = 8, .zero = 0};
};

/// Scales in f16: of `low` + `high` bits.
constexpr PanelLayout plain(int low, int high, int zero, bool minimum = false) {
  return {.lowBits = low, .highBits = high, .zero = zero, .minimum = minimum};
}
/// Block scales.
constexpr PanelLayout blocks(int low, int high, int zero, int64_t group, bool minimum = false) {
  return {.lowBits = low, .highBits = high, .zero = zero, .group = group, .minimum = minimum, .blockScales = true};
}
constexpr bool withMinimum = true;

// Bits a weight: the planes, then 16 / 32 for an f16 of 32 columns, 8 / 16 for an i8 of 16, 16 / 256 for an f16 of 256.
constexpr Entry table[] = {
    {PackedFormat::F32, "f32", 4},
    {PackedFormat::F16, "f16", 2},
    {PackedFormat::BF16, "bf16", 2},
    {PackedFormat::Q4_0, "q4_0", 0, plain(4, 0, 8)},                                               // 4.5
    {PackedFormat::Q4_1, "q4_1", 0, plain(4, 0, 0, withMinimum)},                                  // 5
    {PackedFormat::Q8_0, "q8_0", 0, plain(8, 0, 128)},                                             // 8.5
    {PackedFormat::Q5_0, "q5_0", 0, plain(4, 1, 16)},                                              // 5.5
    {PackedFormat::Q5_1, "q5_1", 0, plain(4, 1, 0, withMinimum)},                                  // 6
    {PackedFormat::Q2_K, "q2_k", 0, blocks(2, 0, 0, 16, withMinimum)},                             // 3.125
    {PackedFormat::Q3_K, "q3_k", 0, blocks(2, 1, 4, 16)},                                          // 3.5625
    {PackedFormat::Q4_K, "q4_k", 0, blocks(4, 0, 0, 32, withMinimum)},                             // 4.625
    {PackedFormat::Q5_K, "q5_k", 0, blocks(4, 1, 0, 32, withMinimum)},                             // 5.625
    {PackedFormat::Q6_K, "q6_k", 0, blocks(4, 2, 32, 16)},                                         // 6.5625
    {PackedFormat::IQ4_XS, "iq4_xs", 0, blocks(8, 0, 128, 32)},                                    // 8.3125
    {PackedFormat::TQ2_0, "tq2_0", 0, plain(2, 0, 1)},                                             // 2.5
    {PackedFormat::MXFP4, "mxfp4", 0, {.lowBits = 4, .zero = 12, .brain = true, .evenly = false}}, // 4.5
};

constexpr bool inOrder() {
  for (size_t i = 0; i < std::size(table); ++i)
    if (static_cast<size_t>(table[i].format) != i)
      return false;
  return true;
}
static_assert(inOrder());

const Entry &entry(PackedFormat format) { return table[static_cast<size_t>(format)]; }
} // namespace

bool lathe::isInteger(PackedFormat format) { return entry(format).elementBytes == 0; }
const PanelLayout &lathe::panelLayout(PackedFormat format) { return entry(format).layout; }
const char *lathe::packedName(PackedFormat format) { return entry(format).name; }

const std::vector<PackedFormat> &lathe::packedFormats() {
  static const std::vector<PackedFormat> all = [] {
    std::vector<PackedFormat> result;
    for (const Entry &each : table)
      result.push_back(each.format);
    return result;
  }();
  return all;
}

std::optional<PackedFormat> lathe::packedFor(std::string_view format) {
  if (format == "iq4_nl") // d times an integer of 8 bits, which is what Q8_0 says
    return PackedFormat::Q8_0;
  if (format == "tq1_0")
    return PackedFormat::TQ2_0;
  for (const Entry &each : table)
    if (format == each.name)
      return each.format;
  return std::nullopt;
}

int64_t lathe::packedColumns(PackedFormat format) {
  return !isInteger(format) ? 1 : panelLayout(format).blockScales ? kBlock : kGroup;
}

int64_t lathe::panelBytes(PackedFormat format, int64_t columns) {
  if (!isInteger(format))
    return columns * kPanelRows * entry(format).elementBytes;
  const PanelLayout &layout = panelLayout(format);
  return layout.headBytes(columns) + columns / kGroup * layout.stepBytes();
}
