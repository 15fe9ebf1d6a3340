//===- HuggingFace.cpp - a folder of config.json and safetensors --------------------------------------------------===//
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/Quantized.h"
#include "compiler/spec/Safetensors.h"
#include "compiler/spec/TransformersConfig.h"
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "compiler/support/Error.h"
#include "llvm/Support/Path.h"
#include <set>

namespace lathe {

using nlohmann::json;
namespace path = llvm::sys::path;

/// Python writes Infinity and NaN where JSON has no number: they become null, a limit that is none.
static std::string withoutInfinities(llvm::StringRef text) {
  std::string result;
  for (bool quoted = false; !text.empty();) {
    if (!quoted && (text.consume_front("Infinity") || text.consume_front("-Infinity") || text.consume_front("NaN"))) {
      result += "null";
      continue;
    }
    const size_t taken = quoted && text.front() == '\\' && text.size() > 1 ? 2 : 1; // an escaped quote ends nothing
    quoted ^= text.front() == '"';
    result += text.take_front(taken);
    text = text.drop_front(taken);
  }
  return result;
}

static llvm::Error readConfig(const std::string &file, Checkpoint &checkpoint) {
  constexpr uint64_t limit = 16 << 20;
  llvm::Expected<std::string> text = readSmallFile(file, limit);
  if (!text)
    return text.takeError();
  llvm::Expected<json> config = parseJson(withoutInfinities(*text), file);
  if (!config)
    return config.takeError();
  if (!config->is_object())
    return makeError("{0}: is not a JSON object", file);
  if (llvm::Error error = refuseQuantized(*config, file))
    return error;
  checkpoint.file = file;
  checkpoint.config = std::move(*config);
  auto type = checkpoint.config.find("model_type");
  if (type == checkpoint.config.end() || !type->is_string())
    return makeError("{0}: model_type is missing: the configuration does not say what model this is", file);
  checkpoint.architecture = type->get<std::string>();
  if (auto name = checkpoint.config.find("_name_or_path"); name != checkpoint.config.end() && name->is_string())
    checkpoint.name = name->get<std::string>();
  return completeTransformers(checkpoint);
}

/// The shards that model.safetensors.index.json maps its tensors to.
static llvm::Expected<std::set<std::string>> readIndex(const std::string &file) {
  constexpr uint64_t limit = 100'000'000;
  llvm::Expected<std::string> text = readSmallFile(file, limit);
  if (!text)
    return text.takeError();
  llvm::Expected<json> index = parseJson(*text, file);
  if (!index)
    return index.takeError();
  if (!index->is_object() || !index->contains("weight_map") || !(*index)["weight_map"].is_object())
    return makeError("{0}: weight_map is missing", file);
  std::set<std::string> shards;
  for (const auto &[tensor, shard] : (*index)["weight_map"].items()) {
    // A shard lies in the folder itself: a name with a separator could reach any file.
    if (!shard.is_string() || path::filename(shard.get<std::string>()) != shard.get<std::string>() ||
        shard.get<std::string>().empty())
      return makeError("{0}: the shard of tensor '{1}' is not a file name", file, printable(tensor));
    shards.insert(shard.get<std::string>());
  }
  return shards;
}

/// Matrices in MXFP4 are two tensors of bytes: NAME_blocks [..., columns / 32, 16], two codes a byte, and NAME_scales
/// [..., columns / 32]. The former become the matrices.
static void joinMxfp4(Checkpoint &checkpoint) {
  for (Tensor &blocks : checkpoint.tensors) {
    llvm::StringRef name = blocks.name;
    if (!name.consume_back("_blocks") || blocks.format || !blocks.data || blocks.shape.size() < 2 ||
        blocks.shape.back() != 16)
      continue;
    const Tensor *scales = checkpoint.find((name + "_scales").str());
    if (!scales || scales->format || !scales->data ||
        llvm::ArrayRef(scales->shape) != llvm::ArrayRef(blocks.shape).drop_back())
      continue;
    blocks.format = Format::MXFP4;
    blocks.formatName = "MXFP4";
    blocks.shape = scales->shape;
    blocks.shape.back() *= blockColumns(Format::MXFP4);
    blocks.scales = scales->data;
  }
}

/// The tokenizer that lies in the folder, if one does.
static llvm::Error addTokenizer(llvm::StringRef folder, Checkpoint &checkpoint) {
  llvm::Expected<std::shared_ptr<TokenizerSource>> tokenizer = readTokenizerFolder(folder);
  if (!tokenizer)
    return tokenizer.takeError();
  checkpoint.tokenizer = std::move(*tokenizer);
  return llvm::Error::success();
}

llvm::Expected<Checkpoint> readHuggingFace(llvm::StringRef folder) {
  Checkpoint checkpoint;
  checkpoint.style = Checkpoint::Style::HuggingFace;
  const std::string config = inFolder(folder, "config.json");
  if (!isThere(config))
    return makeError("{0}: a folder with neither config.json (Hugging Face) nor params.json (Meta) is no checkpoint",
                     folder);
  if (llvm::Error error = readConfig(config, checkpoint))
    return std::move(error);
  if (checkpoint.name.empty())
    checkpoint.name = nameOfPath(folder);

  std::set<std::string> shards = {"model.safetensors"};
  const std::string index = inFolder(folder, "model.safetensors.index.json");
  if (!isThere(inFolder(folder, "model.safetensors"))) {
    if (!isThere(index))
      return makeError("{0}: has neither model.safetensors nor model.safetensors.index.json", folder);
    llvm::Expected<std::set<std::string>> named = readIndex(index);
    if (!named)
      return named.takeError();
    shards = std::move(*named);
  }
  for (const std::string &shard : shards)
    if (llvm::Error error = addSafetensors(inFolder(folder, shard), checkpoint))
      return std::move(error);
  joinMxfp4(checkpoint);
  if (llvm::Error error = addTokenizer(folder, checkpoint))
    return std::move(error);
  return checkpoint;
}

llvm::Expected<Checkpoint> readSafetensorsFile(llvm::StringRef file) {
  Checkpoint checkpoint;
  checkpoint.style = Checkpoint::Style::HuggingFace;
  checkpoint.file = file.str();
  if (const std::string config = inFolder(path::parent_path(file), "config.json"); isThere(config))
    if (llvm::Error error = readConfig(config, checkpoint))
      return std::move(error);
  if (llvm::Error error = addSafetensors(file, checkpoint))
    return std::move(error);
  joinMxfp4(checkpoint);
  if (llvm::Error error = addTokenizer(path::parent_path(file), checkpoint))
    return std::move(error);
  return checkpoint;
}

} // namespace lathe
