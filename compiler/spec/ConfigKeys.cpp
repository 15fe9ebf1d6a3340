//===- ConfigKeys.cpp - what a checkpoint says under a key -------------------------------------------------------===//
#include "compiler/spec/ConfigKeys.h"
#include "compiler/spec/Style.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

namespace lathe {

using nlohmann::json;

std::string textOf(const json &value) {
  if (value.is_string())
    return printable(value.get_ref<const std::string &>());
  if (value.is_structured())
    return value.is_array() ? "an array" : "an object";
  return value.dump();
}

/// null, or transformers' way to write a number that JSON does not have: {"__float__": "Infinity"}.
static bool isNothing(const json &value) {
  return value.is_null() || (value.is_object() && value.size() == 1 && value.contains("__float__"));
}

/// A key's value in the configuration: an entry of that very name, else the path through nested objects and arrays
/// ("time_step_limit.1").
static const json *find(const json &config, llvm::StringRef key) {
  if (size_t index; config.is_array() && !key.split('.').first.getAsInteger(10, index)) {
    llvm::StringRef rest = key.split('.').second;
    if (index >= config.size() || isNothing(config[index]))
      return nullptr;
    return rest.empty() ? &config[index] : find(config[index], rest);
  }
  if (!config.is_object())
    return nullptr;
  if (auto entry = config.find(key.str()); entry != config.end())
    return isNothing(*entry) ? nullptr : &*entry;
  auto [first, rest] = key.split('.');
  if (rest.empty())
    return nullptr;
  auto entry = config.find(first.str());
  return entry == config.end() ? nullptr : find(*entry, rest);
}

/// Where the value of a key may lie: in an object that counts before the one it is in (Style.lifted), else in the one that
/// the key names.
static std::vector<std::string> spellingsOf(const spec::Style &style, llvm::StringRef key) {
  std::vector<std::string> spellings = {key.str()};
  for (llvm::StringRef object : style.lifted()) {
    llvm::StringRef parent = object.contains('.') ? object.rsplit('.').first : "";
    std::vector<std::string> first;
    for (llvm::StringRef spelling : spellings)
      if (parent.empty() || (spelling.consume_front(parent) && spelling.consume_front(".")))
        first.push_back((object + "." + spelling).str());
    spellings.insert(spellings.begin(), first.begin(), first.end());
  }
  return spellings;
}

static const json *findLifted(const spec::Style &style, const json &config, llvm::StringRef key) {
  for (const std::string &spelling : spellingsOf(style, key))
    if (const json *value = find(config, spelling))
      return value;
  return nullptr;
}

static std::optional<json> valuesOf(const Tensor &tensor) {
  constexpr int64_t limit = 65536; // one frequency a pair of a head's components is far fewer
  if (tensor.shape.size() != 1 || tensor.shape[0] > limit || !tensor.format || tensor.scales)
    return std::nullopt;
  std::vector<float> values(tensor.shape[0]);
  dequantize(*tensor.format, tensor.data, tensor.shape[0], values.data());
  return json(values);
}

/// [[words, times], ...] as the words, each run so often; other arrays as they are. nothing is made of an absurd number.
static json expanded(const json &array) {
  constexpr uint64_t limit = 65536; // layers
  auto isRun = [](const json &run) {
    return run.is_array() && run.size() == 2 && run[0].is_array() && run[1].is_number_unsigned();
  };
  if (array.empty() || !llvm::all_of(array, isRun))
    return array;
  json words = json::array();
  for (const json &run : array)
    for (uint64_t i = 0; i < run[1].get<uint64_t>() && words.size() < limit; ++i)
      words.insert(words.end(), run[0].begin(), run[0].end());
  return words;
}

/// The places of `wanted` ("A|B": of either) in an array; what is no array stays, for a message.
static json indicesOf(const json &list, llvm::StringRef wanted) {
  if (!list.is_array())
    return list;
  const json array = expanded(list);
  llvm::SmallVector<llvm::StringRef> spellings;
  wanted.split(spellings, '|');
  json places = json::array();
  for (size_t i = 0; i < array.size(); ++i)
    if (llvm::is_contained(spellings, llvm::StringRef(textOf(array[i]))))
      places.push_back(i);
  return places;
}

/// Whether a tensor is there, or one of a pattern's.
static bool exists(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef name) {
  if (!name.contains('*'))
    return findTensor(style, checkpoint, name) != nullptr;
  return llvm::any_of(checkpoint.tensors, [&](const Tensor &tensor) { return matchesPattern(name, tensor.name); });
}

std::optional<json> lookUp(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef key) {
  if (key.consume_front("exists:"))
    return json(
        llvm::any_of(llvm::split(key, '|'), [&](llvm::StringRef name) { return exists(style, checkpoint, name); }));
  if (key.consume_front("rows:")) {
    const Tensor *tensor = findTensor(style, checkpoint, key);
    return tensor ? std::optional<json>(tensor->shape.front()) : std::nullopt;
  }
  if (key.consume_front("values:")) {
    const Tensor *tensor = findTensor(style, checkpoint, key);
    return tensor ? valuesOf(*tensor) : std::nullopt;
  }
  if (key.consume_front("indices:")) {
    auto [array, wanted] = key.split('=');
    const json *value = findLifted(style, checkpoint.config, array);
    return value ? std::optional<json>(indicesOf(*value, wanted)) : std::nullopt;
  }
  const json *value = findLifted(style, checkpoint.config, key);
  return value ? std::optional<json>(*value) : std::nullopt;
}

std::optional<json> defaultTakenBack(const Checkpoint &checkpoint, llvm::StringRef key) {
  const json *standard = find(checkpoint.defaults, key);
  return standard && !find(checkpoint.config, key) ? std::optional<json>(*standard) : std::nullopt;
}

std::string spelledOut(std::string key, const Checkpoint &checkpoint) {
  if (size_t at = key.find("{arch}"); at != std::string::npos)
    key.replace(at, 6, checkpoint.architecture);
  return key;
}

std::string writtenKey(const Checkpoint &checkpoint, llvm::StringRef key) {
  for (llvm::StringRef object = key; !object.empty(); object = object.contains('.') ? object.rsplit('.').first : "")
    if (auto other = checkpoint.written.find(object.str()); other != checkpoint.written.end())
      return printable(other->second + key.drop_front(object.size()).str());
  return printable(key);
}

bool applies(llvm::StringRef when, const spec::Style &style, const Checkpoint &checkpoint) {
  if (when.empty())
    return true;
  auto [key, wanted] = when.split('=');
  const bool contrary = key.consume_back("!");
  std::optional<json> value = lookUp(style, checkpoint, spelledOut(key.str(), checkpoint));
  return contrary != (wanted.empty() ? !value : value && textOf(*value) == wanted);
}

/// The keys that a style's bindings look at, however spelled.
static std::set<std::string> boundKeys(const spec::Style &style, const Checkpoint &checkpoint) {
  std::set<std::string> bound;
  auto add = [&](llvm::StringRef key) {
    if (key.starts_with("exists:") || key.starts_with("rows:") || key.starts_with("values:"))
      return;
    key.consume_front("indices:");
    const std::vector<std::string> spellings =
        spellingsOf(style, spelledOut(key.split('=').first.rtrim('!').str(), checkpoint));
    bound.insert(spellings.begin(), spellings.end());
  };
  for (const spec::Binding &binding : style.bindings()) {
    llvm::for_each(binding.keys(), add);
    llvm::for_each(binding.times(), add);
    if (!binding.over().empty())
      add(binding.over());
    llvm::for_each(binding.when(), add);
  }
  return bound;
}

namespace {
/// Looks for a key that a style does not follow.
class Unfollowed {
public:
  Unfollowed(const spec::Style &style, const Checkpoint &checkpoint)
      : style(style), checkpoint(checkpoint), bound(boundKeys(style, checkpoint)) {}

