//===- TokenizerFile.cpp - the files that carry a vocabulary alone ------------------------------------------------===//
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "compiler/spec/tokenizer/HfTokenizer.h"
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "compiler/support/File.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace lathe {
namespace {

/// Far above any published one (Gemma 3's tokenizer.json has 33 MB).
constexpr uint64_t maxBytes = 256 << 20;

using Source = std::shared_ptr<TokenizerSource>;

llvm::Expected<Source> share(llvm::Expected<TokenizerSource> source) {
  if (!source)
    return source.takeError();
  return std::make_shared<TokenizerSource>(std::move(*source));
}

llvm::Expected<Source> readHuggingFaceTokenizer(llvm::StringRef path) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  HfFiles files;
  const std::pair<std::string, std::string *> parts[] = {
      {path.str(), &files.tokenizer},
      {inFolder(folder, "tokenizer_config.json"), &files.config},
      {inFolder(folder, "special_tokens_map.json"), &files.specialTokens},
      {inFolder(folder, "generation_config.json"), &files.generationConfig},
      {inFolder(folder, "chat_template.jinja"), &files.chatTemplate}};
  for (const auto &[file, text] : parts) {
    if (text != &files.tokenizer && !isThere(file))
      continue;
    llvm::Expected<std::string> read = readSmallFile(file, maxBytes);
    if (!read)
      return read.takeError();
    *text = std::move(*read);
  }
  return share(tokenizerFromHuggingFace(files, path));
}

} // namespace

llvm::Expected<Source> readTokenizerFile(llvm::StringRef path) {
  if (path.ends_with(".json"))
    return readHuggingFaceTokenizer(path);
  if (!path.ends_with(".model") && !path.ends_with(".bin"))
    return nullptr;
  uint64_t bytes = 0;
  if (path.ends_with(".bin") && (llvm::sys::fs::file_size(path, bytes) || bytes > maxBytes))
    return nullptr;
  llvm::Expected<std::string> text = readSmallFile(path, maxBytes);
  if (!text)
    return text.takeError();
  if (path.ends_with(".model"))
    return share(tokenizerFromSentencePiece(*text, path));
  llvm::Expected<TokenizerSource> source = tokenizerFromLlama2c(*text, path);
  if (!source) {
    llvm::consumeError(source.takeError());
    return nullptr;
  }
  return share(std::move(source));
}

llvm::Expected<Source> readTokenizerFolder(llvm::StringRef folder) {
  for (llvm::StringRef name : {"tokenizer.json", "tokenizer.model"})
    if (std::string path = inFolder(folder, name); isThere(path))
      return readTokenizerFile(path);
  return nullptr;
}

} // namespace lathe
