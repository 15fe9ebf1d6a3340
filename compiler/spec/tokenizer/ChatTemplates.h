//===- ChatTemplates.h - which chat format a checkpoint's template is -----------------------------------*- C++ -*-===//
//
// Checkpoints carry their chat format as a Jinja program. Lathe runs no such program: models/chat/*.json describe the
// formats as data (the fields are explained in models/chat/README.md), are compiled into this library, and a template
// is matched to one of them by what it contains.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_CHATTEMPLATES_H
#define LATHE_COMPILER_SPEC_TOKENIZER_CHATTEMPLATES_H

#include "runtime/abi/tokenizer_abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// A data file of models/chat.
struct ChatFormat {
  std::string name;
  std::vector<std::string> match, without;
  uint32_t flags = 0; ///< lathe_chat_flag
  std::string defaultSystem;
  struct Turn {
    std::string prefix, suffix;
  } turns[LATHE_ROLE_COUNT]; ///< by lathe_chat_role
  std::string generation;
  std::vector<std::string> stops;
};

/// Reads one data file; the error names it and the field.
llvm::Expected<ChatFormat> parseChatFormat(llvm::StringRef file, llvm::StringRef json);

/// All embedded formats, in the order of their names.
llvm::Expected<std::vector<ChatFormat>> chatFormats();

/// The format that fits best, or null.
const ChatFormat *matchChatFormat(llvm::ArrayRef<ChatFormat> formats, llvm::StringRef chatTemplate);

} // namespace lathe

#endif
