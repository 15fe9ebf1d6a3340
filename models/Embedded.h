//===- Embedded.h - the data files of models/, carried in the program -----------------------------------*- C++ -*-===//
#ifndef LATHE_MODELS_EMBEDDED_H
#define LATHE_MODELS_EMBEDDED_H

#include "compiler/support/EmbeddedFile.h"
#include <span>

namespace lathe {

/// models/families/*.textproto, by path.
std::span<const EmbeddedFile> embeddedFamilies();
/// models/readers/*.json, by path.
std::span<const EmbeddedFile> embeddedReaders();
/// models/chat/*.json, by path.
std::span<const EmbeddedFile> embeddedChatFormats();

} // namespace lathe

#endif
