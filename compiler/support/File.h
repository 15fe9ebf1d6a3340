//===- File.h - reading files that nobody vouches for -------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_FILE_H
#define LATHE_COMPILER_SUPPORT_FILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include <cstdint>
#include <memory>
#include <string>

namespace lathe {

/// A regular file mapped for reading. Immutable, shared by whoever reads from it.
class InputFile {
public:
  /// A link that leads nowhere and a git-lfs pointer are errors that say so.
  static llvm::Expected<std::shared_ptr<const InputFile>> open(llvm::StringRef path);

  const std::string &path() const { return name; }
  /// The whole file; empty for an empty file.
  llvm::ArrayRef<uint8_t> bytes() const { return {reinterpret_cast<const uint8_t *>(region.const_data()), size}; }
  /// Hash of what tells this file from another without reading it: size, time of the last change.
  uint64_t identity() const { return hash; }

private:
  InputFile() = default;
  std::string name;
  llvm::sys::fs::mapped_file_region region;
  size_t size = 0;
  uint64_t hash = 0;
};

/// Whether something of that name is there, be it a link to nothing: whoever opens it is told so.
bool isThere(const llvm::Twine &path);
/// FOLDER/NAME.
std::string inFolder(llvm::StringRef folder, llvm::StringRef name);
/// The name that people know a file or folder by: of ".", ".." and "a/..", that of the folder which they lead to.
std::string nameOfPath(llvm::StringRef path);

/// The text of a regular file of at most `limit` bytes.
llvm::Expected<std::string> readSmallFile(llvm::StringRef path, uint64_t limit);

} // namespace lathe

#endif
