#include "test/compiler/reference/Golden.h"
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace lathe;

llvm::StringMap<test::GoldenTensor> test::readGolden(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  file.exceptions(std::ios::failbit | std::ios::badbit);
  std::string bytes;
  file.seekg(0, std::ios::end);
  bytes.resize(file.tellg());
  file.seekg(0);
  file.read(bytes.data(), bytes.size());
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  nlohmann::json header = nlohmann::json::parse(bytes.substr(8, length));
  llvm::StringMap<GoldenTensor> tensors;
  for (auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    GoldenTensor tensor{entry["shape"], {}};
    const char *data = bytes.data() + 8 + length + entry["data_offsets"][0].get<uint64_t>();
    const char *end = bytes.data() + 8 + length + entry["data_offsets"][1].get<uint64_t>();
    auto append = [&]<typename T>(T value) {
      for (; data < end; data += sizeof value) {
        std::memcpy(&value, data, sizeof value);
        tensor.values.push_back(value);
      }
    };
    if (entry["dtype"] == "I64")
      append(int64_t());
    else
      append(float());
    tensors[name] = std::move(tensor);
  }
  return tensors;
}

reference::WeightLookup test::lookupIn(const WeightSource &source) {
  return [&source](llvm::StringRef role) -> llvm::Expected<reference::WeightRows> {
    llvm::Expected<const Weight *> weight = source.get(role);
    if (!weight)
      return weight.takeError();
    return reference::WeightRows{(*weight)->rows, (*weight)->columns,
                                 [weight = *weight](int64_t row, float *out) { return weight->readRow(row, out); }};
  };
}
