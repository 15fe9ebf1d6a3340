//===- ChatData.h - models/chat/*.json inside the compiler ----------------------------------------------*- C++ -*-===//
//
// EmbedChatData.cmake makes the definition, so that `lathe` finds the formats wherever it is installed.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_CHATDATA_H
#define LATHE_COMPILER_SPEC_TOKENIZER_CHATDATA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

struct ChatDataFile {
  llvm::StringLiteral path; ///< "models/chat/chatml.json"
  llvm::StringLiteral text;
};
llvm::ArrayRef<ChatDataFile> chatDataFiles();

} // namespace lathe

#endif
