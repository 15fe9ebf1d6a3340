//===- Tokenize.cpp - lathe tokenize: text to token ids and back --------------------------------------------------===//
//
// Of a bundle, or of any checkpoint file that carries a vocabulary, whether or not Lathe can compile the rest of it.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "tools/lathe/Tokenize.h"
#include "runtime/text/StreamDecoder.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Tensors.h"
#include "tools/run/Run.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <iostream>
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

struct Options {
  std::string source;
  std::optional<std::string> text;
  bool ids = false, jsonl = false, special = false;
  CheckpointTokenizer *ofCheckpoint = nullptr;
};

/// A tokenizer and what keeps its blob alive.
struct LoadedTokenizer {
  std::shared_ptr<const Model> bundle;
  std::vector<uint64_t> blob; ///< of a checkpoint; u64 for the alignment
  std::unique_ptr<Tokenizer> tokenizer;
};

llvm::Expected<LoadedTokenizer> load(const Options &options) {
  const std::string &source = options.source;
  LoadedTokenizer loaded;
  const void *blob = nullptr;
  size_t bytes = 0;
  if (isBundle(source)) {
    llvm::Expected<std::shared_ptr<const Model>> model = openToRead(source);
    if (!model)
      return model.takeError();
    loaded.bundle = std::move(*model);
    blob = loaded.bundle->tokenizerBlob().data();
    bytes = loaded.bundle->tokenizerBlob().size();
  } else {
    if (!options.ofCheckpoint)
      return llvm::make_error<NeedsCompiler>();
    llvm::Expected<std::string> built = options.ofCheckpoint(source);
    if (!built)
      return built.takeError();
    bytes = built->size();
    loaded.blob.resize((bytes + 7) / 8);
    memcpy(loaded.blob.data(), built->data(), bytes);
    blob = loaded.blob.data();
  }
  if (bytes == 0)
    return makeError(
        "{0}: carries no tokenizer; a GGUF with tokenizer.ggml.tokens, a tokenizer.json, tokenizer.model or "
        "tokenizer.bin, or a bundle of one, would be right",
        source);
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::fromBlob(blob, bytes);
  if (!tokenizer)
    return makeError("{0}: {1}", source, tokenizer.message());
  loaded.tokenizer = tokenizer.take();
  return loaded;
}

llvm::Expected<std::vector<int32_t>> encode(const Tokenizer &tokenizer, const std::string &text,
                                            const Options &options) {
  Result<std::vector<int32_t>> ids =
      tokenizer.encode(text, {.addSpecial = options.special, .parseSpecial = options.special});
  if (!ids)
    return toLlvm(ids.failure());
  return ids.take();
}

/// Valid UTF-8, whatever the ids are.
llvm::Expected<std::string> decode(const Tokenizer &tokenizer, llvm::ArrayRef<int32_t> ids, const Options &options) {
  StreamDecoder decoder(tokenizer, {.special = options.special});
  std::string text;
  for (int32_t id : ids) {
    if (id >= tokenizer.size())
      return makeError("id {0} is not in the vocabulary of {1}", id, tokenizer.size());
    text += decoder.push(id);
  }
  return text + decoder.finish();
}

/// One line of --jsonl: a string to ids, or with --ids an array to its text.
llvm::Expected<std::string> convertLine(const Tokenizer &tokenizer, const std::string &line, const Options &options) {
  auto value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!options.ids) {
    if (!value.is_string())
      return makeError("not a JSON string");
    llvm::Expected<std::vector<int32_t>> ids = encode(tokenizer, value.get<std::string>(), options);
    if (!ids)
      return ids.takeError();
    return nlohmann::json(*ids).dump();
  }
  std::vector<int32_t> ids;
  bool valid = value.is_array();
  for (size_t i = 0; valid && i < value.size(); ++i) {
    valid = value[i].is_number_unsigned() && value[i].get<uint64_t>() <= uint64_t(INT32_MAX);
    if (valid)
      ids.push_back(value[i].get<int32_t>());
  }
  if (!valid)
    return makeError("not a JSON array of token ids");
  llvm::Expected<std::string> text = decode(tokenizer, ids, options);
  if (!text)
    return text.takeError();
  return nlohmann::json(*text).dump();
}

llvm::Error convertLines(const Tokenizer &tokenizer, const Options &options) {
  std::string line;
  for (size_t number = 1; std::getline(std::cin, line); ++number) {
    llvm::Expected<std::string> out = convertLine(tokenizer, line, options);
    if (!out)
      return makeError("stdin:{0}: {1}", number, llvm::toString(out.takeError()));
    llvm::outs() << *out << '\n';
  }
  return llvm::Error::success();
}

llvm::Error tokenize(const Options &options) {
  if (options.jsonl && options.text)
    return llvm::make_error<UsageError>(
        "tokenize: --jsonl reads its lines from stdin; a text beside it has no meaning");
  llvm::Expected<LoadedTokenizer> loaded = load(options);
  if (!loaded)
    return loaded.takeError();
  const Tokenizer &tokenizer = *loaded->tokenizer;
  if (options.jsonl)
    return convertLines(tokenizer, options);
  std::string text;
  if (options.text) {
    text = *options.text;
  } else {
    auto input = llvm::MemoryBuffer::getSTDIN();
    if (!input)
      return makeError("stdin: {0}", input.getError().message());
    text = (*input)->getBuffer().str();
  }
  if (options.ids) {
    Result<std::vector<int32_t>> ids = parseIds(text, options.text ? "tokenize --ids" : "stdin");
    if (!ids)
      return makeError("{0}", ids.message());
    llvm::Expected<std::string> decoded = decode(tokenizer, *ids, options);
    if (!decoded)
      return decoded.takeError();
    llvm::outs() << *decoded << '\n';
    return llvm::Error::success();
  }
  llvm::Expected<std::vector<int32_t>> ids = encode(tokenizer, text, options);
  if (!ids)
    return ids.takeError();
  for (size_t i = 0; i < ids->size(); ++i)
    llvm::outs() << (i ? " " : "") << (*ids)[i];
  llvm::outs() << '\n';
  return llvm::Error::success();
}

} // namespace

void addTokenize(CLI::App &app, Outcome &outcome, CheckpointTokenizer *ofCheckpoint) {
  auto options = std::make_shared<Options>();
  options->ofCheckpoint = ofCheckpoint;
  CLI::App *command = app.add_subcommand("tokenize", "turn text into token ids, and back");
  command->add_option("source", options->source, "a bundle, a checkpoint, or a tokenizer.json, .model or .bin")
      ->required();
  command->add_option("text", options->text, "what to tokenize (default: stdin)");
  command->add_flag("--ids", options->ids, "the way back: ids to text");
  command->add_flag("--jsonl", options->jsonl,
                    "each line of stdin a JSON string, each line of stdout a JSON array of ids");
  command->add_flag("--special", options->special,
                    "add what the model wants at start and end; control tokens in the text are tokens");
  onChosen(*command, options, outcome, tokenize);
}

} // namespace lathe::cli
