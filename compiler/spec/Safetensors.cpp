#include "compiler/spec/Safetensors.h"
#include "compiler/spec/FileKind.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/ADT/StringSwitch.h"
#include <cstring>

namespace lathe {

using nlohmann::json;

llvm::Expected<json> parseJson(llvm::StringRef text, llvm::StringRef file) {
  constexpr int maxDepth = 64;
  bool tooDeep = false;
  auto limitDepth = [&](int depth, json::parse_event_t, json &) { return !(tooDeep |= depth > maxDepth); };
  json value = json::parse(text.begin(), text.end(), limitDepth, /*allow_exceptions=*/false);
  if (tooDeep)
    return makeError("{0}: JSON is nested deeper than {1}", file, maxDepth);
  if (value.is_discarded())
    return makeError("{0}: is not valid JSON", file);
  return value;
}

/// A whole number of a JSON value, or nothing.
static std::optional<int64_t> wholeNumber(const json &value) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX))
    return std::nullopt;
  return value.get<int64_t>();
}

namespace {
/// A tensor's entry in the header, checked alone.
struct Entry {
  std::string name, type;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0; ///< from the data's start
};
} // namespace

static llvm::Expected<Entry> parseEntry(const std::string &name, const json &value, uint64_t dataBytes,
                                        llvm::StringRef file) {
  Entry entry;
  entry.name = name;
  auto wrong = [&](const char *what) { return makeError("{0}: tensor '{1}': {2}", file, printable(name), what); };
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
    return wrong("needs dtype, shape and data_offsets");
  if (!value["dtype"].is_string() || !value["shape"].is_array() || value["shape"].size() > 8)
    return wrong("dtype is not text or shape is not an array of at most 8 numbers");
  entry.type = printable(value["dtype"].get<std::string>(), 16);
  for (const json &extent : value["shape"]) {
    std::optional<int64_t> number = wholeNumber(extent);
    if (!number || *number < 0)
      return wrong("shape has an entry that is not a whole number");
    entry.shape.push_back(*number);
  }
  const json &offsets = value["data_offsets"];
  std::optional<int64_t> begin, end;
  if (offsets.is_array() && offsets.size() == 2) {
    begin = wholeNumber(offsets[0]);
    end = wholeNumber(offsets[1]);
  }
  if (!begin || !end || *begin < 0 || *end < *begin)
    return wrong("data_offsets is not [begin, end]");
  if (static_cast<uint64_t>(*end) > dataBytes)
    return makeError("{0}: the data of tensor '{1}' reaches beyond the end of the file: truncated or damaged", file,
                     printable(name));
  entry.begin = *begin;
  entry.end = *end;
  return entry;
}

static llvm::Error addEntry(const Entry &entry, const uint8_t *data, Checkpoint &checkpoint, llvm::StringRef file) {
  Tensor tensor;
  tensor.name = entry.name;
  tensor.formatName = entry.type;
  tensor.shape = entry.shape;
  tensor.format = llvm::StringSwitch<std::optional<Format>>(entry.type)
                      .Case("F32", Format::F32)
                      .Case("F16", Format::F16)
                      .Case("BF16", Format::BF16)
                      .Default(std::nullopt);
  if (tensor.format) {
    std::optional<int64_t> bytes = countBytes(*tensor.format, tensor.shape);
    if (!bytes)
      return makeError("{0}: tensor '{1}' has an empty or absurd shape", file, printable(entry.name));
    if (*bytes != entry.end - entry.begin)
      return makeError("{0}: tensor '{1}' has {2} bytes of data; its shape and type {3} need {4}", file,
                       printable(entry.name), entry.end - entry.begin, entry.type, *bytes);
    tensor.data = data + entry.begin;
  } else if (entry.type == "U8" && countElements(tensor.shape) == entry.end - entry.begin) {
    tensor.data = data + entry.begin;
  }
  return checkpoint.add(std::move(tensor));
}

llvm::Error addSafetensors(llvm::StringRef path, Checkpoint &checkpoint) {
  constexpr uint64_t maxHeader = 100'000'000; // the reference implementation's limit
  llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  if (llvm::Expected<FileKind> kind = kindOf(**file); !kind)
    return kind.takeError();
  else if (*kind == FileKind::Gguf)
    return makeError("{0}: is a GGUF, whatever its name says; name it itself, without the folder", path);
  const llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
  uint64_t headerBytes = 0;
  if (bytes.size() >= sizeof headerBytes)
    std::memcpy(&headerBytes, bytes.data(), sizeof headerBytes);
  if (bytes.size() < sizeof headerBytes || headerBytes > maxHeader || headerBytes > bytes.size() - sizeof headerBytes)
    return makeError("{0}: not a safetensors file, or truncated (its header of {1} bytes is not there)", path,
                     headerBytes);
  const llvm::StringRef header(reinterpret_cast<const char *>(bytes.data()) + sizeof headerBytes, headerBytes);
  llvm::Expected<json> parsed = parseJson(header, path);
  if (!parsed)
    return parsed.takeError();
  if (!parsed->is_object())
    return makeError("{0}: the safetensors header is not a JSON object", path);

  const uint64_t dataStart = sizeof headerBytes + headerBytes;
  std::vector<Entry> entries;
  for (const auto &[name, value] : parsed->items()) {
    if (name == "__metadata__")
      continue;
    llvm::Expected<Entry> entry = parseEntry(name, value, bytes.size() - dataStart, path);
    if (!entry)
      return entry.takeError();
    entries.push_back(std::move(*entry));
  }
  llvm::sort(entries,
             [](const Entry &a, const Entry &b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i].begin < entries[i - 1].end)
      return makeError("{0}: the data of tensors '{1}' and '{2}' overlap", path, printable(entries[i - 1].name),
                       printable(entries[i].name));
    if (llvm::Error error = addEntry(entries[i], bytes.data() + dataStart, checkpoint, path))
      return error;
  }
  checkpoint.fingerprint = hashBytes(header, hashNumber((*file)->identity(), checkpoint.fingerprint));
  checkpoint.files.push_back(std::move(*file));
  return llvm::Error::success();
}

} // namespace lathe
