//===- HfDecoder.cpp - what tokenizer.json's decoder makes of each token ------------------------------------------===//
//
// The library decodes a list of tokens; Lathe wants the bytes of each, so that text can be shown as tokens arrive. The
// decoders that models use allow it: each works on single tokens, but for Fuse, behind which only the start of the text
// may be stripped.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/tokenizer/ByteLevel.h"
#include "compiler/spec/tokenizer/HfTokenizer.h"
#include "compiler/support/Error.h"

namespace lathe::hf {
namespace {

constexpr llvm::StringLiteral supported =
    "ByteLevel, Metaspace, ByteFallback, Replace, Fuse, Strip, BPEDecoder, Sequence";

std::string replaceAll(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; !from.empty() && (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Drops up to `count` leading (or trailing) repetitions of `content`.
std::string strip(std::string text, const std::string &content, int64_t start, int64_t stop) {
  llvm::StringRef rest = text;
  while (!content.empty() && start-- > 0 && rest.consume_front(content))
    ;
  while (!content.empty() && stop-- > 0 && rest.consume_back(content))
    ;
  return rest.str();
}

int64_t integer(const Json &object, const char *key) {
  const Json &value = member(object, key);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

} // namespace

llvm::Error readDecoder(const Json &decoder, TokenizerSource &source) {
  llvm::Expected<std::vector<Component>> components = flatten({decoder, "decoder"}, "decoders", source.file);
  if (!components)
    return components.takeError();
  if (components->empty())
    return llvm::Error::success();
  std::vector<std::string> texts = source.tokens;
  // Control tokens keep their spelling.
  auto eachToken = [&](auto change) {
    for (size_t i = 0; i < texts.size(); i++)
      if (source.types[i] != LATHE_TOKEN_CONTROL && source.types[i] != LATHE_TOKEN_UNKNOWN)
        texts[i] = change(std::move(texts[i]));
  };
  bool fused = false;
  for (const Component &component : *components) {
    std::string type = component.type();
    const Json &json = component.json;
    if (fused && type == "Strip") {
      if (text(json, "content") != " " || integer(json, "start") > 1 || integer(json, "stop") != 0)
        return makeError("{0}: {1}: behind Fuse only one space may be stripped, from the start", source.file,
                         component.path);
      source.stripSpace = integer(json, "start") == 1;
    } else if (type == "ByteLevel") {
      eachToken([](std::string token) { return bytesOfSpelling(token).value_or(token); });
    } else if (type == "ByteFallback") {
      eachToken([](std::string token) {
        uint8_t byte;
        llvm::StringRef text = token;
        bool spelled = text.size() == 6 && text.starts_with("<0x") && text.ends_with(">") &&
                       !text.substr(3, 2).getAsInteger(16, byte);
        return spelled ? std::string(1, char(byte)) : token;
      });
    } else if (type == "Metaspace") {
      std::string space = text(json, "replacement"), scheme = text(json, "prepend_scheme");
      if (space.empty())
        space = "\u2581";
      bool prefix = scheme.empty() ? flag(json, "add_prefix_space", true) : scheme != "never";
      eachToken([&](std::string token) { return replaceAll(std::move(token), space, " "); });
      source.stripSpace = prefix;
    } else if (type == "Replace") {
      const Json &from = member(member(json, "pattern"), "String");
      if (!from.is_string())
        return makeError("{0}: {1}.pattern: a decoder replaces a String; a Regex is not supported", source.file,
                         component.path);
      std::string to = text(json, "content");
      eachToken([&](std::string token) { return replaceAll(std::move(token), from.get<std::string>(), to); });
    } else if (type == "Strip") {
      std::string content = text(json, "content");
      int64_t start = integer(json, "start"), stop = integer(json, "stop");
      eachToken([&](std::string token) { return strip(std::move(token), content, start, stop); });
    } else if (type == "BPEDecoder") {
      std::string suffix = text(json, "suffix");
      source.stripEndSpace = true; // of the last token nothing is left
      eachToken([&](std::string token) { return replaceAll(std::move(token), suffix, " "); });
    } else if (type == "Fuse") {
      fused = true;
    } else {
      return component.unsupported(source.file, supported);
    }
  }
  source.decoded = std::move(texts);
  return llvm::Error::success();
}

} // namespace lathe::hf
