#include "compiler/spec/Binding.h"
#include "compiler/spec/ConfigKeys.h"
#include "compiler/spec/Style.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <set>

namespace lathe {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using nlohmann::json;

namespace {
/// A path in Model, resolved: message fields to walk through, then a field or a oneof.
struct FieldPath {
  struct Step {
    const FieldDescriptor *field;
    int element; ///< of a repeated field
  };
  std::vector<Step> through;
  const FieldDescriptor *field = nullptr;
  const OneofDescriptor *choice = nullptr;
};
} // namespace

/// The variant of that name; -1: there is none.
static int variantNamed(const spec::Model &model, llvm::StringRef name) {
  for (int i = 0; i < model.variants_size(); ++i)
    if (model.variants(i).name() == name)
      return i;
  return -1;
}

/// `model` has the variants that a path may name.
static llvm::Expected<FieldPath> resolve(llvm::StringRef text, const spec::Model &model, llvm::StringRef file) {
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

/// A binding's literal: a number or boolean, else text.
static json literal(const std::string &text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() ? value : json(text);
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

namespace {
/// A binding's value and whose it is.
struct Found {
  json value;
  std::string where;
};
} // namespace

/// The number that a binding multiplies or divides by, a literal or a key's; nothing where the key is absent.
static llvm::Expected<std::optional<double>> factorOf(const spec::Style &style, const spec::Binding &binding,
                                                      const Checkpoint &checkpoint, const std::string &name) {
  if (json number = literal(name); number.is_number())
    return number.get<double>();
  const std::string key = spelledOut(name, checkpoint);
  const std::optional<json> factor = lookUp(style, checkpoint, key);
  if (!factor)
    return std::nullopt;
  if (!factor->is_number())
    return makeError("{0}: {1} = {2} is not a number to multiply or divide by (for {3})", checkpoint.file,
                     writtenKey(checkpoint, key), textOf(*factor), binding.field());
  return factor->get<double>();
}

/// What the binding makes of a value by arithmetic; nothing when the field stays as it is. `where` is whose value it is.
static llvm::Expected<std::optional<json>> calculated(const spec::Style &style, const spec::Binding &binding,
                                                      const Checkpoint &checkpoint, json value,
                                                      const std::string &where) {
  auto wrong = [&](const char *expected) {
    return makeError("{0} = {1} is not {2} (for {3})", where, textOf(value), expected, binding.field());
  };
  if (binding.reciprocal()) {
    if (!value.is_number() || value.get<double>() == 0)
      return wrong("a number other than 0");
    value = 1 / value.get<double>();
  }
  if (binding.plus() != 0) {
    if (!value.is_number_integer())
      return wrong("a whole number");
    value = value.get<int64_t>() + binding.plus();
  }
  if ((!binding.times().empty() || !binding.over().empty()) && !value.is_number())
    return wrong("a number");
  if (!binding.over().empty()) {
    llvm::Expected<std::optional<double>> divisor = factorOf(style, binding, checkpoint, binding.over());
    if (!divisor)
      return divisor.takeError();
    if (!*divisor || **divisor == 0)
      return makeError("{0}: {1} is missing or 0 ({2} needs it)", checkpoint.file,
                       writtenKey(checkpoint, spelledOut(binding.over(), checkpoint)), binding.field());
    value = value.get<double>() / **divisor;
  }
  for (const std::string &name : binding.times()) {
    llvm::Expected<std::optional<double>> factor = factorOf(style, binding, checkpoint, name);
    if (!factor)
      return factor.takeError();
    if (!*factor)
      continue;
    const double product = value.get<double>() * **factor;
    return product == 0 ? std::nullopt : std::optional<json>(product);
  }
  return binding.times().empty() ? std::optional<json>(value) : std::nullopt;
}

/// The value that the binding finds; nothing when the field may stay as it is.
static llvm::Expected<std::optional<Found>> findValue(const spec::Style &style, const spec::Binding &binding,
                                                      const Checkpoint &checkpoint, bool isSet) {
  std::vector<std::string> keys;
  for (const std::string &key : binding.keys()) {
    const std::string own = spelledOut(key, checkpoint);
    keys.push_back(writtenKey(checkpoint, own));
    if (std::optional<json> value = lookUp(style, checkpoint, own))
      return Found{std::move(*value), checkpoint.file + ": " + keys.back()};
  }
  if (!binding.otherwise().empty())
    return Found{literal(binding.otherwise()), "default of " + binding.field()};
  if (binding.optional() || isSet)
    return std::nullopt;
  return makeError("{0}: {1} is missing ({2} needs it)", checkpoint.file, llvm::join(keys, " or "), binding.field());
}

/// The value in the field's own words; nothing when it leaves the field as it is.
static llvm::Expected<std::optional<json>> translate(const spec::Binding &binding, const Found &found) {
  if (binding.values().empty() || binding.keys().empty())
    return found.value;
  auto mapped = binding.values().find(textOf(found.value));
  if (mapped == binding.values().end())
    mapped = binding.values().find("*");
  if (mapped != binding.values().end()) {
    if (mapped->second.empty())
      return std::nullopt;
    return mapped->second == "*" ? found.value : literal(mapped->second);
  }
  std::vector<std::string> known;
  for (const auto &entry : binding.values())
    known.push_back(entry.first);
  llvm::sort(known);
  return makeError("{0} = {1} is not supported; supported: {2}", found.where, textOf(found.value),
                   llvm::join(known, ", "));
}

/// A vector's presence is its oneof's choice.
static bool choosesItself(const spec::Binding &binding) {
  return llvm::any_of(binding.keys(), [](llvm::StringRef key) { return key.starts_with("values:"); });
}

/// Whether each oneof on the path has the path's member chosen.
static bool isChosen(const FieldPath &path, const Message &model) {
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
static Message &owner(const FieldPath &path, Message &model) {
  Message *message = &model;
  for (auto [field, element] : path.through) {
    const auto *reflection = message->GetReflection();
    message = field->is_repeated() ? reflection->MutableRepeatedMessage(message, field, element)
                                   : reflection->MutableMessage(message, field);
  }
  return *message;
}

/// Whether the family's defaults, or a binding before, have given the field a value.
static bool isSet(const FieldPath &path, const Message &model) {
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

/// The variant whose list of layers the path is; -1: it is no such list.
static int variantListed(const FieldPath &path) {
  const bool list = path.field && path.field->containing_type() == spec::Variant::descriptor() &&
                    path.field->number() == spec::Variant::kLayersFieldNumber;
  return list ? path.through.back().element : -1;
}

/// A list that names no layer counts before a range as any other list does: the variant is for none, or for all others.
static void settleEmptyLists(const std::set<int> &variants, spec::Model &model) {
  for (int i : llvm::reverse(variants)) {
    spec::Variant &variant = *model.mutable_variants(i);
    variant.clear_first();
    variant.clear_end();
    variant.clear_every();
    if (!variant.except())
      model.mutable_variants()->DeleteSubrange(i, 1);
  }
}

/// `emptied` takes the variants whose list of layers names none.
static llvm::Error apply(const spec::Style &style, const spec::Binding &binding, const Checkpoint &checkpoint,
                         spec::Model &model, std::set<int> &emptied) {
  llvm::Expected<FieldPath> path = resolve(binding.field(), model, checkpoint.file);
  if (!path)
    return path.takeError();
  auto holds = [&](llvm::StringRef when) { return applies(when, style, checkpoint); };
  if ((!isChosen(*path, model) && !choosesItself(binding)) || !llvm::all_of(binding.when(), holds))
    return llvm::Error::success();
  llvm::Expected<std::optional<Found>> found = findValue(style, binding, checkpoint, isSet(*path, model));
  if (!found)
    return found.takeError();
  if (!*found)
    return llvm::Error::success();
  llvm::Expected<std::optional<json>> value = translate(binding, **found);
  if (!value)
    return value.takeError();
  if (!*value)
    return llvm::Error::success();
  value = calculated(style, binding, checkpoint, **value, (*found)->where);
  if (!value)
    return value.takeError();
  if (!*value)
    return llvm::Error::success();
  if (const int variant = variantListed(*path); variant >= 0 && (*value)->is_array() && (*value)->empty())
    emptied.insert(variant);
  Message &message = owner(*path, model);
  return path->choice ? choose(message, path->choice, **value, (*found)->where)
                      : setField(message, path->field, **value, (*found)->where);
}

llvm::Error bindConfig(const spec::Style &style, const Checkpoint &checkpoint, spec::Model &model) {
  std::set<int> emptied;
  for (const spec::Binding &binding : style.bindings()) {
    const bool bare = checkpoint.config.is_null() && !binding.keys().empty();
    if (bare) // tensors alone: only what all files of the style share is known
      continue;
    if (llvm::Error error = apply(style, binding, checkpoint, model, emptied))
      return error;
  }
  settleEmptyLists(emptied, model);
  return checkFollowed(style, checkpoint, model);
}

llvm::Error checkStyle(const spec::Style &style, const spec::Model &defaults, llvm::StringRef file) {
  for (const spec::Binding &binding : style.bindings()) {
    llvm::Expected<FieldPath> path = resolve(binding.field(), defaults, file);
    if (!path)
      return path.takeError();
    for (llvm::StringRef when : binding.when())
      if (!when.contains('='))
        return makeError("{0}: binding of '{1}': when = '{2}' is not KEY=VALUE", file, binding.field(), when);
    if (binding.keys().empty() && binding.otherwise().empty())
      return makeError("{0}: binding of '{1}' has neither keys nor otherwise", file, binding.field());
  }
  return checkTensors(style, file);
}

} // namespace lathe
