//===- TemporaryFolder.h - where a test puts its files ------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_TEMPORARYFOLDER_H
#define LATHE_TEST_TEMPORARYFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace lathe::test {

/// A folder of its own, so that tests may run beside one another and beside themselves; gone with the object.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lathe-test-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      std::abort();
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// The path of a file in it.
  std::string file(const std::string &name) const { return path + "/" + name; }
  /// Makes a file in it and returns its path.
  std::string write(const std::string &name, std::string_view bytes) const {
    std::filesystem::remove(file(name)); // truncating in place makes ext4 wait for the disk
    std::ofstream(file(name), std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
    return file(name);
  }
  std::filesystem::path operator/(const std::string &name) const { return std::filesystem::path(path) / name; }

  std::string path;
};

} // namespace lathe::test

#endif
