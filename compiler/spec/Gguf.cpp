//===- Gguf.cpp - a GGUF as a checkpoint --------------------------------------------------------------------------===//
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/GgufFile.h"
#include "compiler/spec/Readers.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"

namespace lathe {

/// Arrays up to this length are part of the configuration; longer ones are tables of the tokenizer.
static constexpr uint64_t maxConfigArray = 1024;

/// A ggml_type's name, as ggml.h spells it.
static std::string ggmlName(uint32_t type) {
  // By number; the types that Lathe reads are in the table of formats.
  static constexpr std::pair<uint32_t, const char *> unread[] = {
      {9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
      {21, "IQ3_S"}, {22, "IQ2_S"}, {24, "I8"},      {25, "I16"},    {26, "I32"},     {27, "I64"},
      {28, "F64"},   {29, "IQ1_M"}, {40, "NVFP4"},   {41, "Q1_0"}};
  for (auto [number, name] : unread)
    if (number == type)
      return name;
  return "type " + std::to_string(type);
}

static std::optional<Format> formatOfGgml(uint32_t type) {
  for (const FormatInfo &each : formats())
    if (each.ggmlType == type)
      return each.format;
  return std::nullopt;
}

static nlohmann::json scalar(const GgufValue &value, uint64_t index) {
  if (value.type == GgufType::Bool)
    return value.integer(index) != 0;
  if (std::optional<int64_t> whole = value.integer(index))
    return *whole;
  if (std::optional<double> number = value.number(index))
    return *number;
  return "a number of 2^63 or more"; // beyond every use
}

static nlohmann::json configOf(const GgufFile &gguf) {
  nlohmann::json config = nlohmann::json::object();
  for (const auto &[key, value] : gguf.metadata) {
    if (std::optional<llvm::StringRef> text = value.string()) {
      config[key] = text->str();
    } else if (!value.isArray) {
      config[key] = scalar(value, 0);
    } else if (value.type != GgufType::String && value.count <= maxConfigArray) {
      nlohmann::json &array = config[key] = nlohmann::json::array();
      for (uint64_t i = 0; i < value.count; ++i)
        array.push_back(scalar(value, i));
    } else if (!llvm::StringRef(key).starts_with("tokenizer.")) {
      config[key] = "an array of text, or a long one"; // that nothing can be
    }
  }
  return config;
}

namespace {
/// The metadata in the form that the tokenizer's reader asks for.
class Metadata : public TokenizerMetadata {
public:
  explicit Metadata(const GgufFile &gguf) : gguf(gguf) {}

  std::optional<std::string> string(llvm::StringRef key) const override {
    const GgufValue *value = gguf.find(key);
    std::optional<llvm::StringRef> text = value ? value->string() : std::nullopt;
    return text ? std::optional<std::string>(text->str()) : std::nullopt;
  }
  std::optional<bool> boolean(llvm::StringRef key) const override {
    const GgufValue *value = gguf.find(key);
    if (!value || value->isArray || value->type != GgufType::Bool)
      return std::nullopt;
    return value->integer() != 0;
  }
  std::optional<int64_t> integer(llvm::StringRef key) const override {
    const GgufValue *value = gguf.find(key);
    return value && !value->isArray ? value->integer() : std::nullopt;
  }
  std::optional<std::vector<std::string>> strings(llvm::StringRef key) const override {
    const GgufValue *value = gguf.find(key);
    std::vector<std::string> texts;
    if (!value || !value->forEachString([&](llvm::StringRef text) { texts.push_back(text.str()); }))
      return std::nullopt;
    return texts;
  }
  std::optional<std::vector<float>> floats(llvm::StringRef key) const override {
    return numbers<float>(key, [](const GgufValue &value, uint64_t i) { return value.number(i); });
  }
  std::optional<std::vector<int32_t>> integers(llvm::StringRef key) const override {
    return numbers<int32_t>(key, [](const GgufValue &value, uint64_t i) {
      std::optional<int64_t> whole = value.integer(i);
      return whole && *whole == static_cast<int32_t>(*whole) ? whole : std::nullopt;
    });
  }

private:
  template <typename T, typename Get> std::optional<std::vector<T>> numbers(llvm::StringRef key, Get get) const {
    const GgufValue *value = gguf.find(key);
    if (!value || !value->isArray || value->type == GgufType::String)
      return std::nullopt;
    std::vector<T> result;
    for (uint64_t i = 0; i < value->count; ++i) {
      auto number = get(*value, i);
      if (!number)
        return std::nullopt;
      result.push_back(static_cast<T>(*number));
    }
    return result;
  }

  const GgufFile &gguf;
};
} // namespace

/// Null when the file carries none.
static llvm::Expected<std::shared_ptr<TokenizerSource>> tokenizerOf(const GgufFile &gguf, llvm::StringRef file) {
  const Metadata metadata(gguf);
  std::optional<std::string> model = metadata.string("tokenizer.ggml.model");
  if (!model || *model == "no_vocab" || *model == "none")
    return nullptr;
  llvm::Expected<TokenizerSource> source = tokenizerFromGguf(metadata, file);
  if (!source)
    return source.takeError();
  return std::make_shared<TokenizerSource>(std::move(*source));
}

static llvm::Error addTensor(Checkpoint &checkpoint, const GgufFile &gguf, const GgufTensor &entry) {
  const std::string name = printable(entry.name);
  Tensor tensor;
  tensor.name = entry.name;
  tensor.format = formatOfGgml(entry.type);
  tensor.formatName = tensor.format ? formatName(*tensor.format).upper() : ggmlName(entry.type);
  for (uint64_t extent : llvm::reverse(entry.extents))
    tensor.shape.push_back(static_cast<int64_t>(std::min<uint64_t>(extent, INT64_MAX)));
  if (!countElements(tensor.shape))
    return makeError("{0}: tensor '{1}' has an empty or absurd shape ({2:$[ x ]})", checkpoint.file, name,
                     llvm::make_range(entry.extents.begin(), entry.extents.end()));
  if (tensor.format) {
    const std::optional<int64_t> bytes = countBytes(*tensor.format, tensor.shape);
    if (!bytes)
      return makeError("{0}: tensor '{1}' has {2} columns; {3} needs a multiple of {4}", checkpoint.file, name,
                       tensor.shape.back(), tensor.formatName, blockColumns(*tensor.format));
    const llvm::ArrayRef<uint8_t> file = gguf.file->bytes();
    const uint64_t available = file.size() > gguf.dataStart ? file.size() - gguf.dataStart : 0;
    if (entry.offset > available || static_cast<uint64_t>(*bytes) > available - entry.offset)
      return makeError("{0}: the {1} bytes of tensor '{2}' reach beyond the end of the file: truncated or damaged",
                       checkpoint.file, *bytes, name);
    tensor.data = file.data() + gguf.dataStart + entry.offset;
  }
  return checkpoint.add(std::move(tensor));
}

/// GGUF holds more than models; general.type says what. Old files lack it, and a projector is then the architecture
/// clip.
static llvm::Error checkType(const GgufFile &gguf, llvm::StringRef path) {
  const GgufValue *value = gguf.find("general.type");
  if (!value) {
    const GgufValue *architecture = gguf.find("general.architecture");
    if (!architecture || architecture->string() != "clip")
      return llvm::Error::success();
    return makeError("{0}: general.architecture = clip: is a projector of images or sound; the language model would be "
                     "right",
                     path);
  }
  std::optional<llvm::StringRef> type = value->string();
  if (!type)
    return makeError("{0}: general.type is no string; 'model' would be right", path);
  const char *meaning = *type == "adapter"   ? "an adapter; its model with it merged in would be right"
                        : *type == "imatrix" ? "an importance matrix, a means of quantising; the model would be right"
                        : *type == "mmproj"  ? "a projector of images or sound; the language model would be right"
                                             : "no model";
  return *type == "model" ? llvm::Error::success()
                          : makeError("{0}: general.type = {1}: is {2}", path, printable(*type), meaning);
}

llvm::Expected<Checkpoint> readGguf(llvm::StringRef path) {
  llvm::Expected<GgufFile> gguf = GgufFile::read(path);
  if (!gguf)
    return gguf.takeError();
  Checkpoint checkpoint;
  checkpoint.file = path.str();
  checkpoint.style = Checkpoint::Style::Gguf;
  checkpoint.files = {gguf->file};
  checkpoint.config = configOf(*gguf);
  if (llvm::Error error = checkType(*gguf, path))
    return std::move(error);
  if (const GgufValue *value = gguf->find("general.architecture"); value && value->string())
    checkpoint.architecture = value->string()->str();
  else
    return makeError("{0}: general.architecture is missing: this file does not say what model it holds", path);
  if (const GgufValue *value = gguf->find("general.name"); value && value->string())
    checkpoint.name = value->string()->str();
  const llvm::ArrayRef<uint8_t> bytes = gguf->file->bytes();
  const uint64_t headerBytes = std::min<uint64_t>(gguf->dataStart, bytes.size());
  checkpoint.fingerprint = hashBytes({reinterpret_cast<const char *>(bytes.data()), static_cast<size_t>(headerBytes)},
                                     gguf->file->identity());
  for (const GgufTensor &entry : gguf->tensors)
    if (llvm::Error error = addTensor(checkpoint, *gguf, entry))
      return std::move(error);
  llvm::Expected<std::shared_ptr<TokenizerSource>> tokenizer = tokenizerOf(*gguf, path);
  if (!tokenizer)
    return tokenizer.takeError();
  checkpoint.tokenizer = std::move(*tokenizer);
  if (llvm::Error error = completeKeys(checkpoint))
    return std::move(error);
  return checkpoint;
}

} // namespace lathe
