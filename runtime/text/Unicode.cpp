//===- Unicode.cpp - what the tokenizer asks of Unicode -----------------------------------------------------------===//
#include "runtime/text/Unicode.h"
#include "runtime/abi/tokenizer_abi.h"
#include "runtime/text/Utf8.h"
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace lathe {
namespace {

/// The character at the front of valid UTF-8.
int32_t codepointAt(std::string_view text) {
  utf8proc_int32_t codepoint = -1;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data()), text.size(), &codepoint);
  return codepoint;
}

void appendCodepoint(std::string &out, int32_t codepoint) {
  utf8proc_uint8_t bytes[4];
  out.append(reinterpret_cast<char *>(bytes), utf8proc_encode_char(codepoint, bytes));
}

/// Calls `visit(bytes, codepoint)` for every character; -1 for bytes that are none.
template <typename Visit> void forEachCharacter(std::string_view text, Visit visit) {
  while (!text.empty()) {
    Utf8Front front = utf8Front(text);
    visit(text.substr(0, front.bytes), front.kind == Utf8Front::Character ? codepointAt(text) : -1);
    text.remove_prefix(front.bytes);
  }
}

/// The last character of a text, whole if it is one: its bytes.
size_t lastCharacterBytes(std::string_view text) {
  size_t back = 1;
  while (back < std::min<size_t>(4, text.size()) && (text[text.size() - back] & 0xc0) == 0x80)
    back++;
  std::string_view last = text.substr(text.size() - back);
  return utf8Front(last).kind == Utf8Front::Character && utf8Front(last).bytes == back ? back : 1;
}

bool isSpace(std::string_view character) {
  if (utf8Front(character).kind != Utf8Front::Character)
    return false;
  int32_t c = codepointAt(character);
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool isWord(std::string_view character) {
  if (utf8Front(character).kind != Utf8Front::Character)
    return false;
  int32_t c = codepointAt(character);
  if (c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
      (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189))
    return true;
  switch (utf8proc_category(c)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    return false;
  }
}

/// Where the form may change something: ASCII is in every form, and below U+0300 every character is in NFC.
bool isNormalAlready(std::string_view text, NormalForm form) {
  uint8_t limit = form == NormalForm::C ? 0xcc : 0x80; // U+0300 is CC 80
  return std::all_of(text.begin(), text.end(), [&](char c) { return static_cast<uint8_t>(c) < limit; });
}

Result<void> normalizeValid(std::string_view text, NormalForm form, std::string &out) {
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::C || form == NormalForm::KC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::KC || form == NormalForm::KD)
    options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t *mapped = nullptr;
  utf8proc_ssize_t bytes = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t *>(text.data()), text.size(), &mapped,
                                        static_cast<utf8proc_option_t>(options));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(mapped, &std::free);
  if (bytes < 0)
    return error("tokenizer: normalizing ", text.size(), " bytes: ", utf8proc_errmsg(bytes));
  out.append(reinterpret_cast<char *>(mapped), bytes);
  return {};
}

} // namespace

Result<std::string> normalize(std::string_view text, NormalForm form) {
  std::string out;
  if (isNormalAlready(text, form))
    return std::string(text);
  while (!text.empty()) {
    size_t valid = validUtf8Prefix(text);
    if (valid > 0)
      if (Result<void> done = normalizeValid(text.substr(0, valid), form, out); !done)
        return done.takeError();
    text.remove_prefix(valid);
    if (text.empty())
      break;
    size_t invalid = utf8Front(text).bytes;
    out += text.substr(0, invalid);
    text.remove_prefix(invalid);
  }
  return out;
}

std::string lowercase(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](std::string_view bytes, int32_t codepoint) {
    if (codepoint == 0x130) // the one character whose lower case is two: i and a dot above
      out += "i\u0307";
    else if (codepoint >= 0)
      appendCodepoint(out, utf8proc_tolower(codepoint));
    else
      out += bytes;
  });
  return out;
}

std::string stripMarks(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](std::string_view bytes, int32_t codepoint) {
    utf8proc_category_t category = codepoint >= 0 ? utf8proc_category(codepoint) : UTF8PROC_CATEGORY_CN;
    if (category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME)
      out += bytes;
  });
  return out;
}

size_t graphemeBytes(std::string_view text) {
  Utf8Front front = utf8Front(text);
  if (front.kind != Utf8Front::Character)
    return front.bytes;
  size_t bytes = front.bytes;
  utf8proc_int32_t state = 0, last = codepointAt(text);
  while (bytes < text.size()) {
    front = utf8Front(text.substr(bytes));
    if (front.kind != Utf8Front::Character)
      break;
    utf8proc_int32_t next = codepointAt(text.substr(bytes));
    if (utf8proc_grapheme_break_stateful(last, next, &state))
      break;
    bytes += front.bytes;
    last = next;
  }
  return bytes;
}

size_t leadingSpace(std::string_view text) {
  size_t bytes = 0;
  while (bytes < text.size() && isSpace(text.substr(bytes)))
    bytes += utf8Front(text.substr(bytes)).bytes;
  return bytes;
}

size_t trailingSpace(std::string_view text) {
  size_t bytes = 0;
  while (bytes < text.size()) {
    std::string_view rest = text.substr(0, text.size() - bytes);
    size_t last = lastCharacterBytes(rest);
    if (!isSpace(rest.substr(rest.size() - last)))
      break;
    bytes += last;
  }
  return bytes;
}

bool startsWithWord(std::string_view text) { return !text.empty() && isWord(text); }
bool endsWithWord(std::string_view text) {
  return !text.empty() && isWord(text.substr(text.size() - lastCharacterBytes(text)));
}

std::string spellBytes(std::string_view text) {
  std::string out;
  for (char c : text)
    appendCodepoint(out, lathe_spelling_of_byte(c));
  return out;
}

std::string unspellBytes(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](std::string_view bytes, int32_t codepoint) {
    int32_t byte = codepoint >= 0 ? lathe_byte_of_spelling(codepoint) : -1;
    if (byte >= 0)
      out += char(byte);
    else
      out += bytes;
  });
  return out;
}

} // namespace lathe
