//===- MemoryFile.h - a file that is in no folder -----------------------------------------------------*- C++ -*-===//
//
// For code and programs that write to names only: nothing of it is left by an interruption or on a full disk. Free of
// LLVM, whose headers Halide's half of the compiler does not see.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SUPPORT_MEMORYFILE_H
#define LATHE_COMPILER_SUPPORT_MEMORYFILE_H

#include <fstream>
#include <iterator>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace lathe {

class MemoryFile {
public:
  MemoryFile() : fd(memfd_create("lathe", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd >= 0)
      close(fd);
  }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  /// Whether the system had one to give; errno says why not.
  explicit operator bool() const { return fd >= 0; }
  /// For this process and those that it starts.
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd); }
  std::string bytes() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

private:
  const int fd;
};

} // namespace lathe

#endif
