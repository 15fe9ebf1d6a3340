//===- ChatTemplates.cpp - which chat format a checkpoint's template is -------------------------------------------===//
#include "compiler/spec/tokenizer/ChatTemplates.h"
#include "compiler/support/Error.h"
#include "models/Embedded.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

namespace lathe {
namespace {

/// The fields of one object, taken one by one, so that what is left over is a mistake in the file. The first mistake is
/// kept in `problem`; after it nothing more is read.
class Fields {
public:
  Fields(std::string path, llvm::json::Object object, std::string &problem)
      : path(std::move(path)), object(std::move(object)), problem(problem) {}

  bool has(llvm::StringRef key) const { return object.get(key); }

  std::string text(llvm::StringRef key) {
    std::optional<llvm::json::Value> value = take(key);
    std::optional<llvm::StringRef> string = value ? value->getAsString() : std::nullopt;
    if (!string)
      fail(key, "must be a string");
    return string ? string->str() : "";
  }

  std::vector<std::string> texts(llvm::StringRef key) {
    std::vector<std::string> out;
    std::optional<llvm::json::Value> value = take(key);
    llvm::json::Path::Root root;
    if (value && !llvm::json::fromJSON(*value, out, root))
      fail(key, "must be a list of strings");
    return out;
  }

  bool flag(llvm::StringRef key) {
    std::optional<llvm::json::Value> value = take(key);
    std::optional<bool> set = value ? value->getAsBoolean() : false;
    if (!set)
      fail(key, "must be true or false");
    return set.value_or(false);
  }

  ChatFormat::Turn turn(llvm::StringRef key) {
    std::optional<llvm::json::Value> value = take(key);
    if (!value || !value->getAsObject()) {
      fail(key, "must be an object with prefix and suffix");
      return {};
    }
    Fields fields(path + "." + key.str(), *value->getAsObject(), problem);
    ChatFormat::Turn turn{fields.text("prefix"), fields.text("suffix")};
    fields.end();
    return turn;
  }

  void fail(llvm::StringRef key, llvm::StringRef what) {
    if (problem.empty())
      problem = (path + "." + key + ": " + what).str();
  }

  void end() {
    if (problem.empty() && !object.empty())
      fail(object.begin()->first, "is no field of a chat format");
  }

private:
  std::optional<llvm::json::Value> take(llvm::StringRef key) {
    llvm::json::Value *value = object.get(key);
    if (!value)
      return std::nullopt;
    llvm::json::Value taken = std::move(*value);
    object.erase(key);
    return taken;
  }

  std::string path;
  llvm::json::Object object;
  std::string &problem;
};

constexpr llvm::StringLiteral roles[LATHE_ROLE_COUNT] = {"system", "user", "assistant"};

} // namespace

llvm::Expected<ChatFormat> parseChatFormat(llvm::StringRef file, llvm::StringRef json) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(json);
  if (!value)
    return makeError("{0}: {1}", file, llvm::toString(value.takeError()));
  if (!value->getAsObject())
    return makeError("{0}: must be a JSON object", file);
  std::string problem;
  Fields fields(file.str(), *value->getAsObject(), problem);

  ChatFormat format;
  format.name = fields.text("name");
  if (fields.has("about"))
    fields.text("about"); // for readers of the file
  format.match = fields.texts("match");
  format.without = fields.texts("without");
  if (fields.flag("bos"))
    format.flags |= LATHE_CHAT_BOS;
  if (fields.flag("system_in_user"))
    format.flags |= LATHE_CHAT_SYSTEM_IN_USER;
  if (fields.flag("trim_joined"))
    format.flags |= LATHE_CHAT_TRIM_JOINED;
  if (fields.has("default_system")) {
    format.defaultSystem = fields.text("default_system");
    format.flags |= LATHE_CHAT_DEFAULT_SYSTEM;
  }
  for (int role = 0; role < LATHE_ROLE_COUNT; role++)
    format.turns[role] = fields.turn(roles[role]);
  for (const std::string &name : fields.texts("trim")) {
    const auto *role = llvm::find(roles, name);
    if (role == std::end(roles))
      fields.fail("trim", "\"" + name + "\" is not one of system, user, assistant");
    else
      format.flags |= LATHE_CHAT_TRIM_SYSTEM << (role - roles);
  }
  format.generation = fields.text("generation");
  format.stops = fields.texts("stops");
  if (format.match.empty())
    fields.fail("match", "must name at least one text");
  fields.end();
  if (!problem.empty())
    return makeError("{0}", problem);
  return format;
}

llvm::Expected<std::vector<ChatFormat>> chatFormats() {
  std::vector<ChatFormat> formats;
  for (const EmbeddedFile &file : embeddedChatFormats()) {
    llvm::Expected<ChatFormat> format = parseChatFormat(file.path, file.text);
    if (!format)
      return format.takeError();
    formats.push_back(std::move(*format));
  }
  llvm::sort(formats, [](const ChatFormat &a, const ChatFormat &b) { return a.name < b.name; });
  return formats;
}

const ChatFormat *matchChatFormat(llvm::ArrayRef<ChatFormat> formats, llvm::StringRef chatTemplate) {
  const ChatFormat *best = nullptr;
  size_t bestLength = 0;
  for (const ChatFormat &format : formats) {
    auto contains = [&](const std::string &text) { return chatTemplate.contains(text); };
    if (!llvm::all_of(format.match, contains) || llvm::any_of(format.without, contains))
      continue;
    size_t length = 0;
    for (const std::string &text : format.match)
      length += text.size();
    if (length > bestLength) {
      best = &format;
      bestLength = length;
    }
  }
  return best;
}

} // namespace lathe
