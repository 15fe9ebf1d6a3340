#include "compiler/spec/FieldPath.h"
#include "compiler/spec/ConfigKeys.h"
#include "compiler/support/Error.h"
#include <cmath>

namespace lathe {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using nlohmann::json;

/// The variant of that name; -1: there is none.
static int variantNamed(const spec::Model &model, llvm::StringRef name) {
  for (int i = 0; i < model.variants_size(); ++i)
    if (model.variants(i).name() == name)
      return i;
  return -1;
}

llvm::Expected<FieldPath> resolve(llvm::StringRef text, const spec::Model &model, llvm::StringRef file) {
  const Descriptor *message = spec::Model::descriptor();
  FieldPath path;
  for (llvm::StringRef rest = text; message;) {
    auto [part, after] = rest.split('.');
    const bool last = after.empty();
    if (const FieldDescriptor *field = message->FindFieldByName(part.str())) {
      if (last && !field->message_type()) {
        path.field = field;
        return path;
      }
      int element = -1;
      if (field->is_repeated()) { // the variants are the only messages that are
        auto [name, member] = after.split('.');
        element = variantNamed(model, name);
        if (element < 0)
          return makeError("{0}: binding of '{1}': the defaults have no variant '{2}'", file, text, name);
        after = member;
      }
      path.through.push_back({field, element});
      message = after.empty() ? nullptr : field->message_type();
    } else {
      path.choice = last ? message->FindOneofByName(part.str()) : nullptr;
      if (path.choice)
        return path;
      message = nullptr;
    }
    rest = after;
  }
  return makeError("{0}: binding of '{1}': the spec has no such field", file, text);
}

/// Sets a field, or adds an element to a repeated one. `where` says whose value it is: "config.json: hidden_size".
static llvm::Error setValue(Message &message, const FieldDescriptor *field, const json &value,
                            const std::string &where) {
  const auto *reflection = message.GetReflection();
  const bool add = field->is_repeated();
  auto wrong = [&](const char *expected) {
    return makeError("{0} = {1} is not {2} (for {3})", where, textOf(value), expected, field->name());
  };
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_UINT32: {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0 && number <= UINT32_MAX && number == std::floor(number)))
      return wrong("a whole number from 0 to 4294967295");
    const auto whole = static_cast<uint32_t>(number);
    add ? reflection->AddUInt32(&message, field, whole) : reflection->SetUInt32(&message, field, whole);
    return llvm::Error::success();
  }
  case FieldDescriptor::CPPTYPE_DOUBLE: {
    const double number = value.is_number() ? value.get<double>() : NAN;
    if (!std::isfinite(number))
      return wrong("a finite number");
    add ? reflection->AddDouble(&message, field, number) : reflection->SetDouble(&message, field, number);
    return llvm::Error::success();
  }
  case FieldDescriptor::CPPTYPE_BOOL:
    if (add || !value.is_boolean())
      return wrong("true or false");
    reflection->SetBool(&message, field, value.get<bool>());
    return llvm::Error::success();
  case FieldDescriptor::CPPTYPE_STRING:
    if (add || !value.is_string())
      return wrong("text");
    reflection->SetString(&message, field, printable(value.get_ref<const std::string &>()));
    return llvm::Error::success();
  case FieldDescriptor::CPPTYPE_ENUM:
    if (const auto *named =
            value.is_string() && !add ? field->enum_type()->FindValueByName(value.get<std::string>()) : nullptr) {
      reflection->SetEnum(&message, field, named);
      return llvm::Error::success();
    }
    return wrong("one of the field's values");
  default:
    return wrong("of a type that can be bound");
  }
}

static llvm::Error setField(Message &message, const FieldDescriptor *field, const json &value,
                            const std::string &where) {
  if (!field->is_repeated())
    return setValue(message, field, value, where);
  if (!value.is_array())
    return makeError("{0} = {1} is not an array of numbers (for {2})", where, textOf(value), field->name());
  message.GetReflection()->ClearField(&message, field);
  for (const json &element : value)
    if (llvm::Error error = setValue(message, field, element, where))
      return error;
  return llvm::Error::success();
}

/// Chooses the member of a oneof by name; every member is a message.
static llvm::Error choose(Message &message, const OneofDescriptor *choice, const json &value,
                          const std::string &where) {
  for (int i = 0; i < choice->field_count(); ++i) {
    if (value.is_string() && choice->field(i)->name() == value.get_ref<const std::string &>()) {
      message.GetReflection()->MutableMessage(&message, choice->field(i));
      return llvm::Error::success();
    }
  }
  return makeError("{0} = {1} names no kind of {2}", where, textOf(value), message.GetDescriptor()->name());
}

bool isChosen(const FieldPath &path, const spec::Model &model) {
  const Message *message = &model;
  for (auto [field, element] : path.through) {
    const auto *reflection = message->GetReflection();
    if (field->real_containing_oneof() && !reflection->HasField(*message, field))
      return false;
    message = field->is_repeated() ? &reflection->GetRepeatedMessage(*message, field, element)
                                   : &reflection->GetMessage(*message, field);
  }
  return true;
}

/// The message that the path's field belongs to.
static Message &owner(const FieldPath &path, spec::Model &model) {
  Message *message = &model;
  for (auto [field, element] : path.through) {
    const auto *reflection = message->GetReflection();
    message = field->is_repeated() ? reflection->MutableRepeatedMessage(message, field, element)
                                   : reflection->MutableMessage(message, field);
  }
  return *message;
}

bool isSet(const FieldPath &path, const spec::Model &model) {
  const Message *message = &model;
  for (auto [field, element] : path.through) {
    const auto *reflection = message->GetReflection();
    message = field->is_repeated() ? &reflection->GetRepeatedMessage(*message, field, element)
                                   : &reflection->GetMessage(*message, field);
  }
  const auto *reflection = message->GetReflection();
  if (path.choice)
    return reflection->HasOneof(*message, path.choice);
  return path.field->is_repeated() ? reflection->FieldSize(*message, path.field) > 0
                                   : reflection->HasField(*message, path.field);
}

llvm::Error setPath(const FieldPath &path, spec::Model &model, const json &value, const std::string &where) {
  Message &message = owner(path, model);
  return path.choice ? choose(message, path.choice, value, where) : setField(message, path.field, value, where);
}

void clear(const FieldPath &path, spec::Model &model) {
  if (!path.field || !isSet(path, model))
    return;
  Message &message = owner(path, model);
  message.GetReflection()->ClearField(&message, path.field);
}

int variantListed(const FieldPath &path) {
  const bool list = path.field && path.field->containing_type() == spec::Variant::descriptor() &&
                    path.field->number() == spec::Variant::kLayersFieldNumber;
  return list ? path.through.back().element : -1;
}

} // namespace lathe
