//===- Error.h - one clear line for people ------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_ERROR_H
#define LATHE_COMPILER_SUPPORT_ERROR_H

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe {

/// An error with a message in llvm::formatv's form: makeError("{0}: {1} is not a multiple of {2}", file, n, 32).
/// The message names the file or field, what is wrong and what would be right, in one line without a full stop.
template <typename... Args> llvm::Error makeError(const char *format, Args &&...args) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 llvm::formatv(format, std::forward<Args>(args)...).str());
}

/// A name from an untrusted file as messages show it: control characters and bytes beyond ASCII as \xHH, long text cut.
inline std::string printable(llvm::StringRef text, size_t limit = 120) {
  std::string out;
  for (char c : text.take_front(limit))
    out += llvm::isPrint(c) ? std::string(1, c) : "\\x" + llvm::utohexstr(static_cast<unsigned char>(c), false, 2);
  return text.size() > limit ? out + "..." : out;
}

} // namespace lathe

#endif
