//===- Meta.cpp - a folder of params.json and safetensors ---------------------------------------------------------===//
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/Quantized.h"
#include "compiler/spec/Readers.h"
#include "compiler/spec/Safetensors.h"
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace lathe {

using nlohmann::json;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// Files of weights in the folder whose names end so, sorted.
static llvm::Expected<std::vector<std::string>> weightFiles(llvm::StringRef folder, llvm::StringRef ending) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (llvm::StringRef name = path::filename(entry->path());
        name.ends_with(ending) && (name.starts_with("consolidated") || name.starts_with("model")))
      files.push_back(entry->path());
  if (error)
    return makeError("{0}: {1}", folder, error.message());
  llvm::sort(files);
  return files;
}

llvm::Expected<Checkpoint> readMeta(llvm::StringRef folder) {
  constexpr uint64_t limit = 1 << 20;
  Checkpoint checkpoint;
  checkpoint.style = Checkpoint::Style::Meta;
  checkpoint.architecture = "meta";
  checkpoint.name = nameOfPath(folder);
  checkpoint.file = inFolder(folder, "params.json");
  llvm::Expected<std::string> text = readSmallFile(checkpoint.file, limit);
  if (!text)
    return text.takeError();
  llvm::Expected<json> config = parseJson(*text, checkpoint.file);
  if (!config)
    return config.takeError();
  if (!config->is_object())
    return makeError("{0}: is not a JSON object", checkpoint.file);
  if (llvm::Error error = refuseQuantized(*config, checkpoint.file))
    return std::move(error);
  checkpoint.config = std::move(*config);
  if (llvm::Error error = completeKeys(checkpoint))
    return std::move(error);

  llvm::Expected<std::vector<std::string>> tensors = weightFiles(folder, ".safetensors");
  if (tensors && tensors->empty())
    tensors = weightFiles(folder, ".pth"); // pickles, which is then said
  if (!tensors)
    return tensors.takeError();
  if (tensors->empty())
    return makeError("{0}: has params.json, but neither model*.safetensors nor consolidated*.safetensors", folder);
  for (const std::string &shard : *tensors)
    if (llvm::Error error = addSafetensors(shard, checkpoint))
      return std::move(error);
  llvm::Expected<std::shared_ptr<TokenizerSource>> tokenizer = readTokenizerFolder(folder);
  if (!tokenizer)
    return tokenizer.takeError();
  checkpoint.tokenizer = std::move(*tokenizer);
  return checkpoint;
}

} // namespace lathe
