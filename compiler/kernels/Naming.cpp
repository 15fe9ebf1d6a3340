//===- Naming.cpp - a kernel told in words ----------------------------------------------------------------------===//
#include "compiler/kernels/Naming.h"
#include <charconv>

using namespace lathe;

/// The shortest decimal that reads back as `value`, in characters that a symbol may have.
static std::string spelled(double value) {
  char text[32];
  char *end = std::to_chars(text, text + sizeof text, value).ptr;
  std::string result;
  for (char *c = text; c != end; ++c)
    if (*c != '+')
      result += *c == '.' ? 'p' : *c == '-' ? 'm' : *c;
  return result;
}

Naming &Naming::word(std::string_view text) {
  words.append(words.empty() ? "" : " ").append(text);
  return detailFlag(text, true);
}

Naming &Naming::size(const char *name, int64_t value) { return keySize(name, value).detail(name, value); }
Naming &Naming::sizeIfAny(const char *name, int64_t value) { return keySize(name, value).detailIfAny(name, value); }

Naming &Naming::number(const char *name, double value, double usual) {
  if (value != usual)
    words.append(words.empty() ? "" : " ").append(name);
  return detail(name, value, usual);
}

Naming &Naming::detail(const char *name, int64_t value) {
  symbol.append("_").append(name).append(std::to_string(value));
  return *this;
}

Naming &Naming::detail(const char *name, double value, double usual) {
  if (value != usual)
    symbol.append("_").append(name).append(spelled(value));
  return *this;
}

Naming &Naming::detailFlag(std::string_view text, bool set) {
  if (set)
    symbol.append("_").append(text);
  return *this;
}

Naming &Naming::keySize(const char *name, int64_t value) {
  sizes.emplace_back(name, value);
  return *this;
}
