// What a GGUF's metadata comes to: as llama.cpp reads it, or a line that names the key.
#include "TestFiles.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/Layers.h"
#include "compiler/spec/Readers.h"
#include "models/Embedded.h"
#include "gmock/gmock.h"
#include <map>

using namespace lathe;
using namespace lathe::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

/// A small model of an architecture, with keys added, replaced or (null) left out; keys are without the architecture.
struct Metadata {
  std::string architecture;
  json changes = json::object();
  std::vector<std::string> tensors = {}; ///< that are there, whatever they hold

  llvm::Expected<spec::Model> read() const {
    json keys = {{"embedding_length", 48},       {"block_count", 6},        {"context_length", 64},
                 {"attention.head_count", 4},    {"vocab_size", 50},        {"feed_forward_length", 64},
                 {"attention.head_count_kv", 2}, {"rope.freq_base", 5000.0}};
    const json &reader = *findReader(Checkpoint::Style::Gguf, architecture);
    for (const json &required : reader["required"])
      if (!keys.contains(required))
        keys[required] = required.get<std::string>().ends_with("epsilon") ? 1e-5 : 2.0;
    keys.update(changes);
    Checkpoint checkpoint;
    checkpoint.file = "m.gguf";
    checkpoint.architecture = architecture;
    checkpoint.config = json::object();
    for (const auto &[key, value] : keys.items())
      if (!value.is_null())
        checkpoint.config[architecture + "." + key] = value;
    for (const std::string &name : tensors)
      if (llvm::Error error = checkpoint.add({name, Format::F32, "F32", {48}, nullptr}))
        return std::move(error);
    if (llvm::Error error = completeKeys(checkpoint))
      return std::move(error);
    llvm::Expected<const NamedFamily *> family = familyOf(checkpoint);
    if (!family)
      return family.takeError();
    spec::Model model = (*family)->family.defaults();
    if (llvm::Error error = bindConfig((*family)->family.gguf(), checkpoint, model))
      return std::move(error);
    model.set_version(1);
    if (model.vocab_size() == 0)
      model.set_vocab_size(50);
    if (llvm::Error error = validate(model, "m.gguf"))
      return std::move(error);
    return model;
  }
};

std::string wrong(const Metadata &metadata) { return messageOf(metadata.read()); }
spec::Model modelOf(const Metadata &metadata) {
  llvm::Expected<spec::Model> model = metadata.read();
  if (model)
    return *model;
  ADD_FAILURE() << llvm::toString(model.takeError());
  return {};
}

/// Of each layer: 'w' where it has a window, else 'g'; "-" after one that does not rotate.
std::string windows(const Metadata &metadata) {
  llvm::Expected<spec::Model> model = metadata.read();
  if (!model)
    return llvm::toString(model.takeError());
  std::string layers;
  for (uint32_t i = 0; i < model->n_layers(); ++i) {
    const spec::Model layer = layerOf(*model, i);
    layers += layer.attention().window() ? "w" : "g";
    layers += layer.positions().has_rotary() ? "" : "-";
  }
  return layers;
}

std::string scalingOf(const std::string &architecture, const json &changes) {
  return modelOf({architecture, changes}).positions().rotary().scaling().ShortDebugString();
}

