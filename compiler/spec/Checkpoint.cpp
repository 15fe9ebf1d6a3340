#include "compiler/spec/Checkpoint.h"
#include "compiler/support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace lathe {

llvm::Error Checkpoint::add(Tensor tensor) {
  if (!tensorIndex.try_emplace(tensor.name, tensors.size()).second)
    return makeError("{0}: tensor '{1}' is there twice", file, printable(tensor.name));
  tensors.push_back(std::move(tensor));
  return llvm::Error::success();
}

std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape) {
  constexpr int64_t limit = int64_t(1) << 40;
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 1 || extent > limit / count)
      return std::nullopt;
    count *= extent;
  }
  return count;
}

std::optional<int64_t> countBytes(Format format, llvm::ArrayRef<int64_t> shape) {
  std::optional<int64_t> elements = countElements(shape);
  if (!elements || (blockColumns(format) > 1 && (shape.empty() || shape.back() % blockColumns(format) != 0)))
    return std::nullopt;
  return rowBytes(format, *elements);
}

llvm::Expected<Checkpoint> readCheckpoint(llvm::StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return makeError("{0}: {1}", path, error.message());
  if (status.type() == llvm::sys::fs::file_type::directory_file) {
    auto has = [&](const char *file) {
      llvm::SmallString<128> full(path);
      llvm::sys::path::append(full, file);
      return llvm::sys::fs::exists(full);
    };
    return has("params.json") && !has("config.json") ? readMeta(path) : readHuggingFace(path);
  }
  if (path.ends_with(".safetensors"))
    return readSafetensorsFile(path);
  if (path.ends_with(".bin"))
    return readLlama2c(path);
  return readGguf(path);
}

} // namespace lathe
