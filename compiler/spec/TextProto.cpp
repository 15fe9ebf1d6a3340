#include "compiler/spec/TextProto.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <set>

namespace lathe {

namespace {
/// Keeps the first error.
class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string &text) override {
    if (message.empty()) {
      at = line;
      message = text;
    }
  }
  int at = -1; ///< from 0; -1 when no line is to blame
  std::string message;
};
} // namespace

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

/// "; n_heads would be right", or all that would be where none is near.
static std::string suggest(llvm::StringRef given, const std::vector<std::string> &known) {
  auto distance = [&](const std::string &name) { return given.edit_distance_insensitive(name); };
  auto nearest = llvm::min_element(known, [&](auto &a, auto &b) { return distance(a) < distance(b); });
  if (nearest != known.end() && distance(*nearest) <= (given.size() + 2) / 3)
    return "; " + *nearest + " would be right";
  return "; known: " + llvm::join(known, ", ");
}

/// The enums of all fields of that name in messages from `type` down.
static void findEnums(const Descriptor &type, llvm::StringRef field, std::set<const Descriptor *> &seen,
                      std::set<const EnumDescriptor *> &found) {
  if (!seen.insert(&type).second)
    return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor &member = *type.field(i);
    if (member.message_type())
      findEnums(*member.message_type(), field, seen, found);
    else if (member.enum_type() && member.name() == field)
      found.insert(member.enum_type());
  }
}

/// What would be right instead, where protobuf's complaint tells enough to say it.
static std::string adviceOn(llvm::StringRef complaint, const Descriptor &root) {
  llvm::SmallVector<llvm::StringRef> words; // the quoted ones
  llvm::SmallVector<llvm::StringRef> parts;
  complaint.split(parts, '"');
  for (size_t i = 1; i < parts.size(); i += 2)
    words.push_back(parts[i]);
  std::vector<std::string> known;
  if (complaint.contains("has no field named") && words.size() == 2) {
    if (const Descriptor *type = root.file()->pool()->FindMessageTypeByName(words[0].str()))
      for (int i = 0; i < type->field_count(); ++i)
        known.push_back(type->field(i)->name());
    return known.empty() ? "; it has no fields" : suggest(words[1], known);
  }
  if (complaint.starts_with("Unknown enumeration value") && words.size() == 2) {
    std::set<const Descriptor *> seen;
    std::set<const EnumDescriptor *> enums;
    findEnums(root, words[1], seen, enums);
    for (const EnumDescriptor *type : enums)
      for (int i = 0; i < type->value_count(); ++i)
        if (!llvm::StringRef(type->value(i)->name()).ends_with("UNSPECIFIED"))
          known.push_back(type->value(i)->name());
    return suggest(words[0], known);
  }
  if (complaint.starts_with("Invalid value for boolean"))
    return "; true or false would be right";
  if (complaint.ends_with("got: -"))
    return "; a whole number of at least 0 would be right";
  if (complaint.ends_with("got: "))
    return "the end of the text; is a } missing?";
  return "";
}

llvm::Error parseTextProto(llvm::StringRef text, llvm::StringRef file, google::protobuf::Message &message) {
  constexpr int maxNesting = 32;
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(maxNesting);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (parser.Parse(&stream, &message))
    return llvm::Error::success();
  const std::string what = printable(llvm::StringRef(errors.message).rtrim('.'), 300) +
                           adviceOn(llvm::StringRef(errors.message).rtrim('.'), *message.GetDescriptor());
  if (errors.at < 0)
    return makeError("{0}: {1}", file, what);
  return makeError("{0}:{1}: {2}", file, errors.at + 1, what);
}

std::string printTextProto(const google::protobuf::Message &message) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  return text;
}

llvm::StringRef declaredMessage(llvm::StringRef text) {
  while (text.consume_front("#")) {
    auto [line, rest] = text.split('\n');
    if (line.ltrim().consume_front("proto-message:"))
      return line.split(':').second.trim();
    text = rest;
  }
  return "";
}

} // namespace lathe
