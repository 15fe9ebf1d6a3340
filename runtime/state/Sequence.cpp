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
  table = std::move(other.table);
  positions = std::exchange(other.positions, 0);
  return *this;
}

void Sequence::release() {
  for (int32_t page : table) // empty after a move
    pool->release(page);
  table.clear();
  positions = 0;
}

Result<void> Sequence::prepare(uint32_t count) {
  const KvLayout &layout = pool->layout();
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
  positions = std::min(positions, length);
  const uint32_t keep = pagesFor(positions, pool->layout().pagePositions);
  while (table.size() > keep) {
    pool->release(table.back());
    table.pop_back();
  }
}

Sequence Sequence::fork(uint32_t length) const {
  Sequence copy(pool);
  copy.positions = std::min(positions, length);
  copy.table.assign(table.begin(), table.begin() + pagesFor(copy.positions, pool->layout().pagePositions));
  for (int32_t page : copy.table)
    pool->retain(page);
  return copy;
}

} // namespace lathe
