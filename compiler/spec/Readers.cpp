#include "compiler/spec/Readers.h"
#include "compiler/support/Error.h"
#include "models/Embedded.h"
#include "llvm/Support/Path.h"
#include <map>

namespace lathe {

using nlohmann::json;

/// Architectures by the reader's file: "transformers", "llama.cpp", "meta".
static std::map<std::string, json> parseReaders() {
  static const json absent = {{"keys", json::object()},
                              {"required", json::array()},
                              {"closed", false},
                              {"by_layer", json::array()},
                              {"aliases", json::object()},
                              {"forced", json::object()},
                              {"rotation", ""},
                              {"rotation_keys", json::object()},
                              {"text", ""},
                              {"text_by_type", false}};
  std::map<std::string, json> readers;
  for (const EmbeddedFile &file : embeddedReaders()) {
    json &architectures = readers[llvm::sys::path::stem(file.path).str()];
    architectures = json::parse(file.text).at("architectures");
    for (auto &[name, entry] : architectures.items()) {
      json whole = absent;
      whole.update(entry);
      entry = std::move(whole);
    }
  }
  return readers;
}

const json *findReader(Checkpoint::Style style, llvm::StringRef architecture) {
  static const std::map<std::string, json> readers = parseReaders();
  const char *name = style == Checkpoint::Style::HuggingFace ? "transformers"
                     : style == Checkpoint::Style::Gguf      ? "llama.cpp"
                     : style == Checkpoint::Style::Meta      ? "meta"
                                                             : "";
  auto reader = readers.find(name);
  if (reader == readers.end())
    return nullptr;
  auto entry = reader->second.find(architecture.str());
  return entry == reader->second.end() ? nullptr : &*entry;
}

/// What may be one number for each layer, where they are all the same: that number. Lathe's layers do not differ in it.
static llvm::Error joinLayers(json &value, int64_t layers, const std::string &file, const std::string &key) {
  if (!value.is_array())
    return llvm::Error::success();
  if (value.empty() || int64_t(value.size()) != layers)
    return makeError("{0}: {1} has {2} numbers for {3} layers; one, or one a layer, would be right", file,
                     printable(key), value.size(), layers);
  for (const json &each : value)
    if (each != value.front())
      return makeError("{0}: {1} has {2} in one layer and {3} in another; one number for all layers would be right",
                       file, printable(key), value.front().dump(), each.dump());
  value = json(value.front()); // a copy: it lies in what it replaces
  return llvm::Error::success();
}

llvm::Error completeKeys(Checkpoint &checkpoint) {
  const json *reader = findReader(checkpoint.style, checkpoint.architecture);
  if (!reader)
    return llvm::Error::success();
  const std::string prefix = checkpoint.style == Checkpoint::Style::Gguf ? checkpoint.architecture + "." : "";
  const json &keys = (*reader)["keys"];
  json complete = json::object();
  for (const auto &[key, value] : checkpoint.config.items()) {
    llvm::StringRef own = key;
    if (!own.consume_front(prefix) || keys.contains(own.str()))
      complete[key] = value;
    else if ((*reader)["closed"] == true)
      return makeError("{0}: {1} is no key of this format; a file without it would be right", checkpoint.file,
                       printable(key));
  }
  for (const json &key : (*reader)["required"])
    if (!complete.contains(prefix + key.get<std::string>()))
      return makeError("{0}: {1}{2} is missing; llama.cpp would not read the file either", checkpoint.file,
                       printable(prefix), key.get<std::string>());
  const json &blocks = complete[prefix + "block_count"];
  for (const json &key : (*reader)["by_layer"])
    if (auto found = complete.find(prefix + key.get<std::string>()); found != complete.end())
      if (llvm::Error error =
              joinLayers(*found, blocks.is_number_integer() ? blocks.get<int64_t>() : 0, checkpoint.file, found.key()))
        return error;
  checkpoint.defaults = json::object();
  for (const auto &[key, value] : keys.items()) {
    checkpoint.defaults[prefix + key] = value;
    if (!value.is_null() && !complete.contains(prefix + key))
      complete[prefix + key] = value;
  }
  checkpoint.config = std::move(complete);
  return llvm::Error::success();
}

} // namespace lathe
