//===- Unicode.h - what the tokenizer asks of Unicode ---------------------------------------------------*- C++ -*-===//
//
// Normal forms, case and classes of characters, by utf8proc. Every function takes any bytes: stretches that are no
// UTF-8 pass unchanged and belong to no class.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_UNICODE_H
#define LATHE_RUNTIME_TEXT_UNICODE_H

#include "runtime/core/Result.h"
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

/// LATHE_STEP_NORMALIZE's flags.
enum class NormalForm { D = 0, C = 1, KD = 2, KC = 3 };

/// `text` in a normal form (Unicode Standard Annex 15).
Result<std::string> normalize(std::string_view text, NormalForm form);
std::string lowercase(std::string_view text);
/// Without the characters of category M.
std::string stripMarks(std::string_view text);

/// Bytes of the extended grapheme cluster (Unicode Standard Annex 29) at the front of `text`, which is not empty.
size_t graphemeBytes(std::string_view text);
/// Bytes of the white space (property White_Space) that `text` begins or ends with.
size_t leadingSpace(std::string_view text);
size_t trailingSpace(std::string_view text);
/// Whether a word character (Unicode Technical Standard 18, annex C: alphabetic, mark, decimal digit, connector,
/// joiner) begins or ends the text.
bool startsWithWord(std::string_view text);
bool endsWithWord(std::string_view text);

/// Every byte as a character of GPT-2's alphabet (Radford et al. 2019, encoder.py, bytes_to_unicode), and back;
/// characters outside the alphabet stay.
std::string spellBytes(std::string_view text);
std::string unspellBytes(std::string_view text);

} // namespace lathe

#endif
