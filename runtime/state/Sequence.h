//===- Sequence.h - one sequence's pages of the KV cache ------------------------------------------------*- C++ -*-===//
//
// A sequence has `length` positions in pages of 64: logical page i holds positions 64 i .. 64 i + 63. Pages are shared
// by reference count: a fork shares them all, and whoever writes first into a shared page gets a copy of its own.
//
//   prepare(n)  pages for n more positions, writable by this sequence alone
//   commit(n)   the step has written them: length += n
//
// Not thread-safe: a sequence belongs to its context's thread.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_STATE_SEQUENCE_H
#define LATHE_RUNTIME_STATE_SEQUENCE_H

#include "runtime/state/KvPool.h"
#include <memory>
#include <span>
#include <vector>

namespace lathe {

class Sequence {
public:
  /// An empty sequence.
  explicit Sequence(std::shared_ptr<KvPool> pool) : pool(std::move(pool)) {}
  Sequence(Sequence &&other) noexcept = default;
  Sequence &operator=(Sequence &&other) noexcept;
  ~Sequence() { release(); }

  uint32_t length() const { return positions; }
  /// Positions that fit before the sequence has its full length.
  uint32_t room() const { return pool->layout().maxPositions - positions; }
  /// Pages of the pool by logical page.
  std::span<const int32_t> pages() const { return table; }
  const KvPool *owner() const { return pool.get(); }

  /// Makes positions length .. length + count - 1 writable. Fails, changing nothing that can be seen, where the
  /// sequence would pass its full length or the pool has no free page.
  Result<void> prepare(uint32_t count);
  /// Counts `count` prepared positions as written.
  void commit(uint32_t count);

  /// Forgets positions from `length` on (no effect if there are none).
  void truncate(uint32_t length);
  /// A sequence with the first `length` positions of this one, sharing its pages.
  Sequence fork(uint32_t length) const;
  Sequence fork() const { return fork(positions); }

private:
  void release();

  std::shared_ptr<KvPool> pool;
  std::vector<int32_t> table;
  uint32_t positions = 0;
};

} // namespace lathe

#endif
