#include "compiler/spec/GgufFile.h"
#include "compiler/support/Error.h"
#include <cmath>
#include <cstring>

namespace lathe {

uint64_t ggufScalarBytes(GgufType type) {
  static constexpr uint8_t bytes[ggufTypeCount] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return bytes[static_cast<uint32_t>(type)];
}

template <typename T> static T load(const uint8_t *at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::optional<int64_t> GgufValue::integer(uint64_t index) const {
  if (index >= count)
    return std::nullopt;
  const uint8_t *at = data + index * ggufScalarBytes(type);
  switch (type) {
  case GgufType::U8:
    return load<uint8_t>(at);
  case GgufType::Bool:
    return load<uint8_t>(at) != 0;
  case GgufType::I8:
    return load<int8_t>(at);
  case GgufType::U16:
    return load<uint16_t>(at);
  case GgufType::I16:
    return load<int16_t>(at);
  case GgufType::U32:
    return load<uint32_t>(at);
  case GgufType::I32:
    return load<int32_t>(at);
  case GgufType::I64:
    return load<int64_t>(at);
  case GgufType::U64:
    if (uint64_t value = load<uint64_t>(at); value <= INT64_MAX)
      return static_cast<int64_t>(value);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

std::optional<double> GgufValue::number(uint64_t index) const {
  if (index >= count)
    return std::nullopt;
  const uint8_t *at = data + index * ggufScalarBytes(type);
  if (type == GgufType::F32)
    return load<float>(at);
  if (type == GgufType::F64)
    return load<double>(at);
  if (std::optional<int64_t> whole = integer(index))
    return static_cast<double>(*whole);
  return std::nullopt;
}

/// A string at `at`, whose length was checked when the header was read.
static llvm::StringRef stringAt(const uint8_t *at) {
  return {reinterpret_cast<const char *>(at + 8), static_cast<size_t>(load<uint64_t>(at))};
}

std::optional<llvm::StringRef> GgufValue::string() const {
  if (type != GgufType::String || isArray)
    return std::nullopt;
  return stringAt(data);
}

bool GgufValue::forEachString(llvm::function_ref<void(llvm::StringRef)> visit) const {
  if (type != GgufType::String || !isArray)
    return false;
  const uint8_t *at = data;
  for (uint64_t i = 0; i < count; ++i) {
    llvm::StringRef text = stringAt(at);
    visit(text);
    at += 8 + text.size();
  }
  return true;
}

namespace {
/// Walks the header; after the first read past the end it stays failed and every read gives zero.
class Cursor {
public:
  explicit Cursor(llvm::ArrayRef<uint8_t> bytes) : bytes(bytes) {}

  bool failed() const { return overrun; }
  uint64_t position() const { return at; }
  uint64_t left() const { return bytes.size() - at; }
  const uint8_t *here() const { return bytes.data() + at; }

  bool skip(uint64_t count) {
    if (overrun || count > left())
      return !(overrun = true);
    at += count;
    return true;
  }
  template <typename T> T take() {
    const uint8_t *from = here();
    return skip(sizeof(T)) ? load<T>(from) : T();
  }
  llvm::StringRef takeString() {
    uint64_t length = take<uint64_t>();
    const char *from = reinterpret_cast<const char *>(here());
    return skip(length) ? llvm::StringRef(from, length) : llvm::StringRef();
  }

private:
  llvm::ArrayRef<uint8_t> bytes;
  uint64_t at = 0;
  bool overrun = false;
};

class Reader {
public:
  explicit Reader(GgufFile &gguf) : gguf(gguf), cursor(gguf.file->bytes()), path(gguf.file->path()) {}
  llvm::Error read();

private:
  llvm::Error readMetadata(uint64_t index);
  llvm::Error readValue(GgufValue &value, llvm::StringRef key);
  llvm::Error readTensor(uint64_t index);
  llvm::Error truncated(llvm::StringRef where) {
    return makeError("{0}: the file ends within {1} (at byte {2}): truncated or damaged", path, where,
                     cursor.position());
  }

  static constexpr uint64_t maxName = 65535; // the format's limit on keys
  GgufFile &gguf;
  Cursor cursor;
  const std::string &path;
  uint64_t alignment = 32;
};
} // namespace

llvm::Error Reader::read() {
  if (uint32_t magic = cursor.take<uint32_t>(); cursor.failed() || magic != 0x46554747)
    return makeError("{0}: not a GGUF file (it does not begin with 'GGUF')", path);
  const uint32_t version = cursor.take<uint32_t>();
  const uint64_t tensorCount = cursor.take<uint64_t>(), metadataCount = cursor.take<uint64_t>();
  if (cursor.failed())
    return truncated("the header");
  if (version != 2 && version != 3)
    return makeError("{0}: GGUF version {1} is not supported (2 and 3 are{2})", path, version,
                     version == 0x02000000 || version == 0x03000000 ? "; this one is big-endian" : "");
  // Both loops end with the file, however large the counts: each entry takes bytes.
  for (uint64_t i = 0; i < metadataCount; ++i)
    if (llvm::Error error = readMetadata(i))
      return error;
  if (const GgufValue *value = gguf.find("general.alignment")) {
    std::optional<int64_t> stated = value->integer();
    if (!stated || *stated < 1 || *stated > 1 << 20 || (*stated & (*stated - 1)) != 0)
      return makeError("{0}: general.alignment is not a power of two from 1 to 1048576", path);
    alignment = *stated;
  }
  for (uint64_t i = 0; i < tensorCount; ++i)
    if (llvm::Error error = readTensor(i))
      return error;
  gguf.dataStart = (cursor.position() + alignment - 1) & ~(alignment - 1);
  return llvm::Error::success();
}

llvm::Error Reader::readMetadata(uint64_t index) {
  llvm::StringRef key = cursor.takeString();
  if (cursor.failed())
    return truncated(llvm::formatv("metadata entry {0}", index).str());
  if (key.size() > maxName)
    return makeError("{0}: the key of metadata entry {1} has {2} bytes; 65535 are allowed", path, index, key.size());
  GgufValue value;
  if (llvm::Error error = readValue(value, key))
    return error;
  if (!gguf.metadataIndex.try_emplace(key, gguf.metadata.size()).second)
    return makeError("{0}: metadata key '{1}' is there twice", path, printable(key));
  gguf.metadata.emplace_back(key.str(), value);
  return llvm::Error::success();
}

llvm::Error Reader::readValue(GgufValue &value, llvm::StringRef key) {
  const std::string where = "metadata '" + printable(key) + "'";
  auto takeType = [&]() -> llvm::Error {
    uint32_t type = cursor.take<uint32_t>();
    if (type >= ggufTypeCount)
      return makeError("{0}: {1} has the unknown type {2}", path, where, type);
    value.type = static_cast<GgufType>(type);
    return llvm::Error::success();
  };
  uint64_t pending = 1; // values of the type still to skip
  if (llvm::Error error = takeType())
    return error;
  if (value.type == GgufType::Array) {
    value.isArray = true;
    if (llvm::Error error = takeType())
      return error;
    if (value.type == GgufType::Array)
      return makeError("{0}: {1} is an array of arrays, which is not supported", path, where);
    value.count = pending = cursor.take<uint64_t>();
  }
  value.data = cursor.here();
  if (value.type == GgufType::String) {
    for (; pending > 0 && !cursor.failed(); --pending)
      cursor.takeString();
  } else if (uint64_t size = ggufScalarBytes(value.type); pending <= cursor.left() / size) {
    cursor.skip(pending * size);
  } else {
    cursor.skip(UINT64_MAX);
  }
  return cursor.failed() ? truncated(where) : llvm::Error::success();
}

llvm::Error Reader::readTensor(uint64_t index) {
  GgufTensor tensor;
  llvm::StringRef name = cursor.takeString();
  const uint32_t rank = cursor.take<uint32_t>();
  if (cursor.failed())
    return truncated(llvm::formatv("the entry of tensor {0}", index).str());
  if (name.size() > maxName)
    return makeError("{0}: the name of tensor {1} has {2} bytes; 65535 are allowed", path, index, name.size());
  tensor.name = name.str();
  if (rank < 1 || rank > 4)
    return makeError("{0}: tensor '{1}' has {2} dimensions; 1 to 4 are allowed", path, printable(name), rank);
  for (uint32_t i = 0; i < rank; ++i)
    tensor.extents.push_back(cursor.take<uint64_t>());
  tensor.type = cursor.take<uint32_t>();
  tensor.offset = cursor.take<uint64_t>();
  if (cursor.failed())
    return truncated("the entry of tensor '" + printable(name) + "'");
  if (tensor.offset % alignment != 0)
    return makeError("{0}: tensor '{1}' begins at {2}, not a multiple of the alignment {3}", path, printable(name),
                     tensor.offset, alignment);
  gguf.tensors.push_back(std::move(tensor));
  return llvm::Error::success();
}

llvm::Expected<GgufFile> GgufFile::read(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  GgufFile gguf;
  gguf.file = std::move(*file);
  if (llvm::Error error = Reader(gguf).read())
    return std::move(error);
  return gguf;
}

} // namespace lathe