TEST(GgufReading, EveryArchitectureIsRead) {
  const std::map<std::string, json> more = {
      {"dbrx", {{"expert_count", 4}, {"expert_used_count", 2}}},
      {"dots1", {{"expert_count", 4}, {"expert_used_count", 2}, {"expert_gating_func", 2}}},
      {"ernie4_5-moe", {{"expert_count", 4}, {"expert_used_count", 2}, {"interleave_moe_layer_step", 1}}},
      {"gpt-oss", {{"expert_count", 4}, {"expert_used_count", 2}}},
      {"gptneox", {{"use_parallel_residual", true}}},
      {"granitemoe", {{"expert_count", 4}, {"expert_used_count", 2}}},
      {"mamba",
       {{"attention.head_count", 0},
        {"attention.head_count_kv", nullptr},
        {"feed_forward_length", 0},
        {"rope.freq_base", nullptr},
        {"ssm.inner_size", 96}}},
      {"mamba2",
       {{"attention.head_count", 0},
        {"attention.head_count_kv", nullptr},
        {"feed_forward_length", 0},
        {"rope.freq_base", nullptr},
        {"ssm.inner_size", 96}}},
      {"minimax-m2", {{"expert_count", 4}, {"expert_used_count", 2}, {"expert_gating_func", 2}}},
      {"olmoe", {{"expert_count", 4}, {"expert_used_count", 2}}},
      {"qwen2moe", {{"expert_count", 4}, {"expert_used_count", 2}}},
      {"qwen3moe", {{"expert_count", 4}, {"expert_used_count", 2}}},
  };
  size_t read = 0;
  for (const EmbeddedFile &file : embeddedFamilies()) {
    if (file.text.find("lathe.spec.Family") == std::string_view::npos)
      continue;
    const NamedFamily family = llvm::cantFail(parseFamily(file.text, file.path));
    for (const std::string &name : family.family.gguf().architectures()) {
      auto found = more.find(name);
      EXPECT_EQ(wrong({name, found == more.end() ? json::object() : found->second}), "") << name;
      ++read;
    }
  }
  EXPECT_GE(read, 46u);
}

TEST(GgufReading, PatternsOfWindows) {
  const json window = {{"attention.sliding_window", 3}};
  auto with = [&](json pattern) {
    json changes = window;
    changes["attention.sliding_window_pattern"] = std::move(pattern);
    return changes;
  };
  for (const char *name : {"gemma3", "olmo2", "gemma2", "gpt-oss"}) {
    const json more = {{"expert_count", 4}, {"expert_used_count", 2}, {"expert_feed_forward_length", 16}};
    auto of = [&](json pattern) {
      json changes = with(std::move(pattern));
      if (std::string(name) == "gpt-oss")
        changes.update(more);
      return windows({name, changes});
    };
    EXPECT_EQ(of(2), "wgwgwg") << name;
    EXPECT_EQ(of(3), "wwgwwg") << name;
    EXPECT_EQ(of(1), "gggggg") << name;
    EXPECT_EQ(of(0), "wwwwww") << name;
    EXPECT_EQ(of({true, false, false, true, true, false}), "wggwwg") << name;
    EXPECT_EQ(of({1, 1, 1, 1, 1, 1}), "wwwwww") << name;
    EXPECT_EQ(of({0, 0, 0, 0, 0, 0}), "gggggg") << name;
    EXPECT_EQ(of({true, false}), "m.gguf: " + std::string(name) +
                                     ".attention.sliding_window_pattern has 2 entries for 6 layers; one a layer would "
                                     "be right");
  }
  EXPECT_EQ(windows({"cohere2", with({false, true, true, true, true, true})}), "g-wwwww");
  EXPECT_EQ(windows({"cohere2", window}), "wwwg-ww");
  EXPECT_EQ(windows({"gemma3", window}), "wwwwwg");
  EXPECT_EQ(windows({"gemma3", {{"attention.sliding_window", 0}}}), "gggggg");
  for (const char *needed : {"gemma2", "cohere2"}) // llama.cpp gives no numbers then
    EXPECT_EQ(
        windows({needed, {{"attention.sliding_window", 0}}}),
        std::string("m.gguf: ") + needed +
            ".attention.sliding_window = 0 is not supported; supported: a number of keys, the row's own included");
  EXPECT_EQ(windows({"gemma3"}), "gggggg");
  EXPECT_EQ(windows({"gemma2"}), "wgwgwg"); // of 4096
}

