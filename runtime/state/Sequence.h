//===- Sequence.h - what one sequence holds: pages of the KV cache, a recurrent state -------------------*- C++ -*-===//
//
// A sequence has `length` positions in pages of 64: logical page i holds positions 64 i .. 64 i + 63. Pages are shared
// by reference count: a fork shares them all, and whoever writes first into a shared page gets a copy of its own.
//
// The state of recurrent layers, where a model has such, is one block; it is shared and copied likewise. It knows the
// sequence's last position only: such a sequence can be emptied, but not cut back.
//
//   prepare(n)  pages for n more positions, writable by this sequence alone
//   commit(n)   the step has written them: length += n
//
// Not thread-safe: a sequence belongs to its context's thread.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_STATE_SEQUENCE_H
#define LATHE_RUNTIME_STATE_SEQUENCE_H

#include "runtime/state/PagePool.h"
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace lathe {

class Sequence {
public:
  /// An empty sequence.
  explicit Sequence(std::shared_ptr<PagePool> pool, std::shared_ptr<PagePool> states = nullptr)
      : pool(std::move(pool)), states(std::move(states)) {}
  Sequence(Sequence &&other) noexcept
      : pool(std::move(other.pool)), states(std::move(other.states)), table(std::move(other.table)),
        state(std::exchange(other.state, -1)), positions(std::exchange(other.positions, 0)) {}
  Sequence &operator=(Sequence &&other) noexcept;
  ~Sequence() { release(); }

  uint32_t length() const { return positions; }
  /// Positions that fit before the sequence has its full length.
  uint32_t room() const { return pool->layout().maxPositions - positions; }
  /// Pages of the pool by logical page.
  std::span<const int32_t> pages() const { return table; }
  /// The block of its recurrent state; -1: it has none yet, or the model has no such state.
  int32_t block() const { return state; }
  const PagePool *owner() const { return pool.get(); }

  /// Makes positions length .. length + count - 1 writable. Fails, changing nothing that can be seen, where the
  /// sequence would pass its full length or the pool has no free page.
  Result<void> prepare(uint32_t count);
  /// Counts `count` prepared positions as written.
  void commit(uint32_t count);

  bool recurrent() const { return states != nullptr; }
  /// Whether it can forget the positions from `length` on: with a recurrent state only all of them, or none.
  bool canTruncate(uint32_t length) const { return !states || length == 0 || length >= positions; }
  /// Forgets positions from `length` on (no effect if there are none); canTruncate must hold.
  void truncate(uint32_t length);
  /// A sequence with the first `length` positions of this one (which canTruncate would leave), sharing its pages.
  Sequence fork(uint32_t length) const;
  Sequence fork() const { return fork(positions); }

private:
  void release();
  void releaseState();
  void prepareState();

  std::shared_ptr<PagePool> pool, states; ///< states: null where the model has none
  std::vector<int32_t> table;
  int32_t state = -1;
  uint32_t positions = 0;
};

} // namespace lathe

#endif
