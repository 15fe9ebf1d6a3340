//===- PagePool.h - which pages of a device's memory are whose ------------------------------------------*- C++ -*-===//
//
// The numbers of the KV cache's pages: page p of a sequence holds 64 positions of every layer, so a number means the same
// place in each layer. The memory behind them is the device's (runtime/device/Device.h).
//
// Recurrent states are kept by the same rules, in a pool of their own: a sequence's state is one page, of all
// positions.
//
// Page 0 is the sink: never given out, it takes what the padding rows of a step write.
//
// Not thread-safe: a pool belongs to its context's thread.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_STATE_PAGEPOOL_H
#define LATHE_RUNTIME_STATE_PAGEPOOL_H

#include "runtime/core/Result.h"
#include "runtime/device/Device.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace lathe {

struct PageLayout {
  uint32_t layers = 0;
  uint64_t pageBytes = 0; ///< of one layer
  uint32_t pagePositions = 64;
  uint32_t maxPositions = 0;     ///< of one sequence
  const char *what = "KV cache"; ///< for messages
};

class PagePool {
public:
  static constexpr int32_t kSinkPage = 0;

  /// A pool of `capacity` pages of `device`'s memory, all free.
  static Result<std::shared_ptr<PagePool>> create(const Device &device, const PageLayout &layout, uint32_t capacity);

  const PageLayout &layout() const { return shape; }
  PageMemory &memory() const { return *pages; }
  uint32_t capacity() const { return uint32_t(references.size() - 1); }
  uint32_t freePages() const { return capacity() - used; }

  /// A page with one reference; -1 if none is free. Its memory is zero.
  int32_t allocate();
  void retain(int32_t page) { ++references[size_t(page)]; }
  /// Drops a reference; the last one frees the page.
  void release(int32_t page);
  uint32_t referenceCount(int32_t page) const { return references[size_t(page)]; }
  /// Copies the page's memory in every layer.
  void copy(int32_t from, int32_t to) { pages->copy(from, to); }

private:
  PagePool(const PageLayout &layout, uint32_t capacity, std::unique_ptr<PageMemory> pages);

  PageLayout shape;
  std::unique_ptr<PageMemory> pages;
  std::vector<uint32_t> references; ///< by page, the sink's among them
  std::vector<int32_t> recycled;    ///< free pages that were used before, latest last
  int32_t firstFresh = 1;           ///< pages from here on were never used
  uint32_t used = 0;
};

} // namespace lathe

#endif
