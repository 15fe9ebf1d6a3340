//===- PtxLexer.cpp - words, numbers and punctuation of PTX -------------------------------------------------------===//
#include "test/cuda/Ptx.h"
#include <cctype>

namespace lathe::ptx {

static bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%'; }

std::vector<PtxToken> lexPtx(std::string_view text) {
  std::vector<PtxToken> tokens;
  unsigned line = 1;
  size_t at = 0;
  const auto peek = [&](size_t ahead) { return at + ahead < text.size() ? text[at + ahead] : '\0'; };
  const auto add = [&](PtxToken::Kind kind, size_t length) {
    tokens.push_back({kind, std::string(text.substr(at, length)), line});
    at += length;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\n') {
      ++line, ++at;
    } else if (std::isspace(static_cast<unsigned char>(c)) || c == '\0') {
      ++at;
    } else if (c == '/' && peek(1) == '/') {
      while (at < text.size() && text[at] != '\n')
        ++at;
    } else if (c == '/' && peek(1) == '*') {
      const size_t end = text.find("*/", at + 2);
      if (end == std::string_view::npos)
        throw PtxError(line, "a comment has no end");
      for (; at < end + 2; ++at)
        line += text[at] == '\n';
    } else if (c == '"') {
      const size_t end = text.find('"', at + 1);
      if (end == std::string_view::npos)
        throw PtxError(line, "a string has no end");
      add(PtxToken::String, end + 1 - at);
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      size_t length = 1;
      while (isWord(peek(length)) ||
             (peek(length) == '.' && std::isdigit(static_cast<unsigned char>(peek(length + 1)))))
        ++length;
      add(PtxToken::Number, length);
    } else if (isWord(c) || (c == '.' && isWord(peek(1)))) {
      size_t length = 1;
      for (;; ++length) {
        if (isWord(peek(length)) || (peek(length) == '.' && isWord(peek(length + 1))))
          continue;
        if (peek(length) == ':' && peek(length + 1) == ':' && isWord(peek(length + 2))) {
          ++length;
          continue;
        }
        break;
      }
      add(PtxToken::Word, length);
    } else {
      add(PtxToken::Punctuation, 1);
    }
  }
  tokens.push_back({PtxToken::End, "", line});
  return tokens;
}

unsigned typeBytes(std::string_view type) {
  if (type == "b128")
    return 16;
  if (type == "f16x2" || type == "bf16x2" || type == "u16x2" || type == "s16x2" || type == "tf32")
    return 4;
  if (type == "bf16")
    return 2;
  if (type.size() < 2 || std::string_view("busf").find(type[0]) == std::string_view::npos)
    return 0;
  const std::string_view bits = type.substr(1);
  return bits == "8" ? 1 : bits == "16" ? 2 : bits == "32" ? 4 : bits == "64" ? 8 : 0;
}

bool PtxInstruction::has(std::string_view part) const {
  for (const std::string &each : parts)
    if (each == part)
      return true;
  return false;
}

const PtxFunction *PtxModule::function(const std::string &name) const {
  const PtxFunction *found = nullptr;
  for (const PtxFunction &each : functions)
    if (each.name == name && (each.defined || !found))
      found = &each;
  return found;
}

} // namespace lathe::ptx
