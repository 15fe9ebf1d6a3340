//===- Kernel.h - what a kernel computes, as plain data -------------------------------------------------*- C++ -*-===//
//
// A KernelDesc describes one serial tile function: family, shapes, formats, epilogues. It is all that the builders
// (kernels/halide on the CPU, later kernels/gpu) see of a model. Signature.h gives its arguments; name() tells it in
// words, for its symbol and for its schedule key (Naming.h); count() adds what it does for one row beside matrices, in
// `units` calls, one for each column unit (Work.h). Families.def lists the families.
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

#include "compiler/kernels/Naming.h"
#include "compiler/kernels/Work.h"
#include "compiler/layout/Choices.h"
#include "compiler/layout/Rows.h"
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lathe {

enum class NormKind { None, RMS, Layer };
/// XIELU has learned numbers and is of a pointwise kernel only.
enum class Activation { None, SiLU, GELUErf, GELUTanh, ReLU, ReLUSquared, XIELU };
enum class Pairing { Interleaved, HalfSplit };
enum class Scoring { Softmax, Sigmoid };
/// How a rotation depends on the known length of the row's sequence: not at all; by other tables beyond a limit; by
/// frequencies of each length beyond it.
enum class LengthRule { None, Switch, Grow };

// As symbols and keys spell them.
const char *nameOf(NormKind kind);
const char *nameOf(Activation activation);
const char *nameOf(Pairing pairing);

/// What an activation has beside its kind: activation(slope * x) / slope. The product of a gate and an up that it ends in
/// is activation(min(gate, clamp)) * (up + offset), with up kept between -clamp and clamp.
struct ActivationShape {
  double slope = 1;
  double clamp = 0; ///< 0: none
  double offset = 0;

  void name(Naming &s, Activation activation) const {
    s.flag(nameOf(activation), activation != Activation::None);
    s.detail("slope", slope, 1).number("clamp", clamp, 0).detail("plus", offset, 0);
  }
};
/// y[0..columns) = scale * table[id + offset]. One row.
struct EmbedKernel {
  PackedFormat format;
  int64_t vocabulary, columns;
  double scale = 1;
  int64_t offset = 0;

  void name(Naming &s) const {
    s.word(packedName(format)).detail("v", vocabulary).size("k", columns);
    s.detail("scale", scale, 1).detailIfAny("from", offset);
  }
  void count(Work &work, int64_t) const { work.operations += columns; }
};

/// norm (or a copy) of one row, then f32 or quantised. With `gather`, the input is the whole [maxRows, columns] array and the
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

  void name(Naming &s) const {
    s.word(nameOf(kind)).word(nameOf(output)).size("k", columns).detail("eps", eps, 0);
    s.detailIfAny("gather", gatherRows).detailFlag("offset", unitOffset).flag("bias", bias);
    s.sizeIfAny("group", group).flag("unweighted", unweighted).flag("wide", wide);
  }
  /// Squares and their sum, the factor, the weight; a layer norm's mean too. A copy moves numbers.
  void count(Work &work, int64_t) const {
    work.operations += columns * (kind == NormKind::Layer ? 6 : kind == NormKind::RMS ? 4 : 0);
    work.quantize(output, columns);
  }
};

/// y[r, n] = epilogue(sum_k x[r, k] w[n, k]) for `rows` rows and `panels` panels of w.
/// Epilogues in this order: + bias[n]; activation, or with `gated` act(even panel) * odd panel (half as many columns),
/// either of its shape;
/// * scale; softcap; residual[r, n] + ….  Each output's additions over k have one order whatever rows and panels are.
struct LinearKernel {
  PackedFormat format;
  ActFormat input; ///< quantised for integer formats alone
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

  void name(Naming &s) const {
    s.word(packedName(format)).word(nameOf(input)).size("k", columns);
    s.detail("r", rows).detail("p", panels).detail("s", outputStride).flag("bias", bias);
    shape.name(s, activation);
    s.flag("gated", gated).detail("scale", scale, 1).number("cap", softcap, 0).flag("residual", residual);
  }
  void count(Work &work, int64_t) const {
    const bool half = format == PackedFormat::F16 || format == PackedFormat::BF16;
    work.rate = input == ActFormat::Q16  ? Rate::Dot4Twice
                : input == ActFormat::Q8 ? Rate::Dot4
                : half                   ? Rate::Half
                                         : Rate::F32;
  }
};

