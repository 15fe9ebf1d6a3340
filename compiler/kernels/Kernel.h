//===- Kernel.h - what a kernel computes, as plain data ---------------------------------------------------*- C++ -*-===//
//
// A KernelDesc describes one serial tile function: family, shapes, formats, epilogues. It is all that the builders
// (kernels/halide on the CPU, later kernels/gpu) see of a model, and it is the key of schedules and of the kernel cache.
// signature() gives its arguments; builder and bundle both take them from there, so they can't disagree.
//
// Packed matrices (weights.bin) come in panels of 16 rows, so one form serves every vector width:
//
//   integer formats    [rows/16][columns/32] groups, one stream; a group of 32 columns of 16 rows is
//     Q4_0  256 B nibbles | 16 f16 scale                    w = d * (q - 8)
//     Q4_1  256 B nibbles | 16 f16 scale | 16 f16 min       w = d * q + m
//     Q8_0  512 B bytes   | 16 f16 scale                    w = d * (q - 128), q = stored i8 + 128
//       nibbles: byte [j 0..3][row 0..15][b 0..3] has column 8j + b in its low and column 8j + 4 + b in its high half
//       bytes:   [quad 0..7][row 0..15][b 0..3] is column 4*quad + b
//   F32, F16, BF16     [rows/16][columns][16] elements
//
// Quantised activations of a row (q8): i8 q[columns], f32 scale[columns/32], i32 sum[columns/32] (sum of q over the group).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_KERNEL_H
#define LATHE_COMPILER_KERNELS_KERNEL_H

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lathe {

inline constexpr int64_t kPanelRows = 16;
inline constexpr int64_t kGroup = 32;
inline constexpr int64_t kPagePositions = 64;

enum class PackedFormat { F32, F16, BF16, Q4_0, Q4_1, Q8_0 };
enum class ActFormat { F32, Q8 };
enum class CacheFormat { F32, F16 };
enum class NormKind { None, RMS, Layer };
enum class Activation { None, SiLU, GELUErf, GELUTanh, ReLU, ReLUSquared };
enum class Pairing { Interleaved, HalfSplit };

bool isInteger(PackedFormat format);
/// Bytes of one group of 32 columns of one panel (integer formats), or of one column of one panel (float formats).
int64_t panelStepBytes(PackedFormat format);
/// Bytes of one panel of 16 rows.
int64_t panelBytes(PackedFormat format, int64_t columns);

/// y[0..columns) = scale * table[id]. One row.
struct EmbedKernel {
  PackedFormat format;
  int64_t vocabulary, columns;
  double scale = 1;
};

/// norm (or a copy) of one row, then f32 or q8. With `gather`, the input is the whole [maxRows, columns] array and the row
/// is rows[0].
struct NormKernel {
  NormKind kind;
  int64_t columns;
  double eps = 0;
  bool bias = false, unitOffset = false;
  ActFormat output = ActFormat::F32;
  int64_t gatherRows = 0; ///< rows of the input array when gathering; 0: the input is the row itself
};

/// y[r, n] = epilogue(sum_k x[r, k] w[n, k]) for `rows` rows and `panels` panels of w.
/// Epilogues in this order: + bias[n]; activation, or with `gated` act(even panel) * odd panel (half as many columns out);
/// * scale; softcap; residual[r, n] + ….  Each output's additions over k have one order whatever rows and panels are.
struct LinearKernel {
  PackedFormat format;
  ActFormat input; ///< Q8 for integer formats, F32 for float formats
  int64_t columns; ///< k
  bool bias = false;
  Activation activation = Activation::None;
  bool gated = false;
  double scale = 1;
  double softcap = 0;
  bool residual = false;
  int64_t outputStride; ///< elements between rows of y and of the residual
  // The tile: chosen by the schedule stage.
  int64_t rows = 1, panels = 1;
};

/// For one row and one KV head: rotates its group of query heads (q out) and its key, writes key and value to the cache.
/// The row of q|k|v is one array. `rotated` leading components of a head turn; 0: none.
struct AppendKernel {
  int64_t heads, kvHeads, headSize, rotated;
  Pairing pairing;
  CacheFormat cache;
  int64_t maxPages;
};

/// For one row, one KV head and one split of the context: partial softmax of the group's heads over the cache.
/// Partial of a head: {m, l, o[headSize]}; see lathe.attend.
struct AttendKernel {
  int64_t heads, kvHeads, headSize;
  double scale;
  int64_t window = 0;
  double softcap = 0;
  CacheFormat cache;
  int64_t maxPages, splitPositions;
};

/// For one row: joins the partials of `heads` heads over the row's splits, then f32 or q8.
struct CombineKernel {
  int64_t heads, headSize;      ///< heads joined by one call
  int64_t splitStride;          ///< elements between splits of the partials
  int64_t maxSplits, splitPositions;
  ActFormat output = ActFormat::F32;
};

using KernelDesc = std::variant<EmbedKernel, NormKernel, LinearKernel, AppendKernel, AttendKernel, CombineKernel>;

/// "linear", "attend", …: the family's name, in symbols and schedule records.
std::string family(const KernelDesc &kernel);
/// Family, types, shape: "linear_q4_1_q8_k576_r1_p4_residual". Equal descriptions have equal symbols and no others do.
std::string symbol(const KernelDesc &kernel);

enum class ElementType { F32, F16, BF16, I8, U8, U16, I32 };
int64_t elementBytes(ElementType type);

/// One argument: a dense-or-strided array. Strides are in elements; dims[0] is innermost.
struct Argument {
  std::string name;
  ElementType type;
  struct Dim {
    int64_t extent, stride;
  };
  std::vector<Dim> dims;
  bool output = false;
};

/// The arguments of a kernel in order, inputs first. By family:
///   embed    ids i32[1]; table: the packed matrix (see linear's weights, `vocabulary` rows); -> y f32[columns]
///   norm     x f32[columns] (gather: rows i32[1], x f32[columns, gatherRows]); weight f32[columns] unless None; bias;
///            -> y f32[columns] | q i8[columns], scale f32[columns/32], sum i32[columns/32]
///   linear   activations: x f32[k, rows] | q i8[k, rows], scale f32[k/32, rows], sum i32[k/32, rows];
///            weights: float: w [16, k, panels] | integer: w u8[4, 16, quads or pairs, k/32, panels],
///            d f16 as u16… [16, k/32, panels], m [16, k/32, panels] (Q4_1): views into one stream;
///            bias f32[16, panels]; residual f32[16, outPanels, rows]; -> y f32[16, outPanels, rows]
///   append   positions i32[1], slots i32[1], pages i32[maxPages, *], tile i32[4], cosine/sine tables
///            high f32[2, rotated/2, ceil(maxPages)] (angle of 64 * page) and low f32[2, rotated/2, 64]: {cos, sin};
///            q f32[headSize, group], k f32[headSize], v f32[headSize];
///            -> q f32[headSize, group]; K [64, headSize, *pages], V [headSize, 64, *pages] of this KV head
///   attend   positions, slots, pages, tile, q f32[headSize, group], K, V; -> partial f32[headSize + 2, group]
///   combine  positions i32[1], partials f32[headSize + 2, heads, maxSplits]; -> as norm, columns = heads * headSize
std::vector<Argument> signature(const KernelDesc &kernel);

} // namespace lathe

#endif
