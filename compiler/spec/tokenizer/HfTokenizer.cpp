//===- HfTokenizer.cpp - tokenizer.json ---------------------------------------------------------------------------===//
#include "compiler/spec/tokenizer/HfTokenizer.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringMap.h"

namespace lathe {
namespace hf {

const Json &member(const Json &object, const char *key) {
  static const Json null;
  if (!object.is_object())
    return null;
  auto found = object.find(key);
  return found == object.end() ? null : *found;
}

bool flag(const Json &object, const char *key, bool otherwise) {
  const Json &value = member(object, key);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

std::string text(const Json &object, const char *key) {
  const Json &value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

llvm::Error Component::unsupported(llvm::StringRef file, llvm::StringRef supported) const {
  return makeError("{0}: {1}: type \"{2}\" is not supported; supported are {3}", file, path, printable(type()),
                   supported);
}

static llvm::Error flattenInto(const Component &component, const char *list, llvm::StringRef file, int depth,
                               std::vector<Component> &out) {
  if (component.json.is_null())
    return llvm::Error::success();
  if (component.type() != "Sequence") {
    out.push_back(component);
    return llvm::Error::success();
  }
  const Json &members = member(component.json, list);
  if (!members.is_array() || depth == 0)
    return makeError("{0}: {1}.{2}: must be a list, not nested deeply", file, component.path, list);
  for (size_t i = 0; i < members.size(); i++)
    if (llvm::Error error = flattenInto({members[i], llvm::formatv("{0}.{1}[{2}]", component.path, list, i).str()},
                                        list, file, depth - 1, out))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::vector<Component>> flatten(const Component &component, const char *list, llvm::StringRef file) {
  std::vector<Component> out;
  if (llvm::Error error = flattenInto(component, list, file, /*depth=*/16, out))
    return std::move(error);
  return out;
}

namespace {

class Reader {
public:
  Reader(const Json &root, TokenizerSource &source) : root(root), model(member(root, "model")), source(source) {}

  llvm::Error read() {
    std::string type = text(model, "type");
    if (type.empty()) // files of the library's first years
      type = member(model, "merges").is_array() ? "BPE" : member(model, "vocab").is_array() ? "Unigram" : "";
    bool byteLevel = false;
    if (llvm::Error error = readSteps(root, source, byteLevel))
      return error;
    if (type == "BPE")
      source.model = byteLevel ? "gpt2" : "bpe";
    else if (type == "Unigram" && !byteLevel)
      source.model = "unigram";
    else
      return makeError(
          "{0}: model: type \"{1}\"{2} is not supported; supported are BPE and, without ByteLevel, Unigram",
          source.file, printable(type), byteLevel ? " with ByteLevel" : "");
    source.byteFallback = flag(model, "byte_fallback", false);
    source.fuseUnknown = type == "Unigram" || flag(model, "fuse_unk", false);
    source.ignoreMerges = flag(model, "ignore_merges", false);
    source.mergeOverUnknown = true;
    if (llvm::Error error = type == "BPE" ? readBpe() : readUnigram())
      return error;
    if (llvm::Error error = readAddedTokens())
      return error;
    if (llvm::Error error = readDecoder(member(root, "decoder"), source))
      return error;
    return readPostProcessor();
  }

  int32_t find(const std::string &token) const {
    auto found = ids.find(token);
    return found == ids.end() ? -1 : found->second;
  }

private:
  llvm::Error place(int64_t id, const std::string &token, size_t count) {
    // Ids may have gaps that added tokens fill, but a number that the file merely claims allocates nothing.
    if (id < 0 || uint64_t(id) > 2 * uint64_t(count) + 65536)
      return makeError("{0}: token \"{1}\" has id {2} in a vocabulary of {3}", source.file, printable(token), id,
                       count);
    if (size_t(id) >= source.tokens.size()) {
      source.tokens.resize(id + 1);
      source.types.resize(id + 1, LATHE_TOKEN_UNUSED);
      source.attributes.resize(id + 1, 0);
    }
    source.tokens[id] = token;
    uint8_t byte;
    llvm::StringRef text = token;
    bool byteToken = source.byteFallback && text.size() == 6 && text.starts_with("<0x") && text.ends_with(">") &&
                     !text.substr(3, 2).getAsInteger(16, byte);
    source.types[id] = byteToken ? LATHE_TOKEN_BYTE : LATHE_TOKEN_NORMAL;
    ids[token] = id;
    return llvm::Error::success();
  }

  llvm::Error readBpe() {
    for (auto [key, affix] : {std::pair("continuing_subword_prefix", &source.innerPrefix),
                              std::pair("end_of_word_suffix", &source.endSuffix)}) {
      *affix = text(model, key);
      if (affix->size() > LATHE_MAX_STEP_TEXT_BYTES || (!affix->empty() && source.model == "gpt2"))
        return makeError("{0}: model.{1}: \"{2}\" is not supported; it must be short, and empty with ByteLevel",
                         source.file, key, printable(*affix));
    }
    if (const Json &dropout = member(model, "dropout"); dropout.is_number() && dropout.get<double>() != 0)
      return makeError("{0}: model.dropout: {1}; only 0 gives the same tokens every time", source.file,
                       dropout.get<double>());
    const Json &vocabulary = member(model, "vocab"), &merges = member(model, "merges");
    if (!vocabulary.is_object() || !merges.is_array())
      return makeError("{0}: model: BPE needs a vocab object and a merges list", source.file);
    for (const auto &[token, id] : vocabulary.items()) {
      if (!id.is_number_integer())
        return makeError("{0}: model.vocab: the id of \"{1}\" is no integer", source.file, printable(token));
      if (llvm::Error error = place(id.get<int64_t>(), token, vocabulary.size()))
        return error;
    }
    for (size_t i = 0; i < merges.size(); i++) {
      const Json &merge = merges[i];
      std::optional<TokenizerSource::Merge> parsed;
      if (merge.is_string())
        parsed = splitMerge(merge.get<std::string>());
      else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
        parsed = TokenizerSource::Merge{merge[0].get<std::string>(), merge[1].get<std::string>()};
      if (!parsed)
        return makeError("{0}: model.merges[{1}]: must be \"left right\" or [left, right]", source.file, i);
      source.merges.push_back(std::move(*parsed));
    }
    if (std::string unknown = text(model, "unk_token"); !unknown.empty())
      if (int32_t id = find(unknown); id >= 0)
        source.unk = id;
    return llvm::Error::success();
  }

  llvm::Error readUnigram() {
    const Json &vocabulary = member(model, "vocab");
    if (!vocabulary.is_array())
      return makeError("{0}: model: Unigram needs a vocab list", source.file);
    for (size_t i = 0; i < vocabulary.size(); i++) {
      const Json &entry = vocabulary[i];
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
        return makeError("{0}: model.vocab[{1}]: must be [piece, score]", source.file, i);
      if (llvm::Error error = place(i, entry[0].get<std::string>(), vocabulary.size()))
        return error;
      source.scores.push_back(entry[1].get<double>());
    }
    if (const Json &unknown = member(model, "unk_id"); unknown.is_number_integer()) {
      int64_t id = unknown.get<int64_t>();
      if (id < 0 || uint64_t(id) >= source.tokens.size())
        return makeError("{0}: model.unk_id: {1} is not a token; the vocabulary has {2}", source.file, id,
                         source.tokens.size());
      source.unk = int32_t(id);
      source.types[id] = LATHE_TOKEN_UNKNOWN;
    }
    return llvm::Error::success();
  }

  llvm::Error readAddedTokens() {
    const Json &added = member(root, "added_tokens");
    for (size_t i = 0; i < (added.is_array() ? added.size() : 0); i++) {
      const Json &entry = added[i], &id = member(entry, "id"), &content = member(entry, "content");
      if (!id.is_number_integer() || !content.is_string())
        return makeError("{0}: added_tokens[{1}]: must have an id and a content", source.file, i);
      bool apart = find(content.get<std::string>()) < 0;
      if (llvm::Error error = place(id.get<int64_t>(), content.get<std::string>(), source.tokens.size() + added.size()))
        return error;
      size_t token = id.get<size_t>();
      if (source.types[token] == LATHE_TOKEN_BYTE) // matched in text, "<0x0A>" would come back as a newline
        continue;
      source.apart.resize(source.tokens.size());
      source.apart[token] = apart;
      bool special = flag(entry, "special", false);
      source.types[token] = !special                                     ? LATHE_TOKEN_USER_DEFINED
                            : source.unk && size_t(*source.unk) == token ? LATHE_TOKEN_UNKNOWN
                                                                         : LATHE_TOKEN_CONTROL;
      uint8_t &attributes = source.attributes[token];
      for (auto [key, attribute, otherwise] :
           {std::tuple("lstrip", LATHE_TOKEN_LSTRIP, false), std::tuple("rstrip", LATHE_TOKEN_RSTRIP, false),
            std::tuple("single_word", LATHE_TOKEN_SINGLE_WORD, false),
            std::tuple("normalized", LATHE_TOKEN_NORMALIZED, !special)})
        if (flag(entry, key, otherwise))
          attributes |= attribute;
    }
    if (!source.scores.empty())
      source.scores.resize(source.tokens.size(), 0);
    return llvm::Error::success();
  }

  llvm::Error readPostProcessor() {
    llvm::Expected<std::vector<Component>> processors =
        flatten({member(root, "post_processor"), "post_processor"}, "processors", source.file);
    if (!processors)
      return processors.takeError();
    for (const Component &component : *processors) {
      std::string type = component.type();
      if (type == "TemplateProcessing") {
        if (llvm::Error error = readTemplate(component))
          return error;
      } else if (type == "RobertaProcessing" || type == "BertProcessing") {
        for (auto [key, place] : {std::pair("cls", &source.opening), std::pair("sep", &source.closing)})
          if (const Json &pair = member(component.json, key); pair.is_array() && pair.size() == 2)
            if (int32_t id = pair[0].is_string() ? find(pair[0].get<std::string>()) : -1; id >= 0)
              place->push_back(id);
      } else if (type != "ByteLevel") { // it moves offsets only
        return component.unsupported(source.file,
                                     "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel, Sequence");
      }
    }
    return llvm::Error::success();
  }

  llvm::Error readTemplate(const Component &component) {
    const Json &single = member(component.json, "single");
    std::vector<int32_t> *place = &source.opening;
    for (size_t i = 0; i < (single.is_array() ? single.size() : 0); i++) {
      if (!member(single[i], "Sequence").is_null()) {
        place = &source.closing;
        continue;
      }
      std::string name = text(member(single[i], "SpecialToken"), "id");
      const Json &tokens = member(member(member(component.json, "special_tokens"), name.c_str()), "ids");
      bool sound = tokens.is_array();
      for (size_t k = 0; sound && k < tokens.size(); k++) {
        sound = tokens[k].is_number_unsigned() && tokens[k].get<uint64_t>() < source.tokens.size();
        if (sound)
          place->push_back(tokens[k].get<int32_t>());
      }
      if (!sound)
        return makeError("{0}: {1}.special_tokens: \"{2}\" has no ids of tokens", source.file, component.path,
                         printable(name));
    }
    return llvm::Error::success();
  }

  const Json &root, &model;
  TokenizerSource &source;
  llvm::StringMap<int32_t> ids;
};

/// A token of tokenizer_config.json: a string, or an object with its content.
std::string tokenName(const Json &config, const char *key) {
  const Json &value = member(config, key);
  return value.is_string() ? value.get<std::string>() : text(value, "content");
}

std::string chatTemplateOf(const Json &config) {
  const Json &value = member(config, "chat_template");
  if (value.is_string())
    return value.get<std::string>();
  // Several by name.
  for (size_t i = 0; i < (value.is_array() ? value.size() : 0); i++)
    if (text(value[i], "name") == "default")
      return text(value[i], "template");
  return "";
}

} // namespace
} // namespace hf

llvm::Expected<TokenizerSource> tokenizerFromHuggingFace(const HfFiles &files, llvm::StringRef file) {
  using hf::Json;
  TokenizerSource source;
  source.file = file.str();
  auto parse = [](const std::string &text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); };
  const Json root = parse(files.tokenizer);
  if (!root.is_object())
    return makeError("{0}: is not a JSON object", file);
  hf::Reader reader(root, source);
  if (llvm::Error error = reader.read())
    return std::move(error);

  // The files beside it are helpers: what they do not say is not known.
  const Json config = parse(files.config), map = parse(files.specialTokens), generation = parse(files.generationConfig);
  for (auto [key, id] :
       {std::pair("bos_token", &source.bos), std::pair("eos_token", &source.eos), std::pair("pad_token", &source.pad)})
    for (const Json *json : {&config, &map})
      if (int32_t found = reader.find(hf::tokenName(*json, key)); !*id && found >= 0)
        *id = found;
  const Json &stops = hf::member(generation, "eos_token_id");
  for (const Json &stop : stops.is_array() ? stops : Json::array({stops}))
    if (stop.is_number_unsigned() && stop.get<uint64_t>() < source.tokens.size())
      source.stops.push_back(stop.get<int32_t>());
  if (!source.eos && !source.stops.empty())
    source.eos = source.stops.front();
  if (source.opening.empty() && source.bos && hf::flag(config, "add_bos_token", false))
    source.opening = {*source.bos};
  if (source.closing.empty() && source.eos && hf::flag(config, "add_eos_token", false))
    source.closing = {*source.eos};
  source.chatTemplate = files.chatTemplate.empty() ? hf::chatTemplateOf(config) : files.chatTemplate;
  return source;
}

} // namespace lathe
