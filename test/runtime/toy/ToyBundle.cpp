#include "test/runtime/toy/ToyBundle.h"
#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Hash.h"
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace lathe::toy {

Weights integerWeights() {
  Weights weights;
  for (int v = 0; v < TOY_VOCABULARY; ++v)
    for (int k = 0; k < TOY_WIDTH; ++k)
      weights.table[size_t(v * TOY_WIDTH + k)] = float((v * 3 + k * 5) % 7 - 3);
  weights.scales[0] = 1;
  weights.scales[1] = 2;
  return weights;
}

Weights roundingWeights() {
  Weights weights;
  uint32_t state = 12345;
  for (float &value : weights.table) {
    state = state * 1664525u + 1013904223u;
    value = float(int32_t(state)) * 0x1p-31f;
  }
  weights.scales[0] = 0.3f;
  weights.scales[1] = 0.07f;
  return weights;
}

std::vector<uint8_t> weightsImage(const Weights &weights) {
  std::vector<uint8_t> data(toyModel.weights_bytes);
  std::memcpy(data.data(), weights.table.data(), weights.table.size() * 4);
  std::memcpy(data.data() + weights.table.size() * 4, weights.scales.data(), weights.scales.size() * 4);
  lathe_weights_header header{};
  std::memcpy(header.magic, LATHE_WEIGHTS_MAGIC, 8);
  header.abi_version = LATHE_ABI_VERSION;
  header.header_bytes = LATHE_WEIGHTS_ALIGNMENT;
  header.build_id = TOY_BUILD_ID;
  header.data_bytes = data.size();
  header.data_hash = hashWords(data);
  std::vector<uint8_t> image(LATHE_WEIGHTS_ALIGNMENT);
  std::memcpy(image.data(), &header, sizeof header);
  image.insert(image.end(), data.begin(), data.end());
  return image;
}

std::shared_ptr<const Model> model(const Weights &weights) {
  const std::vector<uint8_t> image = weightsImage(weights);
  auto memory = std::make_shared<AlignedBuffer>(AlignedBuffer::create(image.size(), "toy weights").take());
  std::memcpy(memory->data(), image.data(), image.size());
  auto result = Model::fromImage(toyModel, {memory->data(), image.size()}, memory);
  EXPECT_TRUE(result) << result.message();
  return result.take();
}

std::vector<std::vector<float>> expectedLogits(const Weights &weights, std::span<const int32_t> ids) {
  std::vector<std::vector<double>> x;
  for (int32_t id : ids)
    x.emplace_back(weights.table.begin() + id * TOY_WIDTH, weights.table.begin() + (id + 1) * TOY_WIDTH);
  for (size_t layer = 0; layer < TOY_LAYERS; ++layer) {
    std::vector<double> sum(TOY_WIDTH); // over the positions so far
    for (std::vector<double> &row : x)
      for (size_t k = 0; k < TOY_WIDTH; ++k) {
        sum[k] += double(weights.scales[layer]) * row[k];
        row[k] += sum[k];
      }
  }
  std::vector<std::vector<float>> logits;
  for (const std::vector<double> &row : x) {
    std::vector<float> &out = logits.emplace_back();
    for (size_t v = 0; v < TOY_VOCABULARY; ++v) {
      double sum = 0;
      for (size_t k = 0; k < TOY_WIDTH; ++k)
        sum += row[k] * double(weights.table[v * TOY_WIDTH + k]);
      out.push_back(float(sum));
    }
  }
  return logits;
}

Folder::Folder(const Weights &weights) {
  writeFile(program(), readFile(TOY_MODEL_SO));
  writeFile(this->weights(), weightsImage(weights));
  sealProgram();
}

void Folder::sealProgram() {
  const std::vector<uint8_t> bytes = readFile(program());
  std::vector<uint8_t> image = readFile(weights());
  lathe_weights_header header;
  std::memcpy(&header, image.data(), sizeof header);
  header.program_bytes = bytes.size();
  header.program_hash = hashBytes(bytes);
  std::memcpy(image.data(), &header, sizeof header);
  writeFile(weights(), image);
}

std::vector<uint8_t> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

void writeFile(const std::string &path, std::span<const uint8_t> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
  EXPECT_TRUE(file.flush()) << path;
}

} // namespace lathe::toy
