//===- AttendPlain.h - attention by products one by one (private to Attend) -----------------------------*- C++ -*-===//
//
// A block has one row, one KV head and one split. Its warps form teams of a page each. Keys: a thread has 8 positions
// of every n-th component, so that a warp reads lines whole; values: a few components of every n-th position. Each
// number of the cache is read once for up to 8 heads, and all of a thread's loads of a batch are under way before the
// first is used. What threads have in part is added over lanes (a tree), then over warps in their order: bits depend on
// nothing but the row's own position, query and cache. Pages that the row does not see are not read; of a page that it
// sees in part, a value of no weight is another's again, since what the cache holds there may be no number.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ATTENDPLAIN_H
#define LATHE_COMPILER_KERNELS_GPU_ATTENDPLAIN_H

#include "compiler/kernels/gpu/Attend.h"

namespace lathe::gpu {

class PlainAttend {
public:
  PlainAttend(const AttendKernel &k, TileCall &call);
  void run();

private:
  static constexpr int64_t kMaxHeads = 8;        ///< whose sums a thread keeps at once
  static constexpr int64_t kOctet = 8;           ///< positions of a thread's piece of a key component
  static constexpr int64_t kSumBytes = 16 << 10; ///< of shared memory for the sums of values, unless one head has more

  /// A page of the split that a team has.
  struct Page {
    V number, physical, seen;
  };
  /// A thread's turn, `within` a batch.
  struct Turn {
    V batch; ///< the batch's first turn
    int64_t within;
    V at(int64_t step) const { return batch * double(step) + double(within * step); }
  };

  void findPages();
  /// Towards L2, while the queries are on their way.
  void fetchPage(V physical);
  void runHeads(V firstHead);
  void loadQuery();
  void multiplyKeys(const Page &page);
  /// Each head has so many warps.
  void weigh();
  /// Of `units` times `width` components, from unit `firstUnit` on.
  void mixValues(int64_t firstUnit, int64_t units);

  /// For each turn load() and, when a whole batch is under way, use(), which changes the sums. `items`: numbers of a
  /// load.
  std::vector<V> inBatches(int64_t turns, int64_t items, std::vector<V> sums,
                           const std::function<std::vector<V>(const Turn &)> &load,
                           const std::function<void(const Turn &, const std::vector<V> &, std::vector<V> &)> &use);
  /// `count` elements of the cache as they lie there, in words if they fill some.
  std::vector<V> read(const Array &array, const std::vector<V> &index, int64_t count);
  std::vector<V> numbersOf(const std::vector<V> &words, int64_t count);
  /// A number for each head: entry `place` of [vector][place][vectors].
  std::vector<V> headsOf(const Array &array, V place);
  /// Sums over the lanes that differ in bits from `lowest` on. `numbers` is [items][inner]; of an even number of items
  /// each lane keeps one half, the other lane the other; `place` moves to the first of those that a lane is left with.
  std::vector<V> fold(std::vector<V> numbers, int64_t inner, int64_t lowest, V &place);
  /// Stores `count` consecutive numbers; a power of two of them is aligned to itself.
  void storeRun(const Array &array, std::vector<V> index, int64_t count, const std::function<V(int64_t)> &number);

  const AttendKernel &k;
  TileCall &call;
  Code &code;
  const Array &keys, &values, &out;
  const int64_t size, valueSize, group, split;
  int64_t pages;
  int64_t teamWarps, teams;     ///< a team has every teams-th page
  int64_t chunks, heads;        ///< so many heads are computed at once, `chunks` times
  int64_t vector, vectors;      ///< numbers of heads as they are read from shared memory
  int64_t keySlices, keyTurns;  ///< a thread has every keySlices-th component
  int64_t bytes, width;         ///< of an element of the cache; components of a value that a thread loads at once
  V team, teamThread, position;
  V distance;                   ///< from the row's position to the split's first: not above 0 where it is seen
  V begin, end;                 ///< that the row sees, from the split's start
  V first;                      ///< of the group's heads
  std::vector<Page> found;      ///< of the thread's team
  Array query, weights, highs, totals, dots;
};

} // namespace lathe::gpu

#endif
