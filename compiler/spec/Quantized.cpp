#include "compiler/spec/Quantized.h"
#include "compiler/spec/Safetensors.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "llvm/Support/Path.h"

namespace lathe {

using nlohmann::json;

/// "gptq, 4 bits": what the object says of the method; "" where it is one that Lathe reads.
static std::string methodOf(const json &quantization, llvm::StringRef usual) {
  std::string method = usual.str();
  int64_t bits = 0;
  auto text = [&](const json &in, const char *key) {
    if (auto found = in.find(key); found != in.end() && found->is_string())
      method = printable(found->get<std::string>(), 40);
  };
  if (quantization.is_object()) {
    text(quantization, "quant_algo"); // NVIDIA's ModelOpt
    text(quantization, "quant_method");
    for (const char *key : {"bits", "w_bit", "nbits"})
      if (auto found = quantization.find(key); found != quantization.end() && found->is_number_integer())
        bits = found->get<int64_t>();
    for (auto [key, stands] : {std::pair("load_in_4bit", 4), {"load_in_8bit", 8}})
      if (auto found = quantization.find(key); found != quantization.end() && *found == true)
        bits = stands;
  }
  if (method == "mxfp4")
    return "";
  return bits ? method + ", " + std::to_string(bits) + " bits" : method;
}

static llvm::Error refuse(llvm::StringRef file, const std::string &where, const std::string &method) {
  return makeError(
      "{0}: {1}weights quantised by {2} are not read; the checkpoint that they were made from, or its GGUF, "
      "would be right",
      file, where, method);
}

llvm::Error refuseQuantized(const json &config, llvm::StringRef file) {
  // Keys by who writes them; the last is MLX's. Parts that are a configuration of their own may have theirs.
  static constexpr std::pair<const char *, const char *> keys[] = {{"quantization_config", "an unnamed method"},
                                                                   {"compression_config", "compressed-tensors"},
                                                                   {"quantization", "MLX"},
                                                                   {"quantization_args", "Meta's torchao"}};
  for (const char *part : {"", "text_config", "llm_config", "language_config"}) {
    auto inner = config.find(part);
    if (*part && (inner == config.end() || !inner->is_object()))
      continue;
    const json &object = *part ? *inner : config;
    for (auto [key, usual] : keys)
      if (auto found = object.find(key); found != object.end() && !found->is_null() && *found != false)
        if (std::string method = methodOf(*found, usual); !method.empty())
          return refuse(file, (*part ? std::string(part) + "." : "") + key + ": ", method);
  }
  // Written beside config.json by AutoGPTQ, AutoAWQ and ModelOpt.
  const llvm::StringRef folder = llvm::sys::path::parent_path(file);
  for (auto [name, usual] : {std::pair("quantize_config.json", "gptq"),
                             {"quant_config.json", "awq"},
                             {"hf_quant_config.json", "modelopt"}}) {
    const std::string beside = inFolder(folder, name);
    if (!isThere(beside))
      continue;
    llvm::Expected<std::string> text = readSmallFile(beside, 16 << 20);
    if (!text)
      return text.takeError();
    llvm::Expected<json> said = parseJson(*text, beside);
    if (!said)
      return said.takeError();
    const bool nested = said->is_object() && said->contains("quantization");
    if (std::string method = methodOf(nested ? (*said)["quantization"] : *said, usual); !method.empty())
      return refuse(beside, "", method);
  }
  return llvm::Error::success();
}

} // namespace lathe
