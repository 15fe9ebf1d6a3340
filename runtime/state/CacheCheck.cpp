#include "runtime/state/CacheCheck.h"
#include <algorithm>

namespace lathe {

std::optional<CacheFault> findNonFinite(const lathe_cache &cache, const PagePool &pool, const Sequence &sequence,
                                        uint32_t first, uint32_t count) {
  std::optional<CacheFault> found;
  for (uint32_t at = first, next; at < first + count; at = next) {
    const uint32_t logical = at / LATHE_PAGE_POSITIONS, start = logical * LATHE_PAGE_POSITIONS;
    next = std::min(first + count, start + LATHE_PAGE_POSITIONS);
    std::optional<CacheFault> fault =
        pool.memory().findNonFinite(cache, sequence.pages()[logical], at - start, next - start);
    if (fault && (!found || fault->layer < found->layer)) { // what a layer got wrong, later ones may have from it
      fault->position += start;
      found = fault;
    }
  }
  return found;
}

} // namespace lathe
