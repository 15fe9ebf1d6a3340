#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/FileKind.h"
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

/// An adapter changes a model's weights, and transformers loads one that lies beside its model: left out, the numbers
/// would be others.
static llvm::Error refuseAdapter(llvm::StringRef folder) {
  for (const char *name : {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}) {
    const std::string file = inFolder(folder, name);
    if (isThere(file))
      return makeError("{0}: an adapter (PEFT, LoRA) lies {1}; merge it into its model (in Python: "
                       "model.merge_and_unload().save_pretrained(...)){2}",
                       file, isThere(inFolder(folder, "config.json")) ? "beside the model" : "here without a model",
                       isThere(inFolder(folder, "config.json")) ? " or take it out of the folder" : "");
  }
  return llvm::Error::success();
}

/// Weights in a folder that no reader of folders takes: says what they are.
static llvm::Error refuseOtherWeights(llvm::StringRef folder) {
  if (isThere(inFolder(folder, "model.safetensors")) || isThere(inFolder(folder, "model.safetensors.index.json")))
    return llvm::Error::success();
  static constexpr const char *kWeightFiles[] = {"pytorch_model", "tf_model", "flax_model", "model", "consolidated"};
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    files.push_back(entry->path());
  llvm::sort(files); // the folder has no order of its own
  for (const std::string &file : files) {
    const llvm::StringRef name = llvm::sys::path::filename(file);
    if (name.ends_with(".gguf"))
      return makeError("{0}: is a folder with a GGUF in it; the file itself would be right: {1}", folder, file);
    if (name.ends_with(".json") || name.ends_with(".safetensors") ||
        llvm::none_of(kWeightFiles, [&](const char *begin) { return name.starts_with(begin); }))
      continue;
    if (llvm::Expected<FileKind> kind = kindOf(file); !kind)
      return kind.takeError();
  }
  return llvm::Error::success();
}

static llvm::Expected<Checkpoint> readFolder(llvm::StringRef folder) {
  if (isThere(inFolder(folder, "model.so")) && isThere(inFolder(folder, "weights.bin")))
    return makeError("{0}: is a bundle, compiled already; what it was compiled from would be right", folder);
  if (llvm::Error error = refuseAdapter(folder))
    return std::move(error);
  if (isThere(inFolder(folder, "params.json")) && !isThere(inFolder(folder, "config.json")))
    return readMeta(folder);
  if (llvm::Error error = refuseOtherWeights(folder))
    return std::move(error);
  return readHuggingFace(folder);
}

static llvm::Expected<Checkpoint> readAny(llvm::StringRef path) {
  llvm::Expected<FileKind> kind = kindOf(path);
  if (!kind)
    return kind.takeError();
  switch (*kind) {
  case FileKind::Folder:
    return readFolder(path);
  case FileKind::Spec:
    return makeError("{0}: is a spec, which has no weights; a checkpoint would be right", path);
  case FileKind::Gguf:
    return readGguf(path);
  case FileKind::Llama2c:
    return readLlama2c(path);
  case FileKind::Safetensors:
    break;
  }
  if (llvm::Error error = refuseAdapter(llvm::sys::path::parent_path(path)))
    return std::move(error);
  return readSafetensorsFile(path);
}

llvm::Expected<Checkpoint> readCheckpoint(llvm::StringRef path) {
  llvm::Expected<Checkpoint> checkpoint = readAny(path);
  if (checkpoint)
    for (const Tensor &tensor : checkpoint->tensors)
      if (llvm::StringRef(tensor.name).contains("lora_"))
        return makeError("{0}: tensor '{1}' is of an adapter (LoRA); the model with it merged in would be right", path,
                         printable(tensor.name));
  return checkpoint;
}

} // namespace lathe
