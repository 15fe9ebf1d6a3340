//===- Output.h - the one way in which Lathe writes a file --------------------------------------------*- C++ -*-===//
//
//   if (Error failed = writeFile("out.json", [&](raw_ostream &out) { out << text; return Error::success(); }))
//     return failed;                           // "out.json: No space left on device"
//
// A regular file appears whole or not at all: it is made as NAME.partial-XXXXXXXX beside its place and renamed. What was
// there stays until then, and when the new one fails; the partial file goes, also on an interruption. A symbolic link
// stays one, and what it names is written. A device, a pipe or a descriptor (/dev/stdout) is written to as it is.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SUPPORT_OUTPUT_H
#define LATHE_COMPILER_SUPPORT_OUTPUT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace lathe {

/// Writes what `write` puts into its stream, which need not look at the stream's errors. An error of `write` itself is
/// returned, and no file appears.
llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

/// The path that symbolic links lead to from `path`, whether or not something is there; `path` where it is no link. An
/// open file's link in /proc names no path and is not followed.
std::string followLinks(llvm::StringRef path);

} // namespace lathe

#endif
