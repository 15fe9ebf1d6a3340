//===- MappedFile.h - a file as read-only memory --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_CORE_MAPPEDFILE_H
#define LATHE_RUNTIME_CORE_MAPPEDFILE_H

#include "runtime/core/Result.h"
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace lathe {

/// A whole regular file, mapped read-only. Move-only; unmaps when it goes.
class MappedFile {
public:
  enum class Access { Random, Sequential, WillNeed };

  /// An empty file maps to an empty span. Fails where `path` cannot be read or is not a regular file.
  static Result<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {base, length}; }
  const uint8_t *data() const { return base; }
  size_t size() const { return length; }
  /// Tells the system how the file will be read. A hint: never fails.
  void advise(Access access) const;

private:
  MappedFile(const uint8_t *base, size_t length) : base(base), length(length) {}

  const uint8_t *base = nullptr;
  size_t length = 0;
};

} // namespace lathe

#endif
