//===- TextEdits.h - a printed module with something changed --------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_KERNELS_TEXTEDITS_H
#define LATHE_TEST_COMPILER_KERNELS_TEXTEDITS_H

#include <optional>
#include <string>

namespace lathe::test {

/// Writes `to` for `from` everywhere in a module's text; nothing where `from` is nowhere in it. In `from`, %a, %b1, ...
/// stand for any value, the same name for the same one, `...` for anything on a line, and a run of spaces or new lines
/// for any such run; `to` uses the same names, and has a `...` for each (the first for the first, and so on).
///
///   edited(text, "%r = lathe.add %a, %b :", "%r = lathe.add %b, %a :")
std::optional<std::string> edited(const std::string &text, const std::string &from, const std::string &to);

} // namespace lathe::test

#endif
