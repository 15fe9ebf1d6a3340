//===- Rows.h - how rows of numbers and the KV cache lie in memory --------------------------------------*- C++ -*-===//
//
// Arrays of f32 rows have their rows rowStride(columns) elements apart (columns rounded up to 16), so that a linear may
// write its last panel whole and read rows that another linear wrote. What the padding holds has no meaning.
//
// Quantised activations of a row, x = scale * v, with sums of v over 16 columns, the smallest group of weights that has
// a zero or a minimum of its own:
//
//   q16   v in [-32512, 32512], as two planes of bytes, v = 256 * q + low, so that products stay those of bytes, done
//         twice: i8 q[columns], i8 low[columns], f32 scale[columns/32], i32 sum[columns/16]
//   q8    v in [-127, 127]: i8 q[columns], f32 scale[columns/16], i32 sum[columns/16]
//
// An array of such rows is these arrays in one block (quantizedBlock).
//
// The KV cache of one layer is [pages][kvHeads]{K [headSize][64], V [64][valueSize]} in f32, f16 or, as q8, in signed
// bytes with f32 scales S [2][64] behind them: one for each position's key and one for its value, so that a page is
// whole by itself. Of a value x, with a = max |x|,
//
//   scale = a / 127, v = round to nearest even (x * (127 / a)); all zeros where a < 2^-100
//
// and of a key the same of Hx, with scale / h. H is Hadamard's matrix (Sylvester's, of ones and minus ones) of each run
// of h components, h the largest power of two that divides headSize; HH = h, so a score q . x is scale * (Hq . v). Keys
// have a few components far above the others, which H spreads over all (arXiv:2404.00456).
//
// Partial softmaxes are [splits][heads]{m, l, o[valueSize]}, dense.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LAYOUT_ROWS_H
#define LATHE_COMPILER_LAYOUT_ROWS_H

#include "compiler/layout/Packed.h"

namespace lathe {

enum class ActFormat { F32, Q16, Q8 };
/// "q16": as symbols, keys and --activations spell it.
const char *nameOf(ActFormat format);
std::optional<ActFormat> findActFormat(std::string_view name);
/// "f32, q16, q8".
std::string actFormatNames();
enum class CacheFormat { F32, F16, Q8 };
/// "f16": as symbols, keys and --kv spell it.
const char *nameOf(CacheFormat format);
std::optional<CacheFormat> findCacheFormat(std::string_view name);

/// Columns of one sum of quantised activations.
inline constexpr int64_t kSumColumns = 16;
/// Positions of one page of the KV cache.
inline constexpr int64_t kPagePositions = 64;

constexpr int64_t panelsOf(int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }
/// Elements between rows of an f32 array of rows.
constexpr int64_t rowStride(int64_t columns) { return panelsOf(columns) * kPanelRows; }
/// Bytes of an f32 array of rows.
constexpr int64_t rowsBytes(int64_t rows, int64_t columns) { return rows * rowStride(columns) * 4; }

/// Columns that share a scale of a quantised format.
constexpr int64_t scaleColumns(ActFormat format) { return format == ActFormat::Q8 ? 16 : 32; }
/// Where the arrays of `rows` quantised rows begin in their block (q at 0; low of q16 alone), and its size; all are
/// multiples of 64 bytes.
struct QuantizedBlock {
  int64_t low, scale, sum, bytes;
};
constexpr QuantizedBlock quantizedBlock(ActFormat format, int64_t rows, int64_t columns) {
  constexpr auto aligned = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  const int64_t plane = aligned(rows * columns), scale = format == ActFormat::Q16 ? 2 * plane : plane;
  const int64_t sum = scale + aligned(rows * (columns / scaleColumns(format)) * 4);
  return {plane, scale, sum, sum + aligned(rows * (columns / kSumColumns) * 4)};
}

/// Where a KV head's values and scales (of q8 alone) begin in a page of the cache, and its bytes there.
struct CacheHead {
  int64_t values, scales, bytes;
};
constexpr CacheHead cacheHead(CacheFormat format, int64_t headSize, int64_t valueSize) {
  const int64_t line = kPagePositions * (format == CacheFormat::F32 ? 4 : format == CacheFormat::F16 ? 2 : 1);
  const int64_t values = headSize * line, scales = values + valueSize * line;
  return {values, scales, scales + (format == CacheFormat::Q8 ? 2 * kPagePositions * 4 : 0)};
}
/// Components of a key of q8 that one of Hadamard's matrices spreads.
constexpr int64_t spreadOf(int64_t headSize) { return headSize & -headSize; }

/// Elements of one row's partial softmaxes of `heads` heads of values for one split.
constexpr int64_t partialsOf(int64_t heads, int64_t valueSize) { return heads * (valueSize + 2); }

} // namespace lathe

#endif
