#include "runtime/core/MappedFile.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe {

Result<MappedFile> MappedFile::open(const std::string &path) {
  // Not blocking: a named pipe in the file's place is refused below, not waited for.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return error(path, ": cannot be opened: ", std::strerror(errno));
  struct stat info;
  if (fstat(file, &info) != 0) {
    const int code = errno;
    close(file);
    return error(path, ": cannot be read: ", std::strerror(code));
  }
  if (!S_ISREG(info.st_mode)) {
    close(file);
    return error(path, ": is not a regular file");
  }
  const size_t size = size_t(info.st_size);
  if (size == 0) {
    close(file);
    return MappedFile(nullptr, 0);
  }
  void *address = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  const int code = errno;
  close(file);
  if (address == MAP_FAILED)
    return error(path, ": cannot be mapped (", size, " bytes): ", std::strerror(code));
  return MappedFile(static_cast<const uint8_t *>(address), size);
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : base(std::exchange(other.base, nullptr)), length(std::exchange(other.length, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(base, other.base);
  std::swap(length, other.length);
  return *this;
}

MappedFile::~MappedFile() {
  if (base)
    munmap(const_cast<uint8_t *>(base), length);
}

void MappedFile::advise(Access access) const {
  if (!base)
    return;
  const int advice = access == Access::Random       ? MADV_RANDOM
                     : access == Access::Sequential ? MADV_SEQUENTIAL
                                                    : MADV_WILLNEED;
  (void)madvise(const_cast<uint8_t *>(base), length, advice);
}

} // namespace lathe
