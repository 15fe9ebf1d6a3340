//===- QuantizedTest.cpp - what other tools have quantised is named ----------------------------------------------===//
#include "test/compiler/spec/TestFiles.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;
using std::string_literals::operator""s;
namespace files = std::filesystem;

namespace {

TEST(Quantized, MethodsAreNamed) {
  GoldenLlama folder;
  const std::string config = readBytes(goldenLlama + "/config.json");
  auto with = [&](const std::string &entry) {
    folder.write("config.json", "{" + entry + config.substr(config.find('{') + 1));
    return inputMessage(folder.path + "/");
  };
  auto right = [](const std::string &begin) {
    return testing::StartsWith(begin + " are not read; the checkpoint that");
  };
  EXPECT_THAT(with(R"("quantization_config": {"bits": 4, "quant_method": "gptq"},)"),
              right("config.json: quantization_config: weights quantised by gptq, 4 bits"));
  for (const char *method : {"awq", "fp8", "fbgemm_fp8", "compressed-tensors", "aqlm", "hqq", "quanto", "torchao",
                             "eetq", "higgs", "spqr", "vptq", "bitnet", "auto-round"})
    EXPECT_THAT(with(R"("quantization_config": {"quant_method": ")"s + method + R"("},)"),
                right("config.json: quantization_config: weights quantised by "s + method));
  EXPECT_THAT(with(R"("quantization_config": {"load_in_4bit": true, "quant_method": "bitsandbytes"},)"),
              right("config.json: quantization_config: weights quantised by bitsandbytes, 4 bits"));
  EXPECT_THAT(with(R"("quantization_config": {"quant_algo": "FP8"},)"),
              right("config.json: quantization_config: weights quantised by FP8"));
  EXPECT_THAT(with(R"("quantization_config": {},)"), testing::HasSubstr("quantised by an unnamed method"));
  EXPECT_THAT(with(R"("text_config": {"quantization_config": {"quant_method": "fp8"}},)"),
              right("config.json: text_config.quantization_config: weights quantised by fp8"));
  EXPECT_THAT(with(R"("compression_config": {"format": "float-quantized"},)"),
              right("config.json: compression_config: weights quantised by compressed-tensors"));
  EXPECT_THAT(with(R"("quantization": {"group_size": 64, "bits": 4},)"),
              right("config.json: quantization: weights quantised by MLX, 4 bits"));
  EXPECT_EQ(with(R"("quantization_config": null, )"), "");
  EXPECT_EQ(with(R"("quantization_config": {"quant_method": "mxfp4"},)"), "");
  folder.write("config.json", config);
  const std::pair<const char *, const char *> beside[] = {{"quantize_config.json", "gptq, 8 bits"},
                                                          {"quant_config.json", "awq, 8 bits"},
                                                          {"hf_quant_config.json", "NVFP4"}};
  for (auto [name, method] : beside) {
    folder.write(name, name == "hf_quant_config.json"s ? R"({"quantization": {"quant_algo": "NVFP4"}})"
                       : name == "quant_config.json"s  ? R"({"w_bit": 8})"
                                                       : R"({"bits": 8})");
    EXPECT_THAT(inputMessage(folder.path + "/"), right(name + ": weights quantised by "s + method));
    files::remove(folder.file(name));
  }
}

} // namespace
