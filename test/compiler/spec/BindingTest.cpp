#include "compiler/spec/Binding.h"
#include "TestFiles.h"
#include "compiler/spec/Family.h"
#include "models/Embedded.h"
#include "gmock/gmock.h"

using namespace lathe;
using namespace lathe::test;

namespace {

Checkpoint checkpoint(const char *config) {
  Checkpoint result;
  result.file = "c.json";
  result.architecture = "arch";
  result.config = nlohmann::json::parse(config);
  return result;
}

/// The fields that `bindings` set from `checkpoint`, on one line; or the error.
std::string bound(const std::string &bindings, const Checkpoint &checkpoint) {
  llvm::Expected<NamedFamily> family = parseFamily("hf { " + bindings + " }", "f.textproto");
  if (!family)
    return llvm::toString(family.takeError());
  spec::Model model;
  model.mutable_positions()->mutable_rotary();
  if (llvm::Error error = bindConfig(family->family.hf(), checkpoint, model))
    return llvm::toString(std::move(error));
  return model.ShortDebugString();
}

TEST(Binding, FirstPresentKeyWins) {
  const std::string binding =
      R"(bindings { field: "attention.n_heads" keys: ["{arch}.heads", "a.heads"] otherwise: "7" })";
  EXPECT_EQ(bound(binding, checkpoint(R"({"arch.heads": 3, "a": {"heads": 4}})")),
            "positions { rotary { } } attention { n_heads: 3 }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"arch.heads": null, "a": {"heads": 4}})")),
            "positions { rotary { } } attention { n_heads: 4 }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"a": 5})")), "positions { rotary { } } attention { n_heads: 7 }");
}

TEST(Binding, ChoosesAKindAndThenItsFields) {
  const std::string bindings = R"(
    bindings { field: "positions.rotary.scaling.kind" keys: "kind" optional: true
               values { key: "stretch" value: "linear" } values { key: "default" value: "" } }
    bindings { field: "positions.rotary.scaling.linear.factor" keys: "factor" }
    bindings { field: "positions.rotary.scaling.llama3.factor" keys: "factor" })";
  EXPECT_EQ(bound(bindings, checkpoint(R"({"kind": "stretch", "factor": 2})")),
            "positions { rotary { scaling { linear { factor: 2 } } } }");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"kind": "default"})")), "positions { rotary { } }");
  EXPECT_EQ(bound(bindings, checkpoint("{}")), "positions { rotary { } }");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"kind": "stretch"})")),
            "c.json: factor is missing (positions.rotary.scaling.linear.factor needs it)");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"kind": ["x"]})")),
            "c.json: kind = an array is not supported; supported: default, stretch");
}

TEST(Binding, LooksAtTensors) {
  const std::string bindings = R"(
    bindings { field: "vocab_size" keys: "rows:embedding" }
    bindings { field: "head.tied" keys: "exists:head" values { key: "true" value: "false" }
               values { key: "false" value: "true" } }
    bindings { field: "positions.rotary.scaling.divisors.divisor" keys: "values:divisors" optional: true })";
  const float divisors[] = {1, 2.5f};
  Checkpoint file = checkpoint("{}");
  ASSERT_EQ(messageOf(file.add({"embedding", Format::F32, "F32", {100, 8}, nullptr})), "");
  EXPECT_EQ(bound(bindings, file), "vocab_size: 100 positions { rotary { } } head { tied: true }");
  ASSERT_EQ(messageOf(file.add({"head", std::nullopt, "Q6_K", {100, 8}, nullptr})), "");
  ASSERT_EQ(messageOf(file.add({"divisors", Format::F32, "F32", {2}, reinterpret_cast<const uint8_t *>(divisors)})),
            "");
  EXPECT_EQ(bound(bindings, file),
            "vocab_size: 100 positions { rotary { scaling { divisors { divisor: 1 divisor: 2.5 } } } } head { }");
}

TEST(Binding, BareTensorsTakeTheStylesConstants) {
  Checkpoint file = checkpoint("null");
  EXPECT_EQ(bound(R"(bindings { field: "dim" keys: "width" }
                     bindings { field: "positions.rotary.pairing" otherwise: "HALF_SPLIT" })",
                  file),
            "positions { rotary { pairing: HALF_SPLIT } }");
}

TEST(Binding, ReadsBothStylesOfRopeConfiguration) {
  const char *old = R"({"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
    "high_freq_factor": 4, "original_max_position_embeddings": 8192},)";
  const char *recent =
      R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
    "high_freq_factor": 4, "original_max_position_embeddings": 8192},)";
  for (const char *rope : {old, recent}) {
    Checkpoint file =
        checkpoint((std::string(rope) + R"("model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1,
      "vocab_size": 5, "num_attention_heads": 2, "intermediate_size": 9})")
                       .c_str());
    file.style = Checkpoint::Style::HuggingFace;
    file.architecture = "llama";
    llvm::Expected<const NamedFamily *> family = familyOf(file);
    ASSERT_TRUE(bool(family));
    spec::Model model = (*family)->family.defaults();
    ASSERT_EQ(messageOf(bindConfig((*family)->family.hf(), file, model)), "");
    EXPECT_EQ(model.positions().ShortDebugString(),
              "rotary { theta: 500000 pairing: HALF_SPLIT scaling { llama3 { factor: 8 low_freq_factor: 1 "
              "high_freq_factor: 4 original_context: 8192 } } }");
    EXPECT_EQ(messageOf(validate(model, "c.json")), "c.json: version = 0 is not 1, the version of this compiler");
  }
}

TEST(Embedded, CarriesTheFilesAsTheyAre) {
  ASSERT_FALSE(embeddedModels().empty());
  for (const EmbeddedFile &file : embeddedModels())
    EXPECT_EQ(file.text, readBytes(std::string(file.path))) << file.path;
}

} // namespace
