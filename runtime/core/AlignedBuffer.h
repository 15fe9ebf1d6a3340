//===- AlignedBuffer.h - zeroed memory straight from the system -----------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_CORE_ALIGNEDBUFFER_H
#define LATHE_RUNTIME_CORE_ALIGNEDBUFFER_H

#include "runtime/core/Result.h"
#include <cstddef>
#include <cstdint>
#include <span>

namespace lathe {

/// Zeroed memory that starts at a page of the system (so 64-aligned, and apart from all other allocations). It is
/// address space until it is touched. Move-only.
class AlignedBuffer {
public:
  /// Huge: asks for pages of 2 MB where the system has them; Small: for those of 4 KB, whatever it would give.
  enum class Pages { Normal, Huge, Small };

  AlignedBuffer() = default;
  /// `what` names the memory in the error: "KV cache".
  static Result<AlignedBuffer> create(size_t bytes, const char *what, Pages pages = Pages::Normal);

  AlignedBuffer(AlignedBuffer &&other) noexcept;
  AlignedBuffer &operator=(AlignedBuffer &&other) noexcept;
  ~AlignedBuffer();

  uint8_t *data() { return base; }
  const uint8_t *data() const { return base; }
  size_t size() const { return length; }

  template <typename T> std::span<T> as() { return {reinterpret_cast<T *>(base), length / sizeof(T)}; }

private:
  AlignedBuffer(uint8_t *base, size_t length) : base(base), length(length) {}

  uint8_t *base = nullptr;
  size_t length = 0;
};

} // namespace lathe

#endif
