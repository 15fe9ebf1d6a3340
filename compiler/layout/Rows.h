//===- Rows.h - how rows of numbers and the KV cache lie in memory --------------------------------------*- C++ -*-===//
//
// Arrays of f32 rows have their rows rowStride(columns) elements apart (columns rounded up to 16), so that a linear may
// write its last panel whole and read rows that another linear wrote. What the padding holds has no meaning.
//
// Quantised activations of a row (q16): x = scale * v, v in [-32512, 32512], as two planes of bytes, v = 256 * q + low:
// i8 q[columns], i8 low[columns], f32 scale[columns/32], i32 sum[columns/16] (sum of v over 16 columns, the smallest
// group of weights that has a zero or a minimum of its own). So every product stays one of bytes, done twice. An array
// of such rows is four arrays in one block (q16Block).
//
// The KV cache of one layer is [pages][kvHeads]{K [headSize][64], V [64][valueSize]}. Partial softmaxes are
// [splits][heads]{m, l, o[valueSize]}, dense.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LAYOUT_ROWS_H
#define LATHE_COMPILER_LAYOUT_ROWS_H

#include "compiler/layout/Packed.h"

namespace lathe {

enum class ActFormat { F32, Q16 };
enum class CacheFormat { F32, F16 };

/// Columns of one sum of quantised activations.
inline constexpr int64_t kSumColumns = 16;
/// Positions of one page of the KV cache.
inline constexpr int64_t kPagePositions = 64;

constexpr int64_t panelsOf(int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }
/// Elements between rows of an f32 array of rows.
constexpr int64_t rowStride(int64_t columns) { return panelsOf(columns) * kPanelRows; }
/// Bytes of an f32 array of rows.
constexpr int64_t rowsBytes(int64_t rows, int64_t columns) { return rows * rowStride(columns) * 4; }

/// Where the arrays of `rows` quantised rows begin in their block (q at 0), and its size; all are multiples of 64
/// bytes.
struct Q16Block {
  int64_t low, scale, sum, bytes;
};
constexpr Q16Block q16Block(int64_t rows, int64_t columns) {
  constexpr auto aligned = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  int64_t plane = aligned(rows * columns), sum = 2 * plane + aligned(rows * (columns / kGroup) * 4);
  return {plane, 2 * plane, sum, sum + aligned(rows * (columns / kSumColumns) * 4)};
}

/// Elements of one row's partial softmaxes of `heads` heads of values for one split.
constexpr int64_t partialsOf(int64_t heads, int64_t valueSize) { return heads * (valueSize + 2); }

} // namespace lathe

#endif