TEST(GgufReading, ThetaGoesWithTheWindow) {
  const spec::Model gemma3 = modelOf(
      {"gemma3",
       {{"attention.sliding_window", 3}, {"attention.sliding_window_pattern", 2}, {"rope.scaling.factor", 8.0}}});
  EXPECT_EQ(layerOf(gemma3, 0).positions().rotary().theta(), 10000);
  EXPECT_FALSE(layerOf(gemma3, 0).positions().rotary().scaling().has_linear());
  EXPECT_EQ(layerOf(gemma3, 1).positions().rotary().theta(), 5000);
  EXPECT_EQ(layerOf(gemma3, 1).positions().rotary().scaling().linear().factor(), 8);
  const spec::Model gemma2 = modelOf({"gemma2", {{"rope.freq_base_swa", 70.0}, {"rope.scaling.factor", 8.0}}});
  EXPECT_EQ(layerOf(gemma2, 0).positions().rotary().theta(), 70);
  EXPECT_EQ(layerOf(gemma2, 0).positions().rotary().scaling().linear().factor(), 8);
  EXPECT_EQ(layerOf(gemma2, 1).positions().rotary().theta(), 5000);
  const spec::Model cohere2 = modelOf({"cohere2", {{"rope.scaling.factor", 8.0}, {"rope.dimension_count", 6}}});
  EXPECT_EQ(layerOf(cohere2, 0).positions().rotary().scaling().linear().factor(), 8);
  EXPECT_EQ(layerOf(cohere2, 0).positions().rotary().dims(), 6u);
  EXPECT_EQ(wrong({"gemma2", {{"rope.scaling.type", "none"}, {"rope.scaling.factor", 8.0}}}),
            "m.gguf: gemma2.rope.scaling.factor = 8.0 is not supported; supported: 0.0, 1.0");
  // llama.cpp takes the model's theta there, whatever rope.freq_base_swa says.
  const spec::Model olmo2 = modelOf({"olmo2", {{"attention.sliding_window", 3}, {"rope.freq_base_swa", 70.0}}});
  EXPECT_EQ(layerOf(olmo2, 0).positions().rotary().theta(), 5000);
}

TEST(GgufReading, WindowsOfExaone4AreThoseOf64Layers) {
  EXPECT_EQ(windows({"exaone4", {{"attention.sliding_window", 3}}}), "gggggg");
  EXPECT_EQ(windows({"exaone4", {{"block_count", 64}}}).substr(0, 10), "wwwg-wwwg-");
  EXPECT_EQ(windows({"exaone4", {{"block_count", 64}, {"attention.sliding_window_pattern", 2}}}).substr(0, 6),
            "wg-wg-");
  EXPECT_EQ(modelOf({"exaone4", {{"block_count", 64}}}).variants(1).attention().window(), 4096u);
}

TEST(GgufReading, KeysThatTheFormatDoesNotReadDoNothing) {
  for (const char *name : {"llama", "qwen2", "qwen3", "dots1", "smollm3"}) {
    json changes = std::string(name) == "dots1"
                       ? json{{"expert_count", 4}, {"expert_used_count", 2}, {"expert_gating_func", 2}}
                       : json::object();
    const std::string without = modelOf({name, changes}).ShortDebugString();
    changes.update({{"attention.sliding_window", 3}, {"attn_logit_softcapping", 5.0}, {"logit_scale", 0.5}});
    EXPECT_EQ(modelOf({name, changes}).ShortDebugString(), without) << name;
  }
}

TEST(GgufReading, DefaultsAreTheFormats) {
  const spec::Model gemma2 = modelOf({"gemma2"});
  EXPECT_EQ(gemma2.attention().logit_softcap(), 50);
  EXPECT_EQ(gemma2.head().softcap(), 30);
  EXPECT_EQ(modelOf({"gemma3"}).head().softcap(), 0);
  EXPECT_EQ(modelOf({"command-r"}).head().scale(), 1);
  EXPECT_EQ(modelOf({"glm4"}).positions().rotary().dims(), 12u);
  EXPECT_EQ(modelOf({"phi2"}).positions().rotary().dims(), 12u);
  EXPECT_EQ(modelOf({"llama", {{"rope.freq_base", nullptr}}}).positions().rotary().theta(), 10000);
  EXPECT_EQ(wrong({"command-r", {{"attention.layer_norm_epsilon", nullptr}}}),
            "m.gguf: command-r.attention.layer_norm_epsilon is missing; llama.cpp would not read the file either");
  EXPECT_EQ(wrong({"llama", {{"context_length", nullptr}}}),
            "m.gguf: llama.context_length is missing; llama.cpp would not read the file either");
}

