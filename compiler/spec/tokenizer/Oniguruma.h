//===- Oniguruma.h - tokenizer.json's patterns in PCRE2's syntax ----------------------------------------*- C++ -*-===//
//
// tokenizer.json writes patterns for Oniguruma in its Ruby syntax; the runtime matches with PCRE2. Most of it reads the
// same; what does not:
//
//   ^ $              at every line                       (?m) before the pattern
//   (?m)             "." matches a newline               (?s)
//   \h \H            hexadecimal digits                  [0-9a-fA-F]
//   \w \b            alphabetic, marks, Nd, Pc, ½        spelled out: PCRE2 has letters, N, _
//   \p{Alpha} [:lower:]  properties by Unicode's names     \p{Alphabetic} \p{Lowercase}
//   x{1,3}+          repeated, not possessive            (?:x{1,3})+
//   [a&&[^b]] [a[b]] intersection and union              look-ahead and alternatives
//   \uHHHH                                               \x{HHHH}
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_ONIGURUMA_H
#define LATHE_COMPILER_SPEC_TOKENIZER_ONIGURUMA_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

/// Whether the result compiles is for PCRE2 to say; the error here names what has no translation.
llvm::Expected<std::string> toPcre2(llvm::StringRef pattern);

/// A pattern that matches `text` and nothing else.
std::string escapePattern(llvm::StringRef text);

} // namespace lathe

#endif
