#include "runtime/core/AlignedBuffer.h"
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace lathe {

Result<AlignedBuffer> AlignedBuffer::create(size_t bytes, const char *what, Pages pages) {
  if (bytes == 0)
    bytes = 1; // an address of its own all the same
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /*fd=*/-1,
                       /*offset=*/0);
  if (address == MAP_FAILED)
    return error(what, ": no memory for ", bytes, " bytes: ", std::strerror(errno));
  if (pages != Pages::Normal) // a hint: works without
    (void)madvise(address, bytes, pages == Pages::Huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return AlignedBuffer(static_cast<uint8_t *>(address), bytes);
}

AlignedBuffer::AlignedBuffer(AlignedBuffer &&other) noexcept
    : base(std::exchange(other.base, nullptr)), length(std::exchange(other.length, 0)) {}

AlignedBuffer &AlignedBuffer::operator=(AlignedBuffer &&other) noexcept {
  std::swap(base, other.base);
  std::swap(length, other.length);
  return *this;
}

AlignedBuffer::~AlignedBuffer() {
  if (base)
    munmap(base, length);
}

} // namespace lathe