TEST(GgufReading, SizesThatChooseAScale) {
  const json width = {{"attention.key_length", 8}, {"attention.value_length", 8}};
  auto scaleOf = [&](const char *name, uint32_t layers) {
    json changes = width;
    changes["block_count"] = layers;
    return modelOf({name, changes}).attention().scale();
  };
  EXPECT_DOUBLE_EQ(scaleOf("gemma2", 46), 1 / std::sqrt(12));
  EXPECT_DOUBLE_EQ(scaleOf("gemma2", 26), 1 / std::sqrt(8));
  EXPECT_DOUBLE_EQ(scaleOf("gemma3", 62), 1 / std::sqrt(12));
}

TEST(GgufReading, OldMiniCpmIsFilledIn) {
  const spec::Model old = modelOf({"minicpm"});
  EXPECT_EQ(old.embedding().scale(), 12);
  EXPECT_DOUBLE_EQ(old.residual().scale(), 1.4 / std::sqrt(6));
  EXPECT_DOUBLE_EQ(old.head().scale(), 48.0 / 256);
  const spec::Model own =
      modelOf({"minicpm", {{"embedding_scale", 3.0}, {"residual_scale", 0.5}, {"logit_scale", 4.0}}});
  EXPECT_EQ(own.embedding().scale(), 3);
  EXPECT_EQ(own.residual().scale(), 0.5);
  EXPECT_EQ(own.head().scale(), 0.25);
}

TEST(GgufReading, ScalingsOfARotation) {
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.factor", 4.0}}), "linear { factor: 4 }");
  EXPECT_EQ(scalingOf("llama", {{"rope.scale_linear", 4.0}}), "linear { factor: 4 }");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.factor", 2.0}, {"rope.scale_linear", 4.0}}), "linear { factor: 2 }");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.factor", 0.0}}), "linear { factor: 1 }");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.type", "none"}, {"rope.scaling.factor", 4.0}}), "");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.type", "longrope"}, {"rope.scaling.factor", 4.0}}),
            "linear { factor: 4 }");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.type", "yarn"}}), "");
  EXPECT_EQ(scalingOf("llama", {{"rope.scaling.attn_factor", 2.0}}), "magnitude: 2");
  const json yarn = {{"rope.scaling.type", "yarn"}, {"rope.scaling.factor", 4.0}, {"rope.scaling.attn_factor", 2.0}};
  EXPECT_EQ(scalingOf("llama", yarn),
            "yarn { factor: 4 original_context: 64 beta_fast: 32 beta_slow: 1 } magnitude: 2");
  EXPECT_EQ(wrong({"llama", {{"rope.scaling.type", "rings"}}}),
            "m.gguf: llama.rope.scaling.type = rings is not supported; supported: linear, longrope, none, yarn");
  EXPECT_EQ(scalingOf("hunyuan-dense", {{"rope.scaling.alpha", 1000.0}}), "ntk { factor: 1000 }");
  EXPECT_EQ(wrong({"hunyuan-dense", {{"rope.scaling.alpha", 1000.0}, {"rope.scaling.factor", 4.0}}}),
            "m.gguf: hunyuan-dense.rope.scaling.alpha = 1000.0 is not supported; supported: 0.0");
  EXPECT_EQ(
      wrong({"hunyuan-dense", {{"rope.scaling.alpha", 1000.0}, {"rope.scaling.type", "rings"}}}),
      "m.gguf: hunyuan-dense.rope.scaling.type = rings is not supported; supported: linear, longrope, none, yarn");
  EXPECT_TRUE(modelOf({"granite", {{"rope.scaling.finetuned", false}}}).positions().has_none());
  EXPECT_TRUE(modelOf({"llama", {{"rope.scaling.finetuned", false}}}).positions().has_rotary());
}

