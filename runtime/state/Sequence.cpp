#include "runtime/state/Sequence.h"
#include <algorithm>

namespace lathe {

namespace {
uint32_t pagesFor(uint64_t positions, uint32_t perPage) { return uint32_t((positions + perPage - 1) / perPage); }
} // namespace

Sequence &Sequence::operator=(Sequence &&other) noexcept {
  if (this == &other)
    return *this;
  release();
  pool = std::move(other.pool);
  states = std::move(other.states);
  table = std::move(other.table);
  state = std::exchange(other.state, -1);
  positions = std::exchange(other.positions, 0);
  return *this;
}

void Sequence::release() {
  for (int32_t page : table) // empty after a move
    pool->release(page);
  table.clear();
  releaseState();
  positions = 0;
}

void Sequence::releaseState() {
  if (state >= 0)
    states->release(state);
  state = -1;
}

void Sequence::prepareState() {
  if (!states || (state >= 0 && states->referenceCount(state) == 1))
    return;
  const int32_t own = states->allocate();
  if (state >= 0) {
    states->copy(state, own);
    states->release(state);
  }
  state = own;
}

Result<void> Sequence::prepare(uint32_t count) {
  const PageLayout &layout = pool->layout();
  if (count > room())
    return error("sequence full: it has ", positions, " of ", layout.maxPositions, " positions and ", count,
                 " more are asked for");
  if (count == 0)
    return {};
  // Pages from the one that the next position falls in must be ours alone; those beyond the table are new.
  const uint32_t first = positions / layout.pagePositions;
  const uint32_t last = pagesFor(uint64_t(positions) + count, layout.pagePositions);
  uint32_t wanted = 0;
  for (uint32_t i = first; i < last; ++i)
    wanted += i >= table.size() || pool->referenceCount(table[i]) > 1;
  if (wanted > pool->freePages())
    return error("KV cache full: ", wanted, " more pages are needed and ", pool->freePages(), " of ", pool->capacity(),
                 " are free (a page holds ", layout.pagePositions, " positions)");
  const bool newState = states && (state < 0 || states->referenceCount(state) > 1);
  if (newState && states->freePages() == 0)
    return error("no recurrent state is free: all ", states->capacity(), " belong to other sequences");
  prepareState();
  for (uint32_t i = first; i < last; ++i) {
    if (i >= table.size()) {
      table.push_back(pool->allocate());
    } else if (pool->referenceCount(table[i]) > 1) {
      const int32_t copy = pool->allocate();
      pool->copy(table[i], copy);
      pool->release(table[i]);
      table[i] = copy;
    }
  }
  return {};
}

void Sequence::commit(uint32_t count) {
  assert(uint64_t(positions) + count <= table.size() * uint64_t(pool->layout().pagePositions) &&
         "commit without prepare");
  positions += count;
}

void Sequence::truncate(uint32_t length) {
  assert(canTruncate(length) && "a recurrent state cannot go back");
  positions = std::min(positions, length);
  if (positions == 0)
    releaseState();
  const uint32_t keep = pagesFor(positions, pool->layout().pagePositions);
  while (table.size() > keep) {
    pool->release(table.back());
    table.pop_back();
  }
}

Sequence Sequence::fork(uint32_t length) const {
  assert(canTruncate(length) && "a recurrent state cannot go back");
  Sequence copy(pool, states);
  if (length > 0 && state >= 0) {
    copy.state = state;
    states->retain(state);
  }
  copy.positions = std::min(positions, length);
  copy.table.assign(table.begin(), table.begin() + pagesFor(copy.positions, pool->layout().pagePositions));
  for (int32_t page : copy.table)
    pool->retain(page);
  return copy;
}

} // namespace lathe
