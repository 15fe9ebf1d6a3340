#include "tools/lathe/Tensors.h"
#include "compiler/support/Output.h"
#include "tools/lathe/Command.h"
#include "tools/run/Run.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <limits>
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

/// The bytes of `input_ids` and its shape, checked against the file.
llvm::Expected<IdBatch> idsFromSafetensors(llvm::StringRef file, llvm::StringRef path) {
  if (file.size() < 8)
    return makeError("{0}: {1} bytes are too few for a safetensors file", path, file.size());
  uint64_t headerBytes = llvm::support::endian::read64le(file.data());
  if (headerBytes > file.size() - 8)
    return makeError("{0}: its header claims {1} bytes, the file has only {2}", path, headerBytes, file.size());
  llvm::StringRef headerText = file.substr(8, headerBytes), data = file.substr(8 + headerBytes);
  auto header = nlohmann::json::parse(headerText.begin(), headerText.end(), nullptr, /*allow_exceptions=*/false);
  if (!header.is_object())
    return makeError("{0}: its header is not a JSON object", path);
  if (!header.contains("input_ids") || !header["input_ids"].is_object())
    return makeError("{0}: has no tensor input_ids; I64 [batch, length] would be right", path);
  const auto &entry = header["input_ids"];
  auto unsignedList = [](const nlohmann::json &list, uint64_t (&out)[2]) {
    if (!list.is_array() || list.size() != 2 || !list[0].is_number_unsigned() || !list[1].is_number_unsigned())
      return false;
    out[0] = list[0].get<uint64_t>();
    out[1] = list[1].get<uint64_t>();
    return true;
  };
  uint64_t shape[2], offsets[2];
  if (entry.value("dtype", nlohmann::json()) != "I64" || !unsignedList(entry.value("shape", nlohmann::json()), shape))
    return makeError("{0}: input_ids is not I64 [batch, length]", path);
  if (!unsignedList(entry.value("data_offsets", nlohmann::json()), offsets) || offsets[0] > offsets[1] ||
      offsets[1] > data.size())
    return makeError("{0}: input_ids lies outside of the file", path);
  uint64_t count = (offsets[1] - offsets[0]) / 8;
  if (count == 0 || count * 8 != offsets[1] - offsets[0] || shape[1] == 0 || count % shape[1] != 0 ||
      count / shape[1] != shape[0])
    return makeError("{0}: input_ids has {1} bytes, not those of its shape [{2}, {3}]", path, offsets[1] - offsets[0],
                     shape[0], shape[1]);
  IdBatch batch(shape[0]);
  for (uint64_t i = 0; i < count; ++i) {
    int64_t id = int64_t(llvm::support::endian::read64le(data.data() + offsets[0] + 8 * i));
    if (id < 0 || id > std::numeric_limits<int32_t>::max())
      return makeError("{0}: input_ids has {1}, which is no token id", path, id);
    batch[i / shape[1]].push_back(int32_t(id));
  }
  return batch;
}

llvm::Expected<IdBatch> idsFromText(llvm::StringRef text, llvm::StringRef path) {
  IdBatch batch;
  size_t number = 0;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    ++number;
    if (line.trim().empty())
      continue;
    std::string where = (path + ":" + llvm::Twine(number)).str();
    Result<std::vector<int32_t>> ids = parseIds(line, where);
    if (!ids)
      return makeError("{0}", ids.message());
    if (ids->empty()) // commas alone
      return makeError("{0}: has no token ids", where);
    batch.push_back(ids.take());
  }
  if (batch.empty())
    return makeError("{0}: has no token ids", path);
  return batch;
}

} // namespace

llvm::Expected<IdBatch> readIds(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError("{0}: {1}", path, file.getError().message());
  llvm::StringRef bytes = (*file)->getBuffer();
  return path.ends_with(".safetensors") ? idsFromSafetensors(bytes, path) : idsFromText(bytes, path);
}

bool sameLengths(const IdBatch &batch) {
  return llvm::all_of(batch, [&](const auto &sequence) { return sequence.size() == batch.front().size(); });
}

std::vector<NamedTensor> bySequence(NamedTensor tensor, const IdBatch &batch) {
  const size_t width = tensor.shape.back();
  std::vector<NamedTensor> parts;
  if (sameLengths(batch)) {
    tensor.shape = {batch.size(), batch.front().size(), width};
    parts.push_back(std::move(tensor));
    return parts;
  }
  auto begin = tensor.values.begin();
  for (size_t i = 0; i < batch.size(); ++i) {
    auto end = begin + batch[i].size() * width;
    parts.push_back({tensor.name + "." + std::to_string(i), {1, batch[i].size(), width}, {begin, end}});
    begin = end;
  }
  return parts;
}

llvm::Error writeSafetensors(llvm::StringRef path, llvm::ArrayRef<NamedTensor> tensors) {
  nlohmann::ordered_json header;
  uint64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    uint64_t end = offset + tensor.values.size() * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // data begin at a multiple of 8
  return writeFile(path, [&](llvm::raw_ostream &out) {
    char length[8];
    llvm::support::endian::write64le(length, text.size());
    out.write(length, sizeof(length));
    out << text;
    for (const NamedTensor &tensor : tensors) // this machine is little-endian, as the format is
      out.write(reinterpret_cast<const char *>(tensor.values.data()), tensor.values.size() * sizeof(float));
    return llvm::Error::success();
  });
}

} // namespace lathe::cli
