//===- Embedded.h - the data files of models/, carried in the program ---------------------------------*- C++ -*-===//
//
// models/*.textproto and models/families/*.textproto as they were when the program was built, so that it works from anywhere.
// What a file holds is said by its own first lines ("# proto-message: lathe.spec.Family").
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_MODELS_EMBEDDED_H
#define LATHE_MODELS_EMBEDDED_H

#include <span>
#include <string_view>

namespace lathe {

struct EmbeddedFile {
  std::string_view path; ///< "models/families/llama.textproto"
  std::string_view text;
};

/// Sorted by path.
std::span<const EmbeddedFile> embeddedModels();

} // namespace lathe

#endif
