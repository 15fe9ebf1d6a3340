//===- KvPool.h - the pages of the KV cache -------------------------------------------------------------*- C++ -*-===//
//
// One region of memory, [layers][pages][page bytes]: page p of a sequence holds 64 positions of every layer, so a page
// number means the same place in each layer. The region is address space only until a page is written.
//
// Recurrent states are kept by the same rules, in a pool of their own: a sequence's state is one page, of all
// positions.
//
// Page 0 is the sink: never given out, it takes what the padding rows of a step write.
//
// Not thread-safe: a pool belongs to its context's thread.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_STATE_KVPOOL_H
#define LATHE_RUNTIME_STATE_KVPOOL_H

#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Result.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace lathe {

struct KvLayout {
  uint32_t layers = 0;
  uint64_t pageBytes = 0; ///< of one layer
  uint32_t pagePositions = 64;
  uint32_t maxPositions = 0;     ///< of one sequence
  const char *what = "KV cache"; ///< for messages
};

class KvPool {
public:
  static constexpr int32_t kSinkPage = 0;

  /// A pool of `capacity` pages, all free.
  static Result<std::shared_ptr<KvPool>> create(const KvLayout &layout, uint32_t capacity);

  const KvLayout &layout() const { return shape; }
  uint8_t *data() { return memory.data(); }
  /// Bytes from one layer to the next.
  uint64_t layerBytes() const { return (uint64_t(references.size())) * shape.pageBytes; }
  uint32_t capacity() const { return uint32_t(references.size() - 1); }
  uint32_t freePages() const { return capacity() - used; }

  /// A page with one reference; -1 if none is free. Its memory is zero.
  int32_t allocate();
  void retain(int32_t page) { ++references[size_t(page)]; }
  /// Drops a reference; the last one frees the page.
  void release(int32_t page);
  uint32_t referenceCount(int32_t page) const { return references[size_t(page)]; }
  /// Copies the page's memory in every layer.
  void copy(int32_t from, int32_t to);

private:
  KvPool(const KvLayout &layout, uint32_t capacity, AlignedBuffer memory);

  KvLayout shape;
  AlignedBuffer memory;
  std::vector<uint32_t> references; ///< by page, the sink's among them
  std::vector<int32_t> recycled;    ///< free pages that were used before, latest last
  int32_t firstFresh = 1;           ///< pages from here on were never used
  uint32_t used = 0;
};

} // namespace lathe

#endif
