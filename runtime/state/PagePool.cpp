#include "runtime/state/PagePool.h"
#include <limits>

namespace lathe {

Result<std::shared_ptr<PagePool>> PagePool::create(const Device &device, const PageLayout &layout, uint32_t capacity) {
  if (capacity == 0)
    return error(layout.what, ": a capacity of 0 pages; at least 1 is needed");
  if (capacity >= uint32_t(std::numeric_limits<int32_t>::max()))
    return error(layout.what, ": ", capacity, " pages; page numbers are 31 bits wide");
  Result<std::unique_ptr<PageMemory>> pages =
      device.createPages({layout.layers, layout.pageBytes, capacity + 1, layout.what});
  if (!pages)
    return pages.takeError();
  return std::shared_ptr<PagePool>(new PagePool(layout, capacity, pages.take()));
}

PagePool::PagePool(const PageLayout &layout, uint32_t capacity, std::unique_ptr<PageMemory> pages)
    : shape(layout), pages(std::move(pages)), references(size_t(capacity) + 1) {
  references[kSinkPage] = 1;
}

int32_t PagePool::allocate() {
  int32_t page;
  if (!recycled.empty()) {
    page = recycled.back();
    recycled.pop_back();
    // What an earlier sequence left must not reach this one, not even as 0 * x in a masked product.
    pages->zero(page);
  } else if (size_t(firstFresh) < references.size()) {
    page = firstFresh++;
  } else {
    return -1;
  }
  ++used;
  references[size_t(page)] = 1;
  return page;
}

void PagePool::release(int32_t page) {
  assert(page != kSinkPage && references[size_t(page)] > 0 && "released a page that nobody holds");
  if (--references[size_t(page)] > 0)
    return;
  --used;
  recycled.push_back(page);
}

} // namespace lathe
