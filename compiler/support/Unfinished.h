//===- Unfinished.h - what an interruption removes ----------------------------------------------------*- C++ -*-===//
//
// While an Unfinished lives, SIGINT, SIGTERM and SIGHUP remove its path and then end the process with 128 + the signal,
// as a shell reports it. A SIGHUP that the process was started to ignore (nohup) stays ignored.
//
//   Unfinished part("out.partial-1234");   // before the file or folder is made
//   ... make it, rename it to "out" ...    // from the end of the scope on nothing removes it
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SUPPORT_UNFINISHED_H
#define LATHE_COMPILER_SUPPORT_UNFINISHED_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

/// A file, or a folder that holds nothing but files and folders that are listed so too. Thread-safe.
class Unfinished {
public:
  explicit Unfinished(llvm::StringRef path);
  ~Unfinished();
  Unfinished(const Unfinished &) = delete;
  Unfinished &operator=(const Unfinished &) = delete;

  llvm::StringRef path() const { return name; }

private:
  struct Listed *entry;
  char *name;
};

} // namespace lathe

#endif
