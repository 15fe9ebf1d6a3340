//===- Kernel.h - what a kernel computes, as plain data -------------------------------------------------*- C++ -*-===//
//
// A KernelDesc describes one serial tile function: family, shapes, formats, epilogues. It is all that the builders
// (kernels/halide on the CPU, later kernels/gpu) see of a model, and it is the key of schedules and of the kernel
// cache. Signature.h gives its arguments.
//
// How matrices, rows and the KV cache lie in memory: compiler/layout.
//
// Rotary tables are [.][rotated/2]{cos, sin}: `high` for angle 64 * page * f, `low` for angle (position mod 64) * f
// with the rotation's magnitude multiplied in; LengthRule::Switch has two of each, the second for longer sequences.
// LengthRule::Grow has no angles tabulated: frequency i of a sequence of length l is f_i * g_l^i, `frequencies` has f,
// `growth` has g for lengths limit, limit + 1, …, each number as the sum of two f32, and f64 arithmetic in the kernel
// makes the angle.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_KERNEL_H
#define LATHE_COMPILER_KERNELS_KERNEL_H

#include "compiler/layout/Rows.h"
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lathe {

enum class NormKind { None, RMS, Layer };
/// XIELU has learned numbers and is of a pointwise kernel only.
enum class Activation { None, SiLU, GELUErf, GELUTanh, ReLU, ReLUSquared, XIELU };
/// What an activation a, and the product of a pair that it ends in, has beside its kind:
///   a(x) = activation(slope * x) / slope;   a(min(gate, clamp)) * (up, at least -clamp and at most clamp, + offset)
struct ActivationShape {
  double slope = 1;
  double clamp = 0; ///< 0: none
  double offset = 0;
};
enum class Pairing { Interleaved, HalfSplit };
enum class Scoring { Softmax, Sigmoid };
/// How a rotation depends on the known length of the row's sequence: not at all; by other tables beyond a limit; by
/// frequencies of each length beyond it.
enum class LengthRule { None, Switch, Grow };

/// Where the choices of a step's rows lie: those of an expert one after another, each expert's in whole tiles, so that
/// a tile has one expert's weights. What fills an expert's last tile up has no meaning. The table that says so is one
/// block of i32 arrays:
///   tiles[1 + tiles()]             the number of tiles, then the expert of each
///   rows[places()]                 the row of each place
///   places[experts + rows * choices]
///                                  after one number for each expert, which only assign uses: the place of each row's
///                                  choices, the row's own side by side
struct ChoiceLayout {
  int64_t rows = 0;    ///< of a step, at most
  int64_t choices = 0; ///< of a row
  int64_t experts = 1;
  int64_t tileRows = 1; ///< places of a tile

  /// The layout for the rows of a program. Steps of few rows are bound by memory, and a tile's rows are computed
  /// whether there are choices for them or not: a place a tile. Else register tiles of linears divide 6: about as many
  /// rows as a third of an expert's share, so that not too many of its last tile are wasted.
  static constexpr ChoiceLayout of(int64_t rows, int64_t choices, int64_t experts) {
    int64_t share = rows * choices / experts / 3 / 6 * 6;
    return {rows, choices, experts, rows < 64 ? 1 : share < 6 ? 6 : share > 24 ? 24 : share};
  }
  /// At most.
  constexpr int64_t tiles() const {
    int64_t all = rows * choices, used = all < experts ? all : experts; // experts that are chosen, at most
    return (all + used * (tileRows - 1)) / tileRows;
  }
  constexpr int64_t places() const { return tiles() * tileRows; }
  static constexpr int64_t aligned(int64_t count) { return (count * 4 + 63) / 64 * 64; }
  constexpr int64_t rowsOffset() const { return aligned(1 + tiles()); } ///< bytes
  constexpr int64_t placesOffset() const { return rowsOffset() + aligned(places()); }
  constexpr int64_t bytes() const { return placesOffset() + aligned(experts + rows * choices); }
};

/// y[0..columns) = scale * table[id + offset]. One row.
struct EmbedKernel {
  PackedFormat format;
  int64_t vocabulary, columns;
  double scale = 1;
  int64_t offset = 0;
};

/// norm (or a copy) of one row, then f32 or q16. With `gather`, the input is the whole [maxRows, columns] array and the
/// row is rows[0].
struct NormKernel {
  NormKind kind;
  int64_t columns;
  double eps = 0;
  bool bias = false, unitOffset = false;
  ActFormat output = ActFormat::F32;
  int64_t gatherRows = 0;  ///< rows of the input array when gathering; 0: the input is the row itself
  int64_t group = 0;       ///< > 0: each run of so many columns is a row of its own, all with one weight and bias
  bool unweighted = false; ///< nothing is multiplied (the bias, if there is one, is still added)
  bool wide = false;       ///< weight and bias have all columns, not those of a group

  int64_t width() const { return group ? group : columns; }    ///< of a norm
  int64_t vectors() const { return wide ? columns : width(); } ///< of weight and bias
};

/// y[r, n] = epilogue(sum_k x[r, k] w[n, k]) for `rows` rows and `panels` panels of w.
/// Epilogues in this order: + bias[n]; activation, or with `gated` act(even panel) * odd panel (half as many columns),
/// either of its shape;
/// * scale; softcap; residual[r, n] + ….  Each output's additions over k have one order whatever rows and panels are.
struct LinearKernel {
  PackedFormat format;
  ActFormat input; ///< Q16 for integer formats, F32 for float formats
  int64_t columns; ///< k
  bool bias = false;
  Activation activation = Activation::None;
  ActivationShape shape = {};
  bool gated = false;
  double scale = 1;
  double softcap = 0;
  bool residual = false;
  int64_t outputStride; ///< elements between rows of y and of the residual
  // The tile: chosen by the schedule stage.
  int64_t rows = 1, panels = 1;
};

/// How heads turn by a row's position: their leading components do, the others are copied.
struct Rotation {
  int64_t rotated; ///< components
  Pairing pairing;
  LengthRule rule = LengthRule::None;
  int64_t limit = 0;    ///< Switch, Grow: sequences of at most this length turn as without a rule
  int64_t grown = 0;    ///< Grow: entries of `growth`
  double magnitude = 1; ///< Grow: multiplies cosine and sine
};

/// y = x with each of its heads rotated. One row, for what reads rotated heads but is not attention.
struct RotateKernel {
  int64_t heads, headSize;
  Rotation rotation;
  int64_t maxPages; ///< of a sequence: the positions that the tables have
};

/// For one row and one KV head: rotates its group of query heads (q out) and its key, writes key and value to the
/// cache. Without rotated components no tables, no q: only key and value are written. The cache is written at position
/// p = positions[0]: page pages[p / 64, slots[0]], place p mod 64.
struct AppendKernel {
  int64_t heads, kvHeads, headSize;
  Rotation rotation;
  CacheFormat cache;
  int64_t maxPages;
  /// > 0: this call runs for each split (tile[2]) and only the one that holds p, p / splitPositions, writes the cache.
  int64_t splitPositions = 0;
  int64_t ownValueSize = 0; ///< of a value's head, where it is not headSize

  int64_t valueSize() const { return ownValueSize ? ownValueSize : headSize; }
};

/// For one row, one KV head and one split of the context: partial softmax of the group's heads over the cache.
/// Partial of a head: {m, l, o[valueSize]}; see lathe.attend.
struct AttendKernel {
  int64_t heads, kvHeads, headSize;
  double scale;
  int64_t window = 0;
  double softcap = 0;
  CacheFormat cache;
  int64_t maxPages, splitPositions;
  bool alibi = false;       ///< each head's score changes by its slope for each position between (arXiv:2108.12409)
  bool scales = false;      ///< each head's scores are multiplied by a number of its own
  int64_t every = 0;        ///< > 0: and by entry (position + 1) / every of a table
  int64_t temperatures = 0; ///< entries of that table
  int64_t ownValueSize = 0; ///< of a value's head, where it is not headSize

  int64_t valueSize() const { return ownValueSize ? ownValueSize : headSize; }
};

/// For one row: joins the partials of `heads` heads over the row's splits, then f32 or q16.
struct CombineKernel {
  int64_t heads, headSize; ///< heads of values joined by one call
  int64_t splitStride;     ///< elements between splits of the partials
  int64_t maxSplits, splitPositions;
  ActFormat output = ActFormat::F32;
  bool sinks = false; ///< each head has a score beside those of the keys, without a value
};

/// One row of a causal convolution of each channel, and its activation. The sequence's latest inputs are in its state,
/// that of position p in line p mod width; a row writes its own line first. See lathe.conv.
struct ConvKernel {
  int64_t channels, width;
  bool bias = false;
  Activation activation = Activation::None;
  int64_t stateElements; ///< from one block of the state to the next
};

/// One row of a selective scan over some heads. See lathe.scan. The state is [block][N][lane]: with `byChannel` (a
/// matrix of decays, heads of one channel) 16 heads are a block's lanes, else the channels of one head are.
struct ScanKernel {
  int64_t heads, headSize, stateSize; ///< heads of one call
  int64_t groups, groupHeads;         ///< groups of B and C in all, and heads of each
  bool byChannel = false;
  double dtMin = 0, dtMax = 0; ///< 0: no limit
  int64_t stateElements;       ///< from one block of the state to the next

  int64_t lanes() const { return byChannel ? kPanelRows : headSize; }
  int64_t blocks() const { return byChannel ? (heads + kPanelRows - 1) / kPanelRows : heads; }
};

enum class Pointwise { Add, Glu, Activate, Scale, Softcap, Clip, Gate };

/// One row, element by element, then f32 or q16:
///   Add       x + value * z             Scale    value * x, * weight
///   Glu       activation(x) * z         Softcap  value * tanh(x / value)
///   Activate  activation(x)             Clip     x, at least -value and at most value
///   Gate      sigmoid(z[0]) * x
/// (Glu and Activate of their shape.)
/// For what no other kernel's epilogue takes along.
struct PointwiseKernel {
  Pointwise kind;
  int64_t columns;
  double value = 0;
  Activation activation = Activation::None;
  ActFormat output = ActFormat::F32;
  ActivationShape shape = {};
  int64_t weights = 0; ///< Scale: of a vector that multiplies too, 1 for all columns or as many; 0: none
};

/// For one row: the experts that it chooses by its router's logits and their weights; see lathe.route, whose groups are
/// `groups` of which `keep` are kept.
struct RouteKernel {
  int64_t experts, choices;
  Scoring scoring = Scoring::Softmax;
  bool bias = false, normalise = false;
  double scale = 1;
  int64_t groups = 1, keep = 1;
};

/// Once a step: the table of a ChoiceLayout, from all rows' choices. tile[4] says how many rows there are.
struct AssignKernel {
  ChoiceLayout layout;
};

/// For one row: y[c] = sum over its choices j, in order, of weights[j] * x[c, places[j]], then f32 or q16.
struct CollectKernel {
  int64_t columns, choices;
  int64_t places; ///< rows of x
  ActFormat output = ActFormat::F32;
};

using KernelDesc =
    std::variant<EmbedKernel, NormKernel, LinearKernel, AppendKernel, AttendKernel, CombineKernel, PointwiseKernel,
                 ConvKernel, ScanKernel, RouteKernel, AssignKernel, CollectKernel, RotateKernel>;

/// "linear", "attend", …: the family's name, in symbols and schedule records.
std::string family(const KernelDesc &kernel);
/// Family, types, shape: "linear_q4_1_q16_k576_r1_p4_residual". Equal descriptions have equal symbols and no others do.
/// A kernel that a program needs in several schedules has its second as "..._schedule1", and so on.
std::string symbol(const KernelDesc &kernel, int schedule = 0);

} // namespace lathe

#endif
