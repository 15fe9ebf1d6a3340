#include "compiler/support/Formats.h"
#include "llvm/ADT/StringExtras.h"

namespace lathe {

static constexpr FormatInfo table[] = {
    {Format::F32, "f32", 0, 1, 4, true},
    {Format::F16, "f16", 1, 1, 2, true},
    {Format::BF16, "bf16", 30, 1, 2, true},
    // A scale (and a minimum) and 32 numbers of 8, 4 or 5 bits.
    {Format::Q8_0, "q8_0", 8, 32, 2 + 32, true},
    {Format::Q4_0, "q4_0", 2, 32, 2 + 16, true},
    {Format::Q4_1, "q4_1", 3, 32, 4 + 16, true},
    {Format::Q5_0, "q5_0", 6, 32, 2 + 4 + 16, true},
    {Format::Q5_1, "q5_1", 7, 32, 4 + 4 + 16, true},
    // 256 numbers in groups of 16 or 32: group scales (and minima) of few bits, and what they are multiples of.
    {Format::Q2_K, "q2_k", 10, 256, 16 + 64 + 4, false},
    {Format::Q3_K, "q3_k", 11, 256, 32 + 64 + 12 + 2, false},
    {Format::Q4_K, "q4_k", 12, 256, 4 + 12 + 128, true},
    {Format::Q5_K, "q5_k", 13, 256, 4 + 12 + 32 + 128, true},
    {Format::Q6_K, "q6_k", 14, 256, 128 + 64 + 16 + 2, true},
    // 4 bits choose one of 16 unevenly spaced numbers.
    {Format::IQ4_NL, "iq4_nl", 20, 32, 2 + 16, false},
    {Format::IQ4_XS, "iq4_xs", 23, 256, 2 + 2 + 4 + 128, false},
    // Ternary: five numbers a byte, or four.
    {Format::TQ1_0, "tq1_0", 34, 256, 48 + 4 + 2, false},
    {Format::TQ2_0, "tq2_0", 35, 256, 64 + 2, false},
    // OCP Microscaling Formats 1.0, section 5: E2M1 numbers, an E8M0 scale.
    {Format::MXFP4, "mxfp4", 39, 32, 1 + 16, false},
};

static constexpr bool inOrder() {
  for (size_t i = 0; i < std::size(table); ++i)
    if (static_cast<size_t>(table[i].format) != i)
      return false;
  return true;
}
static_assert(inOrder());

llvm::ArrayRef<FormatInfo> formats() { return table; }
const FormatInfo &formatInfo(Format format) { return table[static_cast<size_t>(format)]; }
llvm::StringRef formatName(Format format) { return formatInfo(format).name; }

std::optional<Format> findFormat(llvm::StringRef name) {
  for (const FormatInfo &each : table)
    if (name.equals_insensitive(each.name))
      return each.format;
  return std::nullopt;
}

std::string formatNames(FormatSet set) {
  std::string names;
  for (const FormatInfo &each : table)
    if (set == FormatSet::All || (set == FormatSet::Elements ? each.columns == 1 : each.quantizes))
      names += (names.empty() ? "" : ", ") + std::string(each.name);
  return names;
}

} // namespace lathe
