//===- Vocabularies.cpp - tokenizers for tests --------------------------------------------------------------------===//
#include "test/runtime/text/Vocabularies.h"
#include "compiler/spec/GgufFile.h"
#include "compiler/spec/tokenizer/ByteLevel.h"
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "runtime/abi/tokenizer_abi.h"
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace lathe::test {
namespace {

class GgufMetadata : public TokenizerMetadata {
public:
  explicit GgufMetadata(const GgufFile &file) : file(file) {}

  std::optional<std::string> string(llvm::StringRef key) const override {
    const GgufValue *value = file.find(key);
    std::optional<llvm::StringRef> text = value ? value->string() : std::nullopt;
    return text ? std::optional(text->str()) : std::nullopt;
  }
  std::optional<bool> boolean(llvm::StringRef key) const override {
    std::optional<int64_t> value = integer(key);
    return value ? std::optional(*value != 0) : std::nullopt;
  }
  std::optional<int64_t> integer(llvm::StringRef key) const override {
    const GgufValue *value = file.find(key);
    return value ? value->integer() : std::nullopt;
  }
  std::optional<std::vector<std::string>> strings(llvm::StringRef key) const override {
    const GgufValue *value = file.find(key);
    std::vector<std::string> out;
    if (!value || !value->forEachString([&](llvm::StringRef text) { out.push_back(text.str()); }))
      return std::nullopt;
    return out;
  }
  std::optional<std::vector<float>> floats(llvm::StringRef key) const override { return numbers<float>(key); }
  std::optional<std::vector<int32_t>> integers(llvm::StringRef key) const override { return numbers<int32_t>(key); }

private:
  template <typename T> std::optional<std::vector<T>> numbers(llvm::StringRef key) const {
    const GgufValue *value = file.find(key);
    if (!value || !value->isArray)
      return std::nullopt;
    std::vector<T> out;
    for (uint64_t i = 0; i < value->count; i++)
      out.push_back(T(value->number(i).value_or(0)));
    return out;
  }
  const GgufFile &file;
};

} // namespace

Loaded open(const std::string &blob) {
  Loaded loaded;
  loaded.bytes = blob.size();
  loaded.words.resize(blob.size() / 8 + 1);
  std::memcpy(loaded.words.data(), blob.data(), blob.size());
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::fromBlob(loaded.words.data(), loaded.bytes);
  if (tokenizer)
    loaded.tokenizer = tokenizer.take();
  else
    loaded.error = tokenizer.message();
  return loaded;
}

Loaded open(const TokenizerSource &source) {
  llvm::Expected<std::string> blob = buildTokenizerBlob(source);
  if (!blob) {
    Loaded loaded;
    loaded.error = llvm::toString(blob.takeError());
    return loaded;
  }
  return open(*blob);
}

TokenizerSource readGguf(const std::string &path) {
  llvm::Expected<GgufFile> file = GgufFile::read(path);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return {};
  }
  llvm::Expected<TokenizerSource> source = tokenizerFromGguf(GgufMetadata(*file), path);
  if (!source) {
    ADD_FAILURE() << llvm::toString(source.takeError());
    return {};
  }
  return std::move(*source);
}

TokenizerSource tinyByteLevel() {
  TokenizerSource source;
  source.file = "tiny.gguf";
  source.model = "gpt2";
  setPreTokenizer(source, "gpt-2");
  for (int byte = 0; byte < 256; byte++)
    source.tokens.push_back(spellByte(byte));
  for (const char *token : {"he", "ll", "hell", "hello"})
    source.tokens.push_back(token);
  source.types.assign(source.tokens.size(), LATHE_TOKEN_NORMAL);
  for (const char *token : {"<|a|>", "<|ab|>", "<|end|>"}) {
    source.tokens.push_back(token);
    source.types.push_back(LATHE_TOKEN_CONTROL);
  }
  source.tokens.push_back("<<x>>");
  source.types.push_back(LATHE_TOKEN_USER_DEFINED);
  source.merges = {{"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}};
  source.bos = 260;
  source.eos = 262;
  return source;
}

TokenizerSource tinySpm() {
  TokenizerSource source;
  source.file = "tiny-spm.gguf";
  source.model = "llama";
  source.tokens = {"<unk>", "<s>", "</s>"};
  source.types = {LATHE_TOKEN_UNKNOWN, LATHE_TOKEN_CONTROL, LATHE_TOKEN_CONTROL};
  for (int byte = 0; byte < 256; byte++) {
    char text[8];
    snprintf(text, sizeof(text), "<0x%02X>", byte);
    source.tokens.push_back(text);
    source.types.push_back(LATHE_TOKEN_BYTE);
  }
  source.scores.assign(source.tokens.size(), 0);
  float score = -1;
  for (const char *token : {"▁", "a", "b", "▁a", "ab", "▁ab"}) {
    source.tokens.push_back(token);
    source.types.push_back(LATHE_TOKEN_NORMAL);
    source.scores.push_back(score--);
  }
  source.unk = 0;
  source.bos = 1;
  source.eos = 2;
  source.opening = {1};
  addSpaceSteps(source, SentencePieceNormalizer());
  return source;
}

void setPreTokenizer(TokenizerSource &source, llvm::StringRef name) {
  source.splits.clear();
  llvm::cantFail(addPreTokenizer(source, name));
}

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

Conformance readConformance(const std::string &gguf) {
  // Texts are separated by a line; the last text keeps the file's end. A line of ids stands for each.
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::string texts = readFile(gguf + ".inp");
  Conformance conformance;
  for (size_t begin = 0; begin <= texts.size();) {
    size_t end = std::min(texts.find(separator, begin), texts.size());
    conformance.inputs.push_back(texts.substr(begin, end - begin));
    begin = end + separator.size();
  }
  std::istringstream lines(readFile(gguf + ".out"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    std::vector<int32_t> ids;
    for (int32_t id; numbers >> id;)
      ids.push_back(id);
    conformance.ids.push_back(ids);
  }
  return conformance;
}

} // namespace lathe::test
