//===- ConfigKeys.cpp - what a checkpoint says under a key -------------------------------------------------------===//
#include "compiler/spec/ConfigKeys.h"
#include "compiler/spec/Style.h"
#include "compiler/support/Error.h"

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

/// The value in an object that counts before the one it is in (Style.lifted), else in the one that the key names.
static const json *findLifted(const spec::Style &style, const json &config, llvm::StringRef key) {
  std::vector<std::string> spellings = {key.str()};
  for (llvm::StringRef object : style.lifted()) {
    llvm::StringRef parent = object.contains('.') ? object.rsplit('.').first : "";
    std::vector<std::string> first;
    for (llvm::StringRef spelling : spellings)
      if (parent.empty() || (spelling.consume_front(parent) && spelling.consume_front(".")))
        first.push_back((object + "." + spelling).str());
    spellings.insert(spellings.begin(), first.begin(), first.end());
  }
  for (const std::string &spelling : spellings)
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

/// The places of `wanted` ("A|B": of either) in an array; what is no array stays, for a message.
static json indicesOf(const json &array, llvm::StringRef wanted) {
  if (!array.is_array())
    return array;
  llvm::SmallVector<llvm::StringRef> spellings;
  wanted.split(spellings, '|');
  json places = json::array();
  for (size_t i = 0; i < array.size(); ++i)
    if (llvm::is_contained(spellings, llvm::StringRef(textOf(array[i]))))
      places.push_back(i);
  return places;
}

std::optional<json> lookUp(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef key) {
  if (key.consume_front("exists:"))
    return json(findTensor(style, checkpoint, key) != nullptr);
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

std::string spelledOut(std::string key, const Checkpoint &checkpoint) {
  if (size_t at = key.find("{arch}"); at != std::string::npos)
    key.replace(at, 6, checkpoint.architecture);
  return key;
}

bool applies(llvm::StringRef when, const spec::Style &style, const Checkpoint &checkpoint) {
  if (when.empty())
    return true;
  auto [key, wanted] = when.split('=');
  const bool contrary = key.consume_back("!");
  std::optional<json> value = lookUp(style, checkpoint, key);
  return contrary != (wanted.empty() ? !value : value && textOf(*value) == wanted);
}

} // namespace lathe