TEST(GgufReading, ZeroIsAValue) {
  EXPECT_TRUE(modelOf({"mpt"}).positions().has_none());
  EXPECT_TRUE(modelOf({"mpt", {{"attention.max_alibi_bias", 0.0}}}).positions().has_none());
  EXPECT_EQ(modelOf({"mpt", {{"attention.max_alibi_bias", 4.0}}}).positions().alibi().max_bias(), 4);
  EXPECT_EQ(wrong({"mpt", {{"attention.max_alibi_bias", 4.0}}, {"position_embd.weight"}}),
            "m.gguf: mpt.attention.max_alibi_bias = 4.0 is not supported; supported: 0.0");
  for (const char *key :
       {"attention.key_length", "attention.value_length", "attention.head_count_kv", "rope.dimension_count"})
    EXPECT_THAT(wrong({"llama", {{key, 0}}}), HasSubstr("= 0")) << key;
}

TEST(GgufReading, AValueIsAsLongAsAHeadUnlessItSays) {
  const spec::Model model = modelOf({"llama", {{"attention.key_length", 8}}});
  EXPECT_EQ(model.attention().head_size(), 8u);
  EXPECT_EQ(model.attention().value_head_size(), 12u);
  EXPECT_EQ(model.positions().rotary().dims(), 8u);
}

TEST(GgufReading, NumbersByLayer) {
  const json same = {{"attention.head_count", {4, 4, 4, 4, 4, 4}}, {"feed_forward_length", {64, 64, 64, 64, 64, 64}}};
  EXPECT_EQ(modelOf({"llama", same}).ShortDebugString(), modelOf({"llama"}).ShortDebugString());
  EXPECT_EQ(
      wrong({"llama", {{"attention.head_count_kv", {2, 2, 2, 1, 2, 2}}}}),
      "m.gguf: llama.attention.head_count_kv has 2 in one layer and 1 in another; one number for all layers would "
      "be right");
  EXPECT_EQ(wrong({"llama", {{"feed_forward_length", {64, 64}}}}),
            "m.gguf: llama.feed_forward_length has 2 numbers for 6 layers; one, or one a layer, would be right");
  EXPECT_EQ(wrong({"llama", {{"context_length", {64}}}}),
            "m.gguf: llama.context_length = an array is not a whole number from 0 to 4294967295 (for max_context)");
}

TEST(GgufReading, WhatIsNotFollowedIsNamed) {
  EXPECT_EQ(wrong({"llama", {{"attention.causal", false}}}),
            "m.gguf: llama.attention.causal = false is not supported; true would be right");
  EXPECT_EQ(wrong({"qwen2", {{"expert_count", 8}, {"expert_used_count", 2}}}),
            "m.gguf: qwen2.expert_count = 8 is not supported; 0 would be right");
  EXPECT_EQ(wrong({"glm4", {{"rope.dimension_sections", {2, 2, 2, 0}}}}),
            "m.gguf: glm4.rope.dimension_sections = an array is not supported; a model without it would be right");
  EXPECT_EQ(wrong({"llama", {{"nextn_predict_layers", 1}}}),
            "m.gguf: llama.nextn_predict_layers = 1 is not supported; 0 would be right");
}

TEST(GgufReading, NormsOfFalconAreTwoWhereAnyLayerHasTwo) {
  EXPECT_TRUE(modelOf({"falcon"}).residual().shared_norm());
  EXPECT_FALSE(modelOf({"falcon", json::object(), {"blk.1.attn_norm_2.weight"}}).residual().shared_norm());
}

TEST(GgufReading, EachBiasThatIsThereCounts) {
  auto biases = [](std::vector<std::string> tensors) {
    const spec::Model model = modelOf({"llama", json::object(), std::move(tensors)});
    return std::string(model.attention().qkv_bias() ? "q" : "") + (model.attention().output_bias() ? "o" : "") +
           (model.mlp().bias() ? "m" : "");
  };
  EXPECT_EQ(biases({}), "");
  EXPECT_EQ(biases({"blk.3.attn_k.bias"}), "q");
  EXPECT_EQ(biases({"blk.5.attn_output.bias"}), "o");
  EXPECT_EQ(biases({"blk.0.ffn_gate.bias", "blk.1.attn_qkv.bias"}), "qm");
}

} // namespace
