//===- Stages.h - what each family's algorithm hands to its directives --------------------------------*- C++ -*-===//
//
// compiler/kernels/halide/<Family>.cpp defines these Funcs; compiler/schedule/halide/<Family>.cpp orders them, with the
// numbers taken from Values. (Linear, the largest family, has a header of its own.)
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_STAGES_H
#define LATHE_COMPILER_KERNELS_HALIDE_STAGES_H

#include "compiler/backend/Space.h"
#include "compiler/kernels/halide/Builder.h"
#include "compiler/kernels/halide/Linear.h"
#include <functional>

namespace lathe {

/// Where arrays of constant size live. Halide moves MemoryType::Stack to the heap from 16 KB on; what is "in registers"
/// is always the function's own stack.
inline constexpr Halide::MemoryType kArray = Halide::MemoryType::Register;

/// The largest vector of at most `lanes` elements that tiles `extent` without rest.
int vectorFor(int64_t extent, int64_t lanes);

/// f [lane, x] reduced over its `lanes` lanes (a power of two) by halving; the order is the same on every target.
struct Tree {
  std::vector<Halide::Func> levels; ///< [lane, x], each half as wide as the one before
  Halide::Var lane{"lane"}, x{"x"};
  /// The result for one x.
  Halide::Expr at(Halide::Expr x) const { return levels.back()(0, x); }
};
Tree treeReduce(Halide::Func f, int lanes, const std::function<Halide::Expr(Halide::Expr, Halide::Expr)> &join);
/// Every level in registers inside the loop `var` of `consumer`, or at root.
void scheduleTree(Tree &tree, int lanes, Halide::Func consumer, Halide::Var var);
void scheduleTreeRoot(Tree &tree, int lanes);

/// A row of f32 results as an ActFormat. Quantised: for each group, with a = max |row| over the group and L = 32512 (q16)
/// or 127 (q8),
///   scale = a / L, v = round to nearest even (row * (L / a)), q16: = 256 * q + low, q8: = q; sum: of v, over 16 columns;
/// a group with a < 2^-100 (whose reciprocal could overflow) is all zeros, scale 0. 32512 = 127 * 256 keeps q in i8.
struct RowOutput {
  Halide::Var i{"i"}, g{"g"};
  Halide::Func y;                                        ///< F32
  Halide::Func lanes;                                    ///< [lane, g]: |row|, a group's lanes folded to 16
  Tree tree;                                             ///< amax
  Halide::Func amax, inverse, scale, whole, q, low, sum; ///< quantised; low: Q16
  Halide::RDom within;                                   ///< sum's reduction
};
/// `row` [i], defined on [0, columns). Gives the kernel its outputs.
RowOutput quantizeRow(KernelBuilder &kernel, Halide::Func row, ActFormat format, int64_t columns);
void scheduleRow(RowOutput &output, ActFormat format, int64_t columns, const TargetDesc &target);

struct NormStages {
  Halide::Var i{"i"}, lane{"lane"}, group{"group"};
  Halide::Func sums, squares; ///< [lane, group]: 32 partial sums
  Tree sumTree, squareTree;
  Halide::Func mean, inverse; ///< [group]
  Halide::Func row;           ///< [i]
  RowOutput output;
};

struct EmbedStages {
  Halide::Var i{"i"};
  Halide::Func y;
};

/// A rotation by the row's position. What turns (`rotate`) has three updates: first of pair, second of pair, rest.
struct RotationStages {
  Halide::Var t{"t"}, i{"i"};
  Halide::Func angle; ///< [t, i]: {cos, sin} of pair i
  Halide::Func grown; ///< LengthRule::Grow: [i], f64: g^i
  Halide::RDom power; ///< of its update
  Halide::RDom pair;  ///< of the updates

  RotationStages() = default;
  /// Reads the tables that `kernel` has for `rotation`.
  RotationStages(KernelBuilder &kernel, const Rotation &rotation, int64_t maxPages);
  /// out(c, rest) = x(c) with its leading components rotated.
  void rotate(Halide::Func out, const Rotation &rotation, int64_t headSize, const std::vector<Halide::Expr> &rest,
              const std::function<Halide::Expr(Halide::Expr)> &x) const;
};
void scheduleRotation(RotationStages &stages, const Rotation &rotation, const std::vector<Halide::Func> &turning,
                      const TargetDesc &target);

struct RotateStages {
  Halide::Var c{"c"}, h{"h"};
  RotationStages turn;
  Halide::Func y; ///< [c, h]
};

/// Heads times Hadamard's matrix of each run of spreadOf(size) components (layout/Rows.h), in log2 levels of sums and
/// differences of neighbours: of a level's n numbers x[2i] + x[2i+1] is the next one's i-th, x[2i] - x[2i+1] its
/// (n/2 + i)-th.
struct SpreadStages {
  std::vector<Halide::Func> levels; ///< [c, rest]
  Halide::RDom pair;                ///< of a run; run
  Halide::Var c{"c"};

