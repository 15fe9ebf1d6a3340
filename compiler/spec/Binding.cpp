#include "compiler/spec/Binding.h"
#include "compiler/spec/ConfigKeys.h"
#include "compiler/spec/FieldPath.h"
#include "compiler/spec/Style.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <set>

namespace lathe {

using nlohmann::json;

/// A binding's literal: a number or boolean, else text.
static json literal(const std::string &text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() ? value : json(text);
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

/// A key that is null where its default is not says that there is none: what the family has instead goes, too.
static llvm::Error takeBack(const FieldPath &path, const spec::Binding &binding, const Checkpoint &checkpoint,
                            spec::Model &model) {
  for (const std::string &name : binding.keys()) {
    const std::string key = spelledOut(name, checkpoint);
    const std::optional<json> standard = defaultTakenBack(checkpoint, key);
    if (!standard)
      continue;
    if (!binding.optional())
      return makeError("{0}: {1} = null is not supported; {2} would be right (for {3})", checkpoint.file,
                       writtenKey(checkpoint, key), textOf(*standard), binding.field());
    clear(path, model);
  }
  return llvm::Error::success();
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
    return takeBack(*path, binding, checkpoint, model);
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
  auto isField = [&](const std::string &pattern) { return matchesPattern(pattern, binding.field()); };
  if ((*value)->is_number() && (*value)->get<double>() == 0 && !binding.keys().empty() &&
      llvm::any_of(style.nonzero(), isField))
    return makeError("{0} = 0 is not supported; another number would be right (for {1})", (*found)->where,
                     binding.field());
  if (const int variant = variantListed(*path); variant >= 0 && (*value)->is_array() && (*value)->empty())
    emptied.insert(variant);
  return setPath(*path, model, **value, (*found)->where);
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
