#include "compiler/spec/TransformersConfig.h"
#include "compiler/spec/Readers.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

namespace lathe {

using nlohmann::json;

/// The class's own name for a key: the key's, or that of what it is another name of; empty: the class does not know it.
static std::string nameInClass(const json &reader, const std::string &key) {
  const json &keys = reader["keys"];
  if (keys.contains(key))
    return key;
  for (const auto &[alias, name] : reader["aliases"].items()) {
    if (alias == key && keys.contains(name.get<std::string>()))
      return name;
    if (name == key && keys.contains(alias))
      return alias;
  }
  return "";
}

/// What the class has under a key of any of its names; null: nothing.
static const json &valueOf(const json &reader, const json &config, const std::string &key) {
  static const json nothing;
  auto found = config.find(nameInClass(reader, key));
  return found == config.end() ? nothing : *found;
}

/// Objects that have classes of their own are completed entry by entry.
static void fill(json &value, const json &standard) {
  if (!value.is_object() || !standard.is_object())
    return;
  for (const auto &[key, entry] : standard.items())
    if (!value.contains(key))
      value[key] = entry;
    else
      fill(value[key], entry);
}

/// What a completed configuration has under a key, and the file's own word for it.
using Written = std::map<std::string, std::string>;

/// The class's keys, from the file or as they are by default.
static json knownKeys(const json &reader, const json &file, Written &written) {
  json config = json::object();
  for (const auto &[key, value] : file.items()) {
    const std::string name = nameInClass(reader, key);
    const bool another = name != key; // an alias that is there beside the name itself counts before it
    if (name.empty() || (another && value.is_null()) || (!another && written.contains(name)))
      continue;
    config[name] = value;
    if (another)
      written[name] = key;
  }
  for (const auto &[key, standard] : reader["keys"].items())
    if (!config.contains(key))
      config[key] = standard;
    else if (key != "rope_parameters") // a rotation of one's own has nothing of the class's
      fill(config[key], standard);
  config.update(reader["forced"]);
  return config;
}

/// Puts in what one rotation's object, at `path`, leaves out; theta is under `thetaKey` beside it.
static void completeRotation(json &rotation, const std::string &path, const char *thetaKey, const json &reader,
                             const json &config, Written &written) {
  auto setDefault = [&](const char *key, std::string beside) {
    beside = reader["rotation_keys"].value(beside, beside);
    json value = valueOf(reader, config, beside);
    if (value.is_null() && key == std::string_view("rope_theta"))
      value = reader["keys"].value(beside, json());
    if (value.is_null() || rotation.contains(key))
      return;
    rotation[key] = value;
    written[path + "." + key] = written.contains(beside) ? written[beside] : beside;
  };
  if (!rotation.contains("rope_type") && rotation.contains("type"))
    written[path + ".rope_type"] = (written.contains(path) ? written[path] : path) + ".type";
  if (!rotation.contains("rope_type"))
    rotation["rope_type"] = rotation.value("type", json("default"));
  rotation.erase("type");
  setDefault("rope_theta", thetaKey);
  setDefault("partial_rotary_factor", "partial_rotary_factor");
  const json &kind = rotation["rope_type"];
  if (kind == "default" && !reader["keys"].contains("partial_rotary_factor") &&
      !reader["rotation_keys"].contains("partial_rotary_factor"))
    rotation.erase("partial_rotary_factor"); // the class turns whole heads
  if (kind != "llama3" && kind != "yarn" && kind != "longrope" && kind != "su")
    return;
  if (const json &original = valueOf(reader, config, "original_max_position_embeddings"); !original.is_null())
    rotation["original_max_position_embeddings"] = original;
  setDefault("original_max_position_embeddings", "max_position_embeddings");
}

static llvm::Error checkIsObject(const json &value, llvm::StringRef path, const std::string &file) {
  if (value.is_null() || value.is_object())
    return llvm::Error::success();
  return makeError("{0}: {1} is not an object", file, path);
}

/// rope_scaling, rope_parameters, rope_theta and partial_rotary_factor become one.
static llvm::Error gatherRotation(const json &reader, json &config, const std::string &file, Written &written) {
  json scaling = config["rope_scaling"], parameters = config["rope_parameters"];
  for (const auto &[path, value] : {std::pair("rope_scaling", &scaling), {"rope_parameters", &parameters}})
    if (llvm::Error error = checkIsObject(*value, path, file))
      return error;
  if (parameters.is_null())
    parameters = reader["keys"]["rope_parameters"].is_null() ? json::object() : reader["keys"]["rope_parameters"];
  if (reader["rotation"] == "by_layer") {
    for (const auto &[kind, theta] :
         {std::pair("full_attention", "rope_theta"), {"sliding_attention", "rope_local_base_freq"}}) {
      const std::string path = std::string("rope_parameters.") + kind;
      json &rotation = parameters[kind];
      if (llvm::Error error = checkIsObject(rotation, path, file))
        return error;
      if (rotation.is_null())
        rotation = json::object();
      if (kind == std::string_view("full_attention") && scaling.is_object()) {
        rotation.update(scaling);
        for (const auto &[key, value] : scaling.items())
          written[path + "." + key] = "rope_scaling." + key;
      }
      completeRotation(rotation, path, theta, reader, config, written);
    }
  } else {
    if (scaling.is_object() && !scaling.empty()) {
      parameters = scaling;
      written["rope_parameters"] = "rope_scaling";
    }
    completeRotation(parameters, "rope_parameters", "rope_theta", reader, config, written);
  }
  config["rope_parameters"] = std::move(parameters);
  for (const char *key : {"rope_scaling", "rope_theta", "rope_local_base_freq", "partial_rotary_factor",
                          "original_max_position_embeddings"})
    config.erase(key);
  return llvm::Error::success();
}

/// The language model's part of `file`, and the class that reads it; nothing but the whole where it is no larger model's.
static llvm::Expected<std::pair<json, std::string>> textPart(const json &file, const json &reader,
                                                             const Checkpoint &checkpoint) {
  std::string architecture = reader["text"];
  auto part = file.find("text_config");
  if (part == file.end() || part->is_null())
    return std::pair(file, architecture); // older files have all keys beside one another
  if (!part->is_object())
    return makeError("{0}: text_config is not an object", checkpoint.file);
  if (auto type = part->find("model_type"); reader["text_by_type"] == true && type != part->end() && type->is_string())
    architecture = type->get<std::string>();
  return std::pair(*part, architecture);
}

llvm::Error completeTransformers(Checkpoint &checkpoint) {
  const json *reader = findReader(Checkpoint::Style::HuggingFace, checkpoint.architecture);
  if (!reader)
    return llvm::Error::success();
  json file = checkpoint.config;
  std::string architecture = checkpoint.architecture;
  const bool isPart = (*reader)["text"] != "" && checkpoint.config.contains("text_config");
  bool tied = false; // a head that is absent is tied where the whole or its part says so
  if ((*reader)["text"] != "") {
    Written ofWhole;
    tied = valueOf(*reader, knownKeys(*reader, file, ofWhole), "tie_word_embeddings") == true;
    llvm::Expected<std::pair<json, std::string>> part = textPart(file, *reader, checkpoint);
    if (!part)
      return part.takeError();
    std::tie(file, architecture) = std::move(*part);
    reader = findReader(Checkpoint::Style::HuggingFace, architecture);
    if (!reader)
      return makeError("{0}: text_config.model_type = {1} is not supported beside {2}", checkpoint.file,
                       printable(architecture), printable(checkpoint.architecture));
  }
  json config = knownKeys(*reader, file, checkpoint.written);
  if (tied)
    config["tie_word_embeddings"] = true;
  if ((*reader)["rotation"] != "")
    if (llvm::Error error = gatherRotation(*reader, config, checkpoint.file, checkpoint.written))
      return error;
  config["model_type"] = architecture;
  if (isPart)
    for (const auto &[key, value] : config.items()) {
      auto other = checkpoint.written.try_emplace(key, key).first;
      other->second = "text_config." + other->second;
    }
  checkpoint.config = std::move(config);
  checkpoint.defaults = (*reader)["keys"];
  checkpoint.defaults["model_type"] = architecture;
  checkpoint.defaults["rope_parameters"] = json::object(); // each entry is followed, or said not to be
  return llvm::Error::success();
}

} // namespace lathe
