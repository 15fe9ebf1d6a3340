//===- AttendTensor.h - attention over an f16 cache by tensor cores (private to Attend) -----------------*- C++ -*-===//
//
// A block has one KV head and one split, and of each run of rows of one sequence all queries, 8 a tile: the heads of a
// row of a decode step, or of the rows of a prefill step. Products are m16n8k16 of f16 (PTX ISA 9.7.14) with keys and
// values as the 16 rows, since which row and column of a fragment is which of the cache is ours to choose as long as
// both operands agree: so a lane (g, t) = (lane / 4, lane % 4) reads the cache as it lies, without a copy in shared
// memory.
//
//   scores   a warp has 32 positions; a step is 16 components. Lane: positions 4g … 4g + 3 of components 4t … 4t + 3
//   values   a warp has 16 components; a step is 16 positions. Lane: components 2g, 2g + 1 of positions 4t … 4t + 3
//
// A query, made large by a power of two, and a weight are each the sum of two f16, 22 bits of it. A query's sums have
// the same instructions in the same order however many are beside it; positions that others see add zeros to them. So
// its bits do not depend on the other rows of its step.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ATTENDTENSOR_H
#define LATHE_COMPILER_KERNELS_GPU_ATTENDTENSOR_H

#include "compiler/kernels/gpu/Attend.h"
#include "llvm/Support/MathExtras.h"
#include <optional>

namespace lathe::gpu {

class TensorAttend {
public:
  static constexpr int64_t kQueries = 8;     ///< of a tile
  static constexpr int64_t kStep = 16;       ///< of what a product sums over
  static constexpr int64_t kPositions = 32;  ///< of a warp
  static constexpr int64_t kComponents = 16; ///< of a warp
  static constexpr int64_t kMaxTiles = 4;    ///< whose scores a thread keeps
  static constexpr int64_t kMaxRows = 32;    ///< one for each lane

  /// What weights are multiplied by, so that an f16 has their rests, too.
  static constexpr double kWeight = 1024;

  TensorAttend(const AttendKernel &k, TileCall &call);
  void run();

private:
  int64_t steps() const { return split / kStep; }
  V inSplit(V place) { return min(max(place, 0), static_cast<double>(split)); }
  /// Rows [first, first + count) of one sequence.
  void runRows(V first, V count);
  /// A pass: so many queries of the rows, from one on.
  void runQueries(V first);

  /// The row and head of the pass's query `i`, and whether there is one.
  struct Query {
    V row, head, real;
  };
  Query queryAt(V i);
  void loadQueries();
  void describeQuery(V i, V down);
  /// The pass's physical pages, and of one row the values towards L2, while the query is on its way.
  void findPages();

  // Products. Sums are four numbers a lane: rows g and g + 8 of the first operand, each of queries 2t and 2t + 1.
  /// Four f32 as f16 and the f16 of what they lack, in pairs: what a lane has of a step of the second operand.
  std::vector<V> halves(const std::vector<V> &numbers);
  /// Numbers of four columns, two rows a word, as the first operand.
  std::vector<V> paired(const std::vector<V> &words);
  void multiply(V *sums, const std::vector<V> &rows, V first, V second);

  V isSeen(V half) { return (half * double(kPositions) < end) & ((half + 1) * double(kPositions) > begin); }
  /// Words of steps [first, first + count) of a piece of the keys, under way.
  std::vector<V> loadKeys(const Array &keysOfLane, V first, int64_t count);
  Array keysOfLane(V half, V page);
  /// Of 32 positions: [i][tile][4], of positions 4g + 2i, of both the next, and queries 2t, 2t + 1. `early`: all words,
  /// where they were loaded before.
  std::vector<V> multiplyKeys(V half, const std::vector<V> &early);
  bool loadsEarly() const { return rounds == 1 && tiles <= 2 && size / kStep <= 8; }

  /// Weights go to `fragments`, as the products with values want them; maxima and sums to the result.
  void weigh(std::vector<std::vector<V>> &scores);
  /// Of the lane's two queries of a tile: over its numbers (round, position, query), those of other lanes, and to
  /// `ofWarps`.
  void join(const Array &ofWarps, int64_t tile, bool sum, const std::function<V(int64_t, int64_t, int64_t)> &number);
  /// Numbers of the lane's two queries of a tile.
  std::vector<V> ofQueries(const Array &array, int64_t tile, std::optional<int64_t> ofWarp = std::nullopt);
  void writeMaxima();
  /// Where a lane's piece of a fragment lies, so that those who write at once write to different banks.
  V placeOf(V lane) { return lane ^ (shiftRight(lane, 3) * 2); }

  /// Of 8 blocks of components from `firstBlock` on, one a warp; of fewer, groups of warps have parts of the steps.
  void mixValues(int64_t firstBlock, int64_t sharedMark);
  /// Two components of four positions of a step, under way.
  std::vector<V> loadValues(V block, V step);

  const AttendKernel &k;
  TileCall &call;
  Code &c;
  const Array &keys, &values, &out;
  const V g, t, warp;
  const int64_t size, valueSize, group, split, pages;
  const int64_t rounds;           ///< a warp has so many times 32 positions
  int64_t passes, tiles, queries; ///< of a pass
  int64_t blocks, groups;         ///< of components; of warps for one block
  V start;                        ///< the split's first position
  V firstRow, rowCount, firstQuery;
  V begin, end;                                   ///< what any of the rows sees, from the split's start
  Array begins, ends, factors, slopes, distances; ///< of queries
  Array highs, totals;                            ///< of queries, for each warp
  Array physical;                                 ///< the split's pages
  Array fragments;                                ///< of queries, then of weights: halves()
};

} // namespace lathe::gpu

#endif