  llvm::Error check(const json &object, const json &defaults, const std::string &prefix) const {
    for (const auto &[key, value] : object.items()) {
      const std::string path = prefix + key;
      auto entry = defaults.find(key);
      if (entry == defaults.end() && (prefix.empty() || !defaults.empty()))
        continue; // nothing that the class of the object knows
      const json standard = entry == defaults.end() ? json() : *entry;
      if (isNothing(value) || value == standard || isBound(path) || isInert(path))
        continue;
      if (!value.is_object() || !leads(path))
        return makeError(
            "{0}: {1} = {2} is not supported; {3}", checkpoint.file, writtenKey(checkpoint, path), textOf(value),
            isNothing(standard) ? "a model without it would be right" : textOf(standard) + " would be right");
      if (llvm::Error error = check(value, standard.is_object() ? standard : json::object(), path + "."))
        return error;
    }
    return llvm::Error::success();
  }

private:
  /// Bound itself, or as an array of which a place is.
  bool isBound(const std::string &path) const {
    return bound.contains(path) || bound.contains(path + ".0") || bound.contains(path + ".1");
  }
  /// Some entry of the object is bound.
  bool leads(const std::string &path) const {
    auto next = bound.lower_bound(path + ".");
    return next != bound.end() && llvm::StringRef(*next).starts_with(path + ".");
  }
  bool isInert(llvm::StringRef path) const {
    return llvm::any_of(style.inert(), [&](const std::string &pattern) {
      return matchesPattern(spelledOut(pattern, checkpoint), path);
    });
  }

  const spec::Style &style;
  const Checkpoint &checkpoint;
  std::set<std::string> bound;
};
} // namespace

/// A word that no layer can be, or a list for another number of layers.
static llvm::Error checkWords(const spec::LayerWords &list, const spec::Style &style, const Checkpoint &checkpoint,
                              uint32_t layers) {
  const std::string key = spelledOut(list.key(), checkpoint);
  const json *found = findLifted(style, checkpoint.config, key);
  if (!found || !found->is_array())
    return llvm::Error::success();
  const json words = expanded(*found);
  for (const json &word : words)
    if (!llvm::is_contained(list.words(), textOf(word)))
      return makeError("{0}: {1}: '{2}' is no kind of layer that is supported here; supported: {3}", checkpoint.file,
                       writtenKey(checkpoint, key), textOf(word), llvm::join(list.words(), ", "));
  if (words.size() != layers)
    return makeError("{0}: {1} has {2} entries for {3} layers; one a layer would be right", checkpoint.file,
                     writtenKey(checkpoint, key), words.size(), layers);
  return llvm::Error::success();
}

llvm::Error checkFollowed(const spec::Style &style, const Checkpoint &checkpoint, const spec::Model &model) {
  for (const spec::LayerWords &list : style.layer_words())
    if (llvm::Error error = checkWords(list, style, checkpoint, model.n_layers()))
      return error;
  if (checkpoint.defaults.is_null())
    return llvm::Error::success();
  return Unfollowed(style, checkpoint).check(checkpoint.config, checkpoint.defaults, "");
}

} // namespace lathe
