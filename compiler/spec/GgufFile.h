//===- GgufFile.h - the container: metadata and tensor table of a GGUF --------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_GGUFFILE_H
#define LATHE_COMPILER_SPEC_GGUFFILE_H

#include "compiler/support/File.h"
#include "llvm/ADT/StringMap.h"
#include <optional>
#include <vector>

namespace lathe {

/// Value types of GGUF's metadata, by the numbers of the format.
enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
inline constexpr uint32_t ggufTypeCount = 13;

/// Bytes of a scalar type; 0 for strings and arrays.
uint64_t ggufScalarBytes(GgufType type);

/// One metadata value, left in the mapped file. A scalar has count 1; an array has its elements' type.
struct GgufValue {
  GgufType type = GgufType::U8;
  bool isArray = false;
  uint64_t count = 1;
  const uint8_t *data = nullptr;

  /// The number or boolean at `index`; nothing for strings.
  std::optional<double> number(uint64_t index = 0) const;
  /// Only for whole-number and boolean types that fit.
  std::optional<int64_t> integer(uint64_t index = 0) const;
  /// The text of a scalar string.
  std::optional<llvm::StringRef> string() const;
  /// Calls `visit` with each string of an array of strings, in order; false when the value is none.
  bool forEachString(llvm::function_ref<void(llvm::StringRef)> visit) const;
};

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> extents; ///< innermost first, as the file has them
  uint32_t type = 0;             ///< ggml_type
  uint64_t offset = 0; ///< from `dataStart`; a multiple of the alignment, not yet held against the file's size
};

/// Parsed header; values point into `file`.
struct GgufFile {
  std::shared_ptr<const InputFile> file;
  std::vector<std::pair<std::string, GgufValue>> metadata; ///< in file order
  llvm::StringMap<size_t> metadataIndex;
  std::vector<GgufTensor> tensors;
  uint64_t dataStart = 0;

  const GgufValue *find(llvm::StringRef key) const {
    auto found = metadataIndex.find(key);
    return found == metadataIndex.end() ? nullptr : &metadata[found->second].second;
  }

  /// Checks every length and count of the header against the file. Errors name the file and the key or tensor.
  static llvm::Expected<GgufFile> read(llvm::StringRef path);
};

} // namespace lathe

#endif
