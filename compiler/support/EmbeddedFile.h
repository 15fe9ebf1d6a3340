//===- EmbeddedFile.h - a data file, carried in the program ---------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SUPPORT_EMBEDDEDFILE_H
#define LATHE_COMPILER_SUPPORT_EMBEDDEDFILE_H

#include <string_view>

namespace lathe {

/// A file as it was when the program was built, so that it works from anywhere (lathe_embed in tools/cmake).
struct EmbeddedFile {
  std::string_view path; ///< from the repository's root: "models/families/llama.textproto"
  std::string_view text;
};

} // namespace lathe

#endif