/// Query heads that share a key; 0 without any.
constexpr int64_t groupOf(int64_t heads, int64_t kvHeads) { return kvHeads ? heads / kvHeads : 0; }

/// How heads turn by a row's position: their leading components do, the others are copied.
struct Rotation {
  int64_t rotated; ///< components
  Pairing pairing;
  LengthRule rule = LengthRule::None;
  int64_t limit = 0;    ///< Switch, Grow: sequences of at most this length turn as without a rule
  int64_t grown = 0;    ///< Grow: entries of `growth`
  double magnitude = 1; ///< Grow: multiplies cosine and sine

  void name(Naming &s) const {
    s.size("rot", rotated).word(nameOf(pairing));
    if (rule != LengthRule::None)
      s.word(rule == LengthRule::Switch ? "switch" : "grow").detail("limit", limit);
    s.detailIfAny("grown", grown).detail("mag", magnitude, 1);
  }
  /// A pair turns by four products and two sums.
  int64_t operations(int64_t heads) const { return 3 * rotated * heads; }
};

/// y = x with each of its heads rotated. One row, for what reads rotated heads but is not attention.
struct RotateKernel {
  int64_t heads, headSize;
  Rotation rotation;
  int64_t maxPages; ///< of a sequence: the positions that the tables have

  void name(Naming &s) const {
    s.size("h", heads).size("d", headSize);
    rotation.name(s);
    s.detail("pages", maxPages);
  }
  void count(Work &work, int64_t) const { work.operations += rotation.operations(heads); }
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

  void name(Naming &s) const {
    s.word(nameOf(cache))
        .detail("h", heads)
        .detail("kv", kvHeads)
        .size("d", headSize)
        .keySize("g", groupOf(heads, kvHeads));
    rotation.name(s);
    s.detail("pages", maxPages).detailIfAny("split", splitPositions).sizeIfAny("dv", ownValueSize);
  }
  void count(Work &work, int64_t units) const { // its group's queries and its key
    work.operations += rotation.rotated ? rotation.operations(units * (heads / kvHeads + 1)) : 0;
  }
};

/// For one KV head and one split of the context: partial softmax of the group's heads over the cache, for one row or
/// for rows that follow one another in a sequence. Partial of a head: {m, l, o[valueSize]}; see lathe.attend.
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
  /// Elements between rows of q and of partial, where a call may take several rows of a tile; else 0.
  int64_t queryStride = 0, partialStride = 0;
  /// Of a call: chosen by the schedule stage. Where there are several, those of tile {…, first, count} are computed.
  int64_t rows = 1;

  int64_t valueSize() const { return ownValueSize ? ownValueSize : headSize; }
  bool takesRows() const { return queryStride != 0; }

  void name(Naming &s) const {
    s.word(nameOf(cache))
        .detail("h", heads)
        .detail("kv", kvHeads)
        .size("d", headSize)
        .keySize("g", groupOf(heads, kvHeads));
    if (rows > 1)
      s.detail("r", rows).detail("qs", queryStride).detail("ps", partialStride);
    s.detail("scale", scale, 0).detail("pages", maxPages).size("split", splitPositions);
    s.sizeIfAny("window", window).number("cap", softcap, 0).flag("alibi", alibi);
    s.flag("scales", scales).detailIfAny("every", every).detailIfAny("of", temperatures).sizeIfAny("dv", ownValueSize);
  }
  void count(Work &work, int64_t) const {
    work.cacheBytes += kvHeads * cacheHead(cache, headSize, valueSize()).bytes / kPagePositions;
    work.positionOperations += heads * (2 * headSize + 2 * valueSize());
    work.window = window;
    if (cache != CacheFormat::F32)
      work.rate = Rate::Half;
  }
};

/// For one row: joins the partials of `heads` heads over the row's splits, then f32 or quantised.
struct CombineKernel {
  int64_t heads, headSize; ///< heads of values joined by one call
  int64_t splitStride;     ///< elements between splits of the partials
  int64_t maxSplits, splitPositions;
  ActFormat output = ActFormat::F32;
  bool sinks = false; ///< each head has a score beside those of the keys, without a value

  void name(Naming &s) const {
    s.word(nameOf(output)).size("h", heads).size("d", headSize).detail("stride", splitStride);
    s.detail("splits", maxSplits).size("split", splitPositions).flag("sinks", sinks);
  }
  void count(Work &work, int64_t units) const {
    work.operations += units * 2 * heads * headSize;
    work.quantize(output, units * heads * headSize);
  }
};

