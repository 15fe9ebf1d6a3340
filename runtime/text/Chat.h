//===- Chat.h - a conversation in the model's own format ------------------------------------------------*- C++ -*-===//
//
// Renders messages by a blob's lathe_chat, and says which stretches of the text are what people wrote, so that nobody
// can put a control token into a conversation by spelling it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_CHAT_H
#define LATHE_RUNTIME_TEXT_CHAT_H

#include "runtime/core/Result.h"
#include "runtime/text/TokenizerView.h"
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lathe {

struct ChatMessage {
  std::string role; ///< "system", "user" or "assistant"
  std::string content;
};

struct RenderedChat {
  std::string text;
  /// [begin, end) of each message's own words in the text, ascending.
  std::vector<std::pair<size_t, size_t>> contents;
};

/// `open` adds what opens the assistant's answer.
Result<RenderedChat> renderChat(const TokenizerView &view, std::span<const ChatMessage> messages, bool open);

} // namespace lathe

#endif
