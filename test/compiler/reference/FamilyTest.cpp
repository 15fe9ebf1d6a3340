// Every family that stands in models/ against float64 logits of transformers: test/data/golden has the most distinct
// cases, ../shared/data/golden (where it is) the others.
#include "test/compiler/reference/Known.h"
#include <filesystem>
#include <gtest/gtest.h>
#include <regex>

using namespace lathe;
using lathe::reference::Matrix;
using lathe::test::Known;

namespace {

struct Case {
  std::string name;
  std::string file = "";         ///< of the model, within the folder; "": the folder itself
  std::string logits = "logits"; ///< their name in golden.safetensors
  bool embedded = true;          ///< hidden.0 is the embedding; else the first layer's output
  std::string folder() const {
    const std::string here = "test/data/golden/" + name;
    return std::filesystem::exists(here) ? here : "../shared/data/golden/" + name;
  }
};
void PrintTo(const Case &value, std::ostream *out) { *out << value.name << " " << value.file; }

class Family : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(GetParam().folder()))
      GTEST_SKIP() << GetParam().name << " is neither in test/data/golden nor in ../shared/data/golden";
    known = std::make_unique<Known>(GetParam().folder() + "/" + GetParam().file,
                                    GetParam().folder() + "/golden.safetensors");
  }
  std::unique_ptr<Known> known;
};

TEST_P(Family, logitsInF64) {
  auto oracle = known->interpreter<double>();
  const auto &expected = known->golden[GetParam().logits].values;
  Matrix<double> logits = known->logits(oracle);
  ASSERT_EQ(logits.values.size(), expected.size());
  EXPECT_LE(test::nmse(logits.values, expected.data()), 1e-12);
}

TEST_P(Family, hiddenStatesOfEveryLayer) {
  if (!known->golden.contains("hidden.0"))
    GTEST_SKIP() << "no hidden states are known of GGUF files";
  auto oracle = known->interpreter<double>();
  llvm::StringMap<std::vector<double>> seen;
  const unsigned first = GetParam().embedded;
  const bool normed = known->input.model.norm().placement() == spec::Norm::POST; // what a layer gives
  oracle.observe([&](mlir::OpResult result, const Matrix<double> &value) {
    llvm::StringRef op = ir::nameOf(result.getLoc());
    auto [before, after] = op.split('.');
    if (first && (op == "token_embedding" || op == "embedding.sum" || op == "embedding_norm")) // the last of them
      seen["hidden.0"] = value.values;
    else if (op == "output_norm" || op == "head_projection") // the last is after the final norm
      seen["hidden." + std::to_string(known->input.model.n_layers())] = value.values;
    else if (before == "layers" && op.ends_with(normed ? ".mlp_norm" : ".sum")) // the last of the layer's
      if (unsigned layer;
          !after.split('.').first.getAsInteger(10, layer) && layer + first < known->input.model.n_layers())
        seen["hidden." + std::to_string(layer + first)] = value.values;
  });
  known->logits(oracle);
  EXPECT_EQ(seen.size(), known->input.model.n_layers() + 1);
  for (const auto &entry : seen)
    EXPECT_LE(test::nmse(entry.second, known->golden[entry.first()].values.data()), 1e-12) << entry.first().str();
}

/// Every folder of a model in test/data/golden; the recurrent ones follow below.
std::vector<Case> smallCases() {
  std::vector<Case> cases;
  for (const auto &entry : std::filesystem::directory_iterator("test/data/golden"))
    if (std::string name = entry.path().filename().string();
        std::filesystem::exists(entry.path() / "model.safetensors") && name.find("mamba") == std::string::npos)
      cases.push_back({name});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Small, Family, testing::ValuesIn(smallCases()),
                         [](const auto &info) { return std::regex_replace(info.param.name, std::regex("\\W"), "_"); });
INSTANTIATE_TEST_SUITE_P(HuggingFace, Family,
                         testing::Values(Case{"llama-mha"}, Case{"llama-mqa"}, Case{"llama-headdim"},
                                         Case{"llama-linear"}, Case{"llama3-rope"}, Case{"llama-yarn"},
                                         Case{"llama-dynamic-ntk"}, Case{"mistral-window"}, Case{"starcoder"},
                                         Case{"gpt-neox"}, Case{"phi"}, Case{"gptj"}, Case{"bloom"},
                                         Case{"falcon-7b-style"}, Case{"falcon-alibi"}, Case{"mpt"}, Case{"opt"},
                                         Case{"qwen3"}, Case{"gemma2"}, Case{"starcoder2"}, Case{"mixtral"},
                                         Case{"moe-top1"}));
INSTANTIATE_TEST_SUITE_P(Recurrent, Family,
                         testing::Values(Case{"mamba", "", "logits", false}, Case{"mamba-odd", "", "logits", false},
                                         Case{"falcon-mamba", "", "logits", false}, Case{"mamba2", "", "logits", false},
                                         Case{"mamba2-odd", "", "logits", false}));
INSTANTIATE_TEST_SUITE_P(
    Gguf, Family,
    testing::Values(
        Case{"gguf/cohere", "cohere-F32.gguf", "logits.F32"}, Case{"gguf/gemma", "gemma-F32.gguf", "logits.F32"},
        Case{"gguf/granite", "granite-F32.gguf", "logits.F32"}, Case{"gguf/hunyuan", "hunyuan-F32.gguf", "logits.F32"},
        Case{"gguf/nemotron", "nemotron-F32.gguf", "logits.F32"}, Case{"gguf/olmo", "olmo-F32.gguf", "logits.F32"},
        Case{"gguf/olmo2", "olmo2-F32.gguf", "logits.F32"}, Case{"gguf/phi3", "phi3-F32.gguf", "logits.F32"},
        Case{"gguf/stablelm", "stablelm-F32.gguf", "logits.F32"},
        Case{"gguf/stablelm-qk", "stablelm-qk-F32.gguf", "logits.F32"},
        Case{"gguf/value-size", "value-size-F32.gguf", "logits.F32"},
        Case{"gguf/gpt-oss", "gpt-oss-F32.gguf", "logits.F32"}, Case{"gguf/gpt2", "gpt2-F32.gguf", "logits.F32"},
        Case{"gguf/gpt2", "gpt2-Q4_1.gguf", "logits.Q4_1"}, Case{"gguf/qwen2", "qwen2-F32.gguf", "logits.F32"},
        Case{"gguf/qwen2", "qwen2-Q8_0.gguf", "logits.Q8_0"}));

/// GGUFs that say things in ways of the format's own, or leave them out, against llama.cpp (llama-cpp-python 0.3.36): a
/// default, biases in some places only, a table of factors beside a scaling, a pattern of windows. Its cache is f16.
class GgufReading : public testing::TestWithParam<const char *> {};

TEST_P(GgufReading, isLlamaCpps) {
  const std::string path = std::string("test/data/faults/llama.cpp/") + GetParam();
  Known known(path + ".gguf", path + ".golden.safetensors");
  auto oracle = known.interpreter<double>();
  const auto &expected = known.golden["logits"].values;
  Matrix<double> logits = known.logits(oracle);
  ASSERT_EQ(logits.values.size(), expected.size());
  EXPECT_LE(test::nmse(logits.values, expected.data()), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Golden, GgufReading,
                         testing::Values("gemma2-without-softcaps", "glm4-without-rope-dimension-count", "query-only",
                                         "second-layer-only", "down-only", "llama-rope-freqs-and-linear",
                                         "llama-rope-freqs-and-yarn", "phi3-factors-and-linear", "gemma3-pattern-2",
                                         "olmo2-pattern-list"));

} // namespace
