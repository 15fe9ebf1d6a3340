#include "runtime/state/KvPool.h"
#include <cstring>
#include <limits>

namespace lathe {

Result<std::shared_ptr<KvPool>> KvPool::create(const KvLayout &layout, uint32_t capacity) {
  if (capacity == 0)
    return error(layout.what, ": a capacity of 0 pages; at least 1 is needed");
  if (capacity >= uint32_t(std::numeric_limits<int32_t>::max()))
    return error(layout.what, ": ", capacity, " pages; page numbers are 31 bits wide");
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(uint64_t(capacity) + 1, layout.pageBytes, &bytes) ||
      __builtin_mul_overflow(bytes, layout.layers, &bytes))
    return error(layout.what, ": ", capacity, " pages of ", layout.layers, " x ", layout.pageBytes,
                 " bytes are more than an address space");
  // Small pages of the system: a short sequence touches a little of each layer, and big ones would be zeroed whole.
  Result<AlignedBuffer> memory = AlignedBuffer::create(bytes, layout.what);
  if (!memory)
    return memory.takeError();
  return std::shared_ptr<KvPool>(new KvPool(layout, capacity, memory.take()));
}

KvPool::KvPool(const KvLayout &layout, uint32_t capacity, AlignedBuffer memory)
    : shape(layout), memory(std::move(memory)), references(size_t(capacity) + 1) {
  references[kSinkPage] = 1;
}

int32_t KvPool::allocate() {
  int32_t page;
  if (!recycled.empty()) {
    page = recycled.back();
    recycled.pop_back();
    // What an earlier sequence left must not reach this one, not even as 0 * x in a masked product.
    for (uint32_t layer = 0; layer < shape.layers; ++layer)
      std::memset(memory.data() + layer * layerBytes() + uint64_t(page) * shape.pageBytes, 0, shape.pageBytes);
  } else if (size_t(firstFresh) < references.size()) {
    page = firstFresh++;
  } else {
    return -1;
  }
  ++used;
  references[size_t(page)] = 1;
  return page;
}

void KvPool::release(int32_t page) {
  assert(page != kSinkPage && references[size_t(page)] > 0 && "released a page that nobody holds");
  if (--references[size_t(page)] > 0)
    return;
  --used;
  recycled.push_back(page);
}

void KvPool::copy(int32_t from, int32_t to) {
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    uint8_t *base = memory.data() + layer * layerBytes();
    std::memcpy(base + uint64_t(to) * shape.pageBytes, base + uint64_t(from) * shape.pageBytes, shape.pageBytes);
  }
}

} // namespace lathe