  /// x(c, rest), whose levels are called `name`_1 and so on.
  SpreadStages(const std::string &name, int64_t size, const std::vector<Halide::Var> &rest,
               const std::function<Halide::Expr(std::vector<Halide::Expr>)> &x);
  SpreadStages() = default;
};
/// Every level in an array, where `place` says.
void scheduleSpread(SpreadStages &stages, int64_t size, const TargetDesc &target,
                    const std::function<void(Halide::Func &)> &place);

/// A key or value of a q8 cache.
struct BytesStages {
  Halide::Func largest;        ///< [], bits of max |x|
  Halide::RDom within;         ///< of its update
  Halide::Func inverse, scale; ///< []
  Halide::Func bytes;          ///< [c]
};

struct AppendStages {
  Halide::Var c{"c"}, h{"h"}, page{"page"}, place{"place"}, which{"which"};
  RotationStages turn;
  Halide::Func qr;                        ///< [c, h]
  Halide::Func key;                       ///< [c]
  SpreadStages spread;                    ///< q8: of the key
  BytesStages keyBytes, valueBytes;       ///< q8
  Halide::Func keys, values, scales;      ///< the cache
  Halide::RDom component, valueComponent; ///< of their updates
};

struct AttendStages {
  int block; ///< positions of one block: a divisor of a page
  Halide::Var v{"v"}, i{"i"}, r{"r"}, b{"b"}, c{"c"}, p{"p"};
  Halide::Func key, value;          ///< [v, c, b], [c, p]: the cache in f32; b, p: from the first that is seen
  SpreadStages spread;              ///< q8
  Halide::Func spreadQuery;         ///< q8: [c, i], spread as the keys are
  Halide::Func dot, score;          ///< [v, i, b]: i is a query
  Halide::RDom component;           ///< of dot
  Halide::Func highLanes, sumLanes; ///< [v, i]
  Halide::RDom blocks;              ///< of both
  Tree highTree, sumTree;
  Halide::Func high, sum;             ///< [i]
  Halide::Func weight;                ///< [v, i, b]; q8: and times the value's scale
  Halide::Func mixed;                 ///< [c, i]
  Halide::RDom position;              ///< of mixed
  Halide::Func partial;               ///< [c, head, row]; updates: maximum, sum, mix
  Halide::RDom query, mixedComponent; ///< of the first two, and of the last: component, query
};

struct CombineStages {
  Halide::Var c{"c"}, h{"h"}, s{"s"}, i{"i"};
  Halide::Func high, weight, sum; ///< [h], [h, s], [h]
  Halide::RDom splits;
  Halide::Func mixed; ///< [c, h]
  Halide::Func row;   ///< [h * headSize + c]
  RowOutput output;
};

/// Of a convolution or a scan; a convolution has state and y alone.
struct RecurrenceStages {
  Halide::Var lane{"lane"}, n{"n"}, part{"part"}, block{"block"};
  Halide::Func step;  ///< [lane, part], or of heads [part]
  Halide::Func decay; ///< of heads: [part]
  Halide::Func state; ///< [lane, n, part, block]; an update in place
  Halide::RDom numbers;
  Halide::Func sum, y; ///< [lane, part]
};
struct ConvStages : RecurrenceStages {};
struct ScanStages : RecurrenceStages {};

struct RouteStages {
  Halide::Var e{"e"}, i{"i"};
  struct Array {
    Halide::Func values; ///< [e]
    int64_t size;
  };
  std::vector<Array> arrays;                                ///< all that is computed on the way, in order
  std::vector<std::pair<Halide::Func, Halide::RDom>> ranks; ///< those that each count over others
  Halide::Func score;                                       ///< [e]
  Halide::Func y;                                           ///< [i]

  Halide::Func array(const char *name, int64_t size) { return arrays.emplace_back(Halide::Func(name), size).values; }
};

struct AssignStages {
  Halide::Var e{"e"}, i{"i"};
  Halide::Func count, first;        ///< [e]: choices, and the first tile, of each expert
  Halide::Func tiles, rows, places; ///< [i]
};

struct CollectStages {
  Halide::Var i{"i"};
  Halide::Func row; ///< [i]
  Halide::RDom choice;
  RowOutput output;
};

struct PointwiseStages {
  Halide::Func row; ///< [i]
  RowOutput output;
};

// Each family's three functions.
#define LATHE_FAMILY(Name, ...)                                                                                        \
  /** The mathematics (compiler/kernels/halide), with its outputs given to `args`. */                                  \
  Name##Stages defineKernel(const Name##Kernel &kernel, KernelBuilder &args);                                          \
  /** The directives (compiler/schedule/halide): order, vectors, registers, memory. */                                 \
  void scheduleKernel(Name##Stages &stages, const Name##Kernel &kernel, const TargetDesc &target,                      \
                      const Values &values);                                                                           \
  /** What the directives leave open, and the tile where the kernel leads its phase. */                                \
  Space kernelSpace(const Name##Kernel &kernel, const Grid &grid, const TargetDesc &target);
#include "compiler/kernels/Families.def"

/// Tiles of any number of a step's rows for a kernel that leads its phase and is indifferent to it: one is the fallback.
Space tilesOfRows(const Grid &grid);

} // namespace lathe

#endif
