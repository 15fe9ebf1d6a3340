//===- Packed.h - how matrices lie in weights.bin -------------------------------------------------------*- C++ -*-===//
//
// Packed matrices come in panels of 16 rows, so one form serves every vector width.
//
//   F32, F16, BF16     [rows/16] panels of [columns][16] elements
//   integer formats    [rows/16] panels, each one stream:
//     head    only with block scales: for each block of 256 columns 16 f16 d (, 16 f16 m)
//     steps   [columns/32], a step being 32 columns of 16 rows:  low plane | high plane | scales | minima
//
// A code (an unsigned integer of low + high bits) is cut into two planes of bits, so that 5 and 6 bits take no more
// than that. In a plane of b bits (8, 4, 2 or 1), lines of 64 bytes [row 0..15][c 0..3] hold quads of columns: bits s *
// b .. of line l's bytes are quad l * 8 / b + s, and quad v is columns 4v + c of the step.
//
// Scales (and minima) are [group of the step][row 0..15], a group being 32 or 16 columns:
//     f16, or bf16           w = d * (code - zero)               (+ m)
//     i8, with block scales  w = (d * s) * (code - zero)         (+ m * t)
// `evenly` false: for code - zero read the E2M1 number that the code is the bits of, times 2.
//
// Every format's numbers are these products and sums exactly: nothing is rounded when a matrix is packed. What is
// packed as what is in packedFor; formats with code books (IQ4_NL) become bytes, since no instruction that Halide has
// looks up sixteen numbers in a register.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LAYOUT_PACKED_H
#define LATHE_COMPILER_LAYOUT_PACKED_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

inline constexpr int64_t kPanelRows = 16;
/// Columns of a step, and of a group of quantised activations.
inline constexpr int64_t kGroup = 32;
/// Columns of a block of groups whose scales share a factor.
inline constexpr int64_t kBlock = 256;

enum class PackedFormat {
  F32,
  F16,
  BF16,
  Q4_0,
  Q4_1,
  Q8_0,
  Q5_0,
  Q5_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_XS,
  TQ2_0,
  MXFP4,
};

/// An integer format's panels, in the words above.
struct PanelLayout {
  int lowBits, highBits = 0; ///< of a code, in each plane; highBits 0: there is no high plane
  int zero;
  int64_t group = kGroup;
  bool minimum = false;
  bool blockScales = false;
  bool brain = false; ///< scales are bf16
  bool evenly = true;

  int64_t groups() const { return kGroup / group; }                                 ///< of a step
  int largestCode() const { return evenly ? (1 << (lowBits + highBits)) - 1 : 24; } ///< as multiplied
  /// Bytes of a plane of a step.
  static int64_t planeBytes(int bits) { return kPanelRows * kGroup * bits / 8; }
  /// Bytes of a step's scales, or of its minima.
  int64_t scaleBytes() const { return groups() * kPanelRows * (blockScales ? 1 : 2); }
  // Where the parts of a step begin, and its size.
  int64_t highAt() const { return planeBytes(lowBits); }
  int64_t scalesAt() const { return highAt() + planeBytes(highBits); }
  int64_t minimumsAt() const { return scalesAt() + scaleBytes(); }
  int64_t stepBytes() const { return minimumsAt() + (minimum ? scaleBytes() : 0); }
  /// Bytes of the head: d, then m of a block of 256 columns of one panel.
  int64_t blockHeadBytes() const { return blockScales ? kPanelRows * 2 * (minimum ? 2 : 1) : 0; }
  int64_t headBytes(int64_t columns) const { return columns / kBlock * blockHeadBytes(); }
};

bool isInteger(PackedFormat format);
/// Of an integer format.
const PanelLayout &panelLayout(PackedFormat format);
/// "q4_1": as checkpoints and symbols spell it.
const char *packedName(PackedFormat format);
const std::vector<PackedFormat> &packedFormats();
/// What matrices that a checkpoint stores as `format` ("iq4_nl") are packed as; nothing: there is no such format.
std::optional<PackedFormat> packedFor(std::string_view format);
/// Columns that rows of the format are multiples of: 1, 32 or 256.
int64_t packedColumns(PackedFormat format);
/// Bytes of one panel of 16 rows.
int64_t panelBytes(PackedFormat format, int64_t columns);

} // namespace lathe

#endif
