//===- ByteLevel.h - the alphabet in which byte-level BPE spells bytes ----------------------------------*- C++ -*-===//
//
// GPT-2's vocabularies spell each byte as one printable character, so that merges can be lists of words: bytes that
// Latin-1 prints stand for themselves, the other 68 are U+0100, U+0101, … in order. A space is "Ġ", a newline "Ċ".
// Source: Radford et al. 2019, encoder.py, bytes_to_unicode.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_BYTELEVEL_H
#define LATHE_COMPILER_SPEC_TOKENIZER_BYTELEVEL_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace lathe {

/// The character that spells a byte, as UTF-8.
std::string spellByte(uint8_t byte);

/// The bytes that a spelling stands for; nothing if it has a character outside the alphabet.
std::optional<std::string> bytesOfSpelling(llvm::StringRef spelling);

} // namespace lathe

#endif
