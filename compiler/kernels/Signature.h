//===- Signature.h - the arguments of kernels -----------------------------------------------------------*- C++ -*-===//
//
// Builder and bundle both take a kernel's arguments from here, so they can't disagree.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_SIGNATURE_H
#define LATHE_COMPILER_KERNELS_SIGNATURE_H

#include "compiler/kernels/Kernel.h"

namespace lathe {

enum class ElementType { F32, F16, BF16, I8, U8, U16, I32 };
int64_t elementBytes(ElementType type);
/// Of keys and values.
ElementType elementType(CacheFormat format);

/// One argument: a dense-or-strided array. Strides are in elements; dims[0] is innermost.
struct Argument {
  std::string name;
  ElementType type;
  struct Dim {
    int64_t extent, stride;
    bool operator==(const Dim &) const = default;
  };
  std::vector<Dim> dims;
  bool output = false;

  /// From the first to one past the last byte that the dims reach.
  int64_t spanBytes() const;
};

/// The arguments of a kernel in order, inputs first; [a, b, c] has a innermost. Dense unless strides are given. An
/// extent marked * is not known here: it is the largest that keeps the array below 2^31 elements. By family:
///   embed    ids i32[1]; the table as linear's weights, with all panels of `vocabulary` rows; -> y f32[columns]
///   norm     gather: rows i32[1], x f32[columns, gatherRows] (rows rowStride apart), else x f32[columns];
///            weight f32[vectors] unless None or unweighted; bias f32[vectors];
///            -> y f32[columns]
///              | q i8[columns], of q16 low i8[columns], scale f32[columns/S], sum i32[columns/16], S = scaleColumns
///   linear   activations: x f32[k, rows] (rowStride(k) apart)
///              | q and of q16 low i8[k, rows], scale f32[k/S, rows], sum i32[k/16, rows];
///            weights: float formats: w [16, k, panels] of that type
///              | integer formats, views into one stream (Packed.h), J lines in a plane, G groups in a step:
///                w u8[4, 16, J, k/32, panels], the low plane; wh as w, the high plane if there is one,
///                scales in f16 or bf16: d u16[16, G, k/32, panels] (their bits), m as d if there are minima
///                | block scales: d u16[16, k/256, panels], m as d if there are minima,
///                  s i8[16, G, k/32, panels], t as s if there are minima;
///            bias f32[16, panels]; residual f32[16, outPanels, rows], strides 1, 16, outputStride;
///            -> y as residual. outPanels = panels, or panels / 2 when gated
///   rotate   positions i32[1];
///            high f32[2, rotated/2, maxPages], low f32[2, rotated/2, 64]
///              | Switch: lengths i32[1], high f32[2, rotated/2, maxPages, 2], low f32[2, rotated/2, 64, 2]
///              | Grow: lengths i32[1], frequencies f32[2, rotated/2], growth f32[2, grown];
///            x f32[headSize, heads]; -> y f32[headSize, heads]
///   append   positions i32[1], slots i32[1], pages i32[maxPages, *], tile i32[4];
///            rotated > 0: tables as rotate, q f32[headSize, group];
///            k f32[headSize], v f32[valueSize];
///            -> rotated > 0: qr f32[headSize, group];
///            K [64, headSize, *] and V [valueSize, 64, *] of one KV head, of q8 and S f32[64, 2, *], keys' scales first;
///               pages kvHeads * cacheHead bytes apart
///   attend   positions i32[rows], slots i32[rows], pages as append, tile i32[4] (several rows: 7),
///            q f32[headSize, group, rows] (rows queryStride apart), alibi: slopes f32[group],
///            scales: scales f32[group], every: temperatures f32[temperatures], K, V, S;
///            -> partial f32[valueSize + 2, group, rows] (rows partialStride apart)
///   combine  positions i32[1], partial f32[headSize + 2, heads, maxSplits] (splits splitStride apart);
///            sinks: sinks f32[heads];
///            -> as norm, columns = heads * headSize
///   pointwise  x f32[columns]; Add, Glu: z f32[columns]; Gate: z f32[1];
///            XIELU: positive f32[1], negative f32[1]; Scale: weight f32[weights], if any; -> as norm
///   conv     blocks i32[1], positions i32[1], x f32[channels], w f32[16, width, panels], bias f32[16, panels];
///            -> state f32[16, width, panels, *] (blocks stateElements apart), y f32[16, panels]
///   scan     blocks i32[1], positions i32[1], tile i32[4], x f32[heads * headSize], dt f32[heads],
///            b and c f32[N, groups]; byChannel: a f32[16, N, panels], d and dt_bias f32[16, panels], else each
///            f32[heads];
///            -> state f32[lanes, N, blocks, *] as conv's, y f32[lanes, blocks]
///   route    x f32[experts]; bias f32[experts]; -> y f32[2 * choices]: the experts, ascending, then their weights
///   assign   tile i32[5], routes f32[2 * choices, rows] (rows rowStride apart); -> tiles, rows and places i32, dense
///            (ChoiceLayout)
///   collect  places i32[choices], weights f32[choices], x f32[columns, places] (rows rowStride apart); -> as norm
/// panels = channels / 16, rounded up; `blocks` names the sequence's block of the state. group = heads / kvHeads. In
/// `tile` {m, n, s, worker, rows of the step, first, count}, s is the split; its rows are [first, first + count).
std::vector<Argument> signature(const KernelDesc &kernel);
/// "x f32[40:1, 4:48] -> y f32[16:1, 5:16]": each dimension's extent and stride. Arguments that differ print
/// differently.
std::string print(const std::vector<Argument> &arguments);
/// Where in a panel each argument of a packed matrix begins, in bytes, in the signature's order.
std::vector<int64_t> matrixOffsets(PackedFormat format, int64_t columns);

} // namespace lathe

#endif
