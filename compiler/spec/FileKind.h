//===- FileKind.h - what a file is, by what it contains -----------------------------------------------*- C++ -*-===//
//
// A name says nothing: a GGUF may be called .bin, a download may be a web page called .gguf. What people bring in place
// of a model (archives, pickles, other formats, pages, JSON) is an error that names it and says what would be right.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_FILEKIND_H
#define LATHE_COMPILER_SPEC_FILEKIND_H

#include "compiler/support/File.h"

namespace lathe {

enum class FileKind {
  Folder,
  Spec, ///< a textproto
  Gguf,
  Safetensors,
  Llama2c,
};

/// What lies at `path`. Only where the contents tell nothing (a damaged file) its name decides, and the reader of that
/// kind says what is wrong.
llvm::Expected<FileKind> kindOf(llvm::StringRef path);
/// The same of an open file.
llvm::Expected<FileKind> kindOf(const InputFile &file);

} // namespace lathe

#endif
