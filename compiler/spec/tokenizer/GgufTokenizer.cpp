//===- GgufTokenizer.cpp - a TokenizerSource from GGUF's metadata -------------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"

namespace lathe {

std::optional<TokenizerSource::Merge> splitMerge(llvm::StringRef merge) {
  size_t space = merge.find(' ', 1);
  if (space == llvm::StringRef::npos || space + 1 == merge.size())
    return std::nullopt;
  return TokenizerSource::Merge{merge.take_front(space).str(), merge.drop_front(space + 1).str()};
}

/// UGM, as llama.cpp calls it: SentencePiece's map of characters, spaces collapsed, then U+2581 for spaces.
static SentencePieceNormalizer sentencePieceNormalizer(const TokenizerMetadata &metadata, bool prefix) {
  SentencePieceNormalizer normalizer;
  normalizer.collapse = metadata.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  normalizer.prefix = prefix || normalizer.collapse; // so llama.cpp has it
  std::optional<std::vector<int32_t>> map = metadata.integers("tokenizer.ggml.precompiled_charsmap");
  for (int32_t byte : map.value_or(std::vector<int32_t>()))
    normalizer.charsMap.push_back(char(byte));
  return normalizer;
}

llvm::Expected<TokenizerSource> tokenizerFromGguf(const TokenizerMetadata &metadata, llvm::StringRef file) {
  TokenizerSource source;
  source.file = file.str();
  std::optional<std::string> model = metadata.string("tokenizer.ggml.model");
  if (!model)
    return makeError("{0}: tokenizer.ggml.model is missing: the file carries no tokenizer", file);
  source.model = *model == "t5" ? "unigram" : *model == "gemma4" ? "gpt2" : *model;
  std::optional<std::vector<std::string>> tokens = metadata.strings("tokenizer.ggml.tokens");
  if (!tokens)
    return makeError("{0}: tokenizer.ggml.tokens is missing or is no list of strings", file);
  source.tokens = std::move(*tokens);
  if (std::optional<std::vector<float>> scores = metadata.floats("tokenizer.ggml.scores"))
    source.scores.assign(scores->begin(), scores->end());
  source.types = metadata.integers("tokenizer.ggml.token_type").value_or(std::vector<int32_t>());
  // llama.cpp looks for user-defined tokens in the text as it is: such a spelling only merges lead to.
  for (size_t i = 0; source.model == "llama" && i < std::min(source.tokens.size(), source.types.size()); i++)
    if (source.types[i] == LATHE_TOKEN_USER_DEFINED && llvm::StringRef(source.tokens[i]).contains("\u2581"))
      source.types[i] = LATHE_TOKEN_NORMAL;
  std::vector<std::string> merges = metadata.strings("tokenizer.ggml.merges").value_or(std::vector<std::string>());
  if (source.model == "gpt2" && merges.empty())
    return makeError("{0}: tokenizer.ggml.merges is missing or empty; a byte-level BPE vocabulary needs it", file);
  for (size_t i = 0; i < merges.size(); i++) {
    std::optional<TokenizerSource::Merge> merge = splitMerge(merges[i]);
    if (!merge)
      return makeError("{0}: tokenizer: merge {1} is \"{2}\"; it must be two spellings with a space between", file, i,
                       printable(merges[i]));
    source.merges.push_back(std::move(*merge));
  }

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

  bool wantsBos = source.model == "llama";
  bool prefix = metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  if (source.model == "gpt2") {
    std::string pre = *model == "gemma4" ? *model : metadata.string("tokenizer.ggml.pre").value_or("");
    llvm::Expected<bool> added = addPreTokenizer(source, pre);
    if (!added)
      return added.takeError();
    wantsBos = *added;
    source.dropUnknown = true; // as llama.cpp does with bytes that a vocabulary lacks
  } else if (source.model == "llama") {
    addSpaceSteps(source, {.charsMap = "", .prefix = prefix});
  } else if (source.model == "unigram") {
    addUnigramSteps(source, sentencePieceNormalizer(metadata, prefix));
    source.fuseUnknown = source.byteFallback = true;
  }
  if (source.bos && metadata.boolean("tokenizer.ggml.add_bos_token").value_or(wantsBos))
    source.opening = {*source.bos};
  if (source.eos && metadata.boolean("tokenizer.ggml.add_eos_token").value_or(source.model == "unigram"))
    source.closing = {*source.eos};
  source.chatTemplate = metadata.string("tokenizer.chat_template").value_or("");
  return source;
}

} // namespace lathe
