//===- GgufTokenizer.cpp - a TokenizerSource from GGUF's metadata -------------------------------------------------===//
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"

namespace lathe {

llvm::Expected<TokenizerSource> tokenizerFromGguf(const TokenizerMetadata &metadata, llvm::StringRef file) {
  TokenizerSource source;
  source.file = file.str();
  std::optional<std::string> model = metadata.string("tokenizer.ggml.model");
  if (!model)
    return makeError("{0}: tokenizer.ggml.model is missing: the file carries no tokenizer", file);
  source.model = *model;
  source.pre = metadata.string("tokenizer.ggml.pre").value_or("");
  std::optional<std::vector<std::string>> tokens = metadata.strings("tokenizer.ggml.tokens");
  if (!tokens)
    return makeError("{0}: tokenizer.ggml.tokens is missing or is no list of strings", file);
  source.tokens = std::move(*tokens);
  source.scores = metadata.floats("tokenizer.ggml.scores").value_or(std::vector<float>());
  source.types = metadata.integers("tokenizer.ggml.token_type").value_or(std::vector<int32_t>());
  source.merges = metadata.strings("tokenizer.ggml.merges").value_or(std::vector<std::string>());

  // The format's specification gives llama's special ids defaults; other models have none.
  if (source.model == "llama") {
    source.unk = 0;
    source.bos = 1;
    source.eos = 2;
  }
  auto readId = [&](llvm::StringRef key, std::optional<int32_t> &id) -> llvm::Error {
    std::optional<int64_t> value = metadata.integer(key);
    if (!value || *value == -1 || *value == UINT32_MAX) // both are written for "none"
      return llvm::Error::success();
    if (*value < 0 || *value >= int64_t(source.tokens.size()))
      return makeError("{0}: {1} = {2} is not a token; the vocabulary has {3}", file, key, *value,
                       source.tokens.size());
    id = int32_t(*value);
    return llvm::Error::success();
  };
  std::optional<int32_t> eot, eom;
  const std::pair<llvm::StringRef, std::optional<int32_t> *> ids[] = {{"tokenizer.ggml.bos_token_id", &source.bos},
                                                                      {"tokenizer.ggml.eos_token_id", &source.eos},
                                                                      {"tokenizer.ggml.unknown_token_id", &source.unk},
                                                                      {"tokenizer.ggml.padding_token_id", &source.pad},
                                                                      {"tokenizer.ggml.eot_token_id", &eot},
                                                                      {"tokenizer.ggml.eom_token_id", &eom}};
  for (auto [key, id] : ids)
    if (llvm::Error error = readId(key, *id))
      return std::move(error);
  for (std::optional<int32_t> id : {eot, eom})
    if (id)
      source.stops.push_back(*id);

  source.addBos = metadata.boolean("tokenizer.ggml.add_bos_token");
  source.addEos = metadata.boolean("tokenizer.ggml.add_eos_token");
  source.addSpacePrefix = metadata.boolean("tokenizer.ggml.add_space_prefix");
  source.chatTemplate = metadata.string("tokenizer.chat_template").value_or("");
  return source;
}

} // namespace lathe
