//===- Chat.cpp - a conversation in the model's own format --------------------------------------------------------===//
#include "runtime/text/Chat.h"
#include "runtime/text/Utf8.h"

namespace lathe {
namespace {

Result<lathe_chat_role> parseRole(std::string_view role) {
  if (role == "system")
    return LATHE_ROLE_SYSTEM;
  if (role == "user")
    return LATHE_ROLE_USER;
  if (role == "assistant")
    return LATHE_ROLE_ASSISTANT;
  return error("chat: role \"", role, "\" is not one of system, user, assistant");
}

std::string_view trim(std::string_view text, bool front) {
  while (front && !text.empty() && isAsciiSpace(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && isAsciiSpace(text.back()))
    text.remove_suffix(1);
  return text;
}

class Renderer {
public:
  explicit Renderer(const TokenizerView &view) : view(view), chat(*view.chat) {}

  RenderedChat out;

  void mark(lathe_section section) { out.text += view.text(section); }

  /// `joined`: a system text stands before these words in their turn.
  void content(lathe_chat_role role, std::string_view words, bool joined = false) {
    if (chat.flags & (LATHE_CHAT_TRIM_SYSTEM << role))
      words = trim(words, !joined || !(chat.flags & LATHE_CHAT_TRIM_JOINED));
    size_t begin = out.text.size();
    out.text += words;
    out.contents.push_back({begin, out.text.size()});
  }

  void turn(lathe_chat_role role, std::string_view words) {
    mark(chat.turns[role].prefix);
    content(role, words);
    mark(chat.turns[role].suffix);
  }

private:
  const TokenizerView &view;
  const lathe_chat &chat;
};

} // namespace

Result<RenderedChat> renderChat(const TokenizerView &view, std::span<const ChatMessage> messages, bool open) {
  if (!view.chat)
    return error(
        "chat: the bundle has no chat format (the checkpoint carries no chat template, or one that models/chat "
        "does not describe); use a plain prompt");
  const lathe_chat &chat = *view.chat;
  bool systemInUser = chat.flags & LATHE_CHAT_SYSTEM_IN_USER;

  Renderer renderer(view);
  if ((chat.flags & LATHE_CHAT_BOS) && view.header().bos >= 0)
    renderer.out.text += view.key(view.header().bos);

  // The system text on its way into the first user turn.
  std::optional<std::string_view> pending;
  bool startsWithSystem = !messages.empty() && messages[0].role == "system";
  if (!startsWithSystem && (chat.flags & LATHE_CHAT_DEFAULT_SYSTEM)) {
    std::string_view words = view.text(chat.default_system);
    if (systemInUser)
      pending = words;
    else
      renderer.turn(LATHE_ROLE_SYSTEM, words);
  }
  for (size_t i = 0; i < messages.size(); i++) {
    Result<lathe_chat_role> role = parseRole(messages[i].role);
    if (!role)
      return role.takeError();
    if (*role == LATHE_ROLE_SYSTEM && systemInUser) {
      if (i != 0 || messages.size() == 1 || messages[1].role != "user")
        return error("chat: message ", i + 1, ": in the format \"", view.text(chat.name),
                     "\" a system message must be the first one and be followed by a user message");
      pending = messages[i].content;
    } else if (*role == LATHE_ROLE_USER && pending) {
      renderer.mark(chat.turns[LATHE_ROLE_USER].prefix);
      renderer.turn(LATHE_ROLE_SYSTEM, *pending);
      renderer.content(LATHE_ROLE_USER, messages[i].content, /*joined=*/true);
      renderer.mark(chat.turns[LATHE_ROLE_USER].suffix);
      pending.reset();
    } else {
      renderer.turn(*role, messages[i].content);
    }
  }
  if (open)
    renderer.mark(chat.generation);
  return std::move(renderer.out);
}

} // namespace lathe