/// One row of a causal convolution of each channel, and its activation. The sequence's latest inputs are in its state,
/// that of position p in line p mod width; a row writes its own line first. See lathe.conv.
struct ConvKernel {
  int64_t channels, width;
  bool bias = false;
  Activation activation = Activation::None;
  int64_t stateElements; ///< from one block of the state to the next

  void name(Naming &s) const {
    s.word("f32").size("c", channels).size("w", width).flag("bias", bias);
    s.flag(nameOf(activation), activation != Activation::None).detail("state", stateElements);
  }
  void count(Work &, int64_t) const {} // a matrix
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

  void name(Naming &s) const {
    s.word(byChannel ? "channel" : "head").size("h", heads).size("d", headSize).size("n", stateSize);
    s.detail("g", groups).detail("gh", groupHeads).detail("min", dtMin, 0).detail("max", dtMax, 0);
    s.detail("state", stateElements);
  }
  void count(Work &, int64_t) const {} // a matrix
};

enum class Pointwise { Add, Glu, Activate, Scale, Softcap, Clip, Gate };
const char *nameOf(Pointwise kind);

/// One row, element by element, then f32 or quantised:
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

  void name(Naming &s) const {
    s.word(nameOf(kind)).word(nameOf(output)).size("k", columns).detail("by", value, 0).detailIfAny("w", weights);
    shape.name(s, activation);
  }
  void count(Work &work, int64_t) const {
    work.operations += columns * (kind == Pointwise::Glu ? 2 : 1);
    work.quantize(output, columns);
  }
};

/// For one row: the experts that it chooses by its router's logits and their weights; see lathe.route, whose groups are
/// `groups` of which `keep` are kept.
struct RouteKernel {
  int64_t experts, choices;
  Scoring scoring = Scoring::Softmax;
  bool bias = false, normalise = false;
  double scale = 1;
  int64_t groups = 1, keep = 1;

  void name(Naming &s) const {
    s.word(scoring == Scoring::Softmax ? "softmax" : "sigmoid").size("e", experts).size("c", choices);
    s.flag("bias", bias).flag("normalise", normalise).detail("scale", scale, 1);
    if (keep < groups)
      s.word("groups").detail("of", groups).detail("keep", keep);
  }
  void count(Work &work, int64_t) const { work.operations += 2 * experts; }
};

/// Once a step: the table of a ChoiceLayout, from all rows' choices. tile[4] says how many rows there are.
struct AssignKernel {
  ChoiceLayout layout;

  void name(Naming &s) const {
    s.size("r", layout.rows).size("c", layout.choices).size("e", layout.experts).detail("t", layout.tileRows);
  }
  void count(Work &work, int64_t) const { work.operations += layout.rows * layout.choices; }
};

/// For one row: y[c] = sum over its choices j, in order, of weights[j] * x[c, places[j]], then f32 or quantised.
struct CollectKernel {
  int64_t columns, choices;
  int64_t places; ///< rows of x
  ActFormat output = ActFormat::F32;

  void name(Naming &s) const { s.word(nameOf(output)).size("k", columns).size("c", choices).detail("p", places); }
  void count(Work &work, int64_t) const {
    work.operations += 2 * columns * choices;
    work.quantize(output, columns);
  }
};

/// A std::variant of all families' descriptions, in the list's order.
template <class, class... Kernels> struct Alternatives {
  using Variant = std::variant<Kernels...>;
};
using KernelDesc = Alternatives<void
#define LATHE_FAMILY(Name, ...) , Name##Kernel
#include "compiler/kernels/Families.def"
                                >::Variant;

/// What |result - reference| may be: absolute + relative * |reference|, in f32 epsilons (2^-23).
struct Tolerance {
  double relative, absolute;
};

struct KernelFamily {
  const char *name; ///< "linear": in symbols and schedule records
  Tolerance tolerance;
  KernelDesc empty; ///< a description of nothing, to ask which words and sizes there are
};

/// In the order of KernelDesc's alternatives.
const std::vector<KernelFamily> &kernelFamilies();
/// The family of a kernel.
const KernelFamily &kernelFamily(const KernelDesc &kernel);
/// The description in words.
Naming naming(const KernelDesc &kernel);
/// Family, types, shape: "linear_q4_1_q16_k576_r1_p4_residual". Equal descriptions have equal symbols and no others do.
/// A kernel that a program needs in several schedules has its second as "..._schedule1", and so on.
std::string symbol(const KernelDesc &kernel, int schedule = 0);

} // namespace lathe

#endif
