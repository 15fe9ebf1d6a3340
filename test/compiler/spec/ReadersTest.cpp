// Families against what the formats' own programs read (models/readers): no key is bound that the program does not read, none
// that it reads is passed over, and what is absent is as the program has it.
#include "compiler/spec/Readers.h"
#include "TestFiles.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/Layers.h"
#include "compiler/spec/Style.h"
#include "compiler/spec/TextProto.h"
#include "compiler/spec/TransformersConfig.h"
#include "models/Embedded.h"
#include "gmock/gmock.h"
#include <map>
#include <set>

using namespace lathe;
using namespace lathe::test;
using nlohmann::json;

namespace {

std::vector<NamedFamily> families() {
  std::vector<NamedFamily> result;
  for (const EmbeddedFile &file : embeddedFamilies())
    if (file.text.find("lathe.spec.Family") != std::string_view::npos)
      result.push_back(llvm::cantFail(parseFamily(file.text, file.path)));
  return result;
}

/// The layers that a configuration describes, without its tensors, or what is wrong with it.
std::string specOf(const json &config) {
  Checkpoint checkpoint;
  checkpoint.file = "config.json";
  checkpoint.style = Checkpoint::Style::HuggingFace;
  checkpoint.architecture = config["model_type"];
  checkpoint.config = config;
  if (llvm::Error error = completeTransformers(checkpoint))
    return messageOf(std::move(error));
  llvm::Expected<const NamedFamily *> family = familyOf(checkpoint);
  if (!family)
    return llvm::toString(family.takeError());
  spec::Model model = (*family)->family.defaults();
  if (llvm::Error error = bindConfig((*family)->family.hf(), checkpoint, model))
    return messageOf(std::move(error));
  model.set_version(1);
  if (llvm::Error error = validate(model, "config.json"))
    return messageOf(std::move(error));
  std::string layers; // which of them are alike may be said in several ways
  for (uint32_t i = 0; i < model.n_layers(); ++i)
    layers += printSpec(layerOf(model, i));
  return layers;
}

bool isModel(const std::string &spec) { return spec.starts_with("# proto-file"); }

struct Case {
  std::string name;
  json config, stripped;
};

/// tools/golden/make_stripped.py says what they are. Those that only their tensors complete are left out.
const std::vector<Case> &cases() {
  static const std::vector<Case> read = [] {
    std::vector<Case> result;
    for (const json &each : json::parse(readBytes("test/data/readers/stripped.json")))
      result.push_back({each["name"], each["config"], each["stripped"]});
    return result;
  }();
  return read;
}

TEST(Readers, EveryConfigurationIsAModel) {
  std::map<std::string, std::string> wrong;
  for (const Case &each : cases())
    if (std::string spec = specOf(each.config); !isModel(spec))
      wrong[each.name] = spec;
  const std::map<std::string, std::string> known = {
      {"olmoe", "config.json: clip_qkv = 0.8 is not supported; a model without it would be right"},
  };
  EXPECT_EQ(wrong, known);
}

TEST(Readers, RefuseNoPublishedConfiguration) {
  // As models' authors write them, with words of their own code and of other libraries.
  for (const json &each : json::parse(readBytes("test/data/readers/published.json")))
    if (const std::string spec = specOf(each["config"]); !isModel(spec))
      ADD_FAILURE() << each["name"] << ": " << spec;
}

TEST(Readers, AKeyLeftOutIsAsItsClassHasIt) {
  size_t keys = 0;
  for (const Case &each : cases())
    for (const auto &[key, value] : each.stripped.items()) {
      const auto [whole, entry] = llvm::StringRef(key).split('.');
      json without = each.config, with = each.config;
      if (entry.empty())
        without.erase(key);
      else
        without[whole.str()].erase(entry.str());
      with[whole.str()] = value;
      if (each.name != "hyperclovax" || key != "attention_multiplier") // the same number but for its last bit
        EXPECT_EQ(specOf(without), specOf(with)) << each.name << " without " << key;
      ++keys;
    }
  EXPECT_GT(keys, 3000u);
}

TEST(Readers, NullIsNotTheDefault) {
  auto with = [](const char *name, const char *key, const json &value) {
    json config = llvm::find_if(cases(), [&](const Case &each) { return each.name == name; })->config;
    config[key] = value;
    return specOf(config);
  };
  // What a family or a class has by default goes, where there may be none.
  EXPECT_EQ(with("nanochat", "final_logit_softcapping", nullptr).find("softcap"), std::string::npos);
  EXPECT_NE(with("nanochat", "final_logit_softcapping", 15), with("nanochat", "final_logit_softcapping", nullptr));
  EXPECT_EQ(with("gemma2", "attn_logit_softcapping", nullptr).find("logit_softcap:"), std::string::npos);
  EXPECT_EQ(with("gemma2", "rms_norm_eps", nullptr),
            "config.json: rms_norm_eps = null is not supported; 1e-06 would be right (for norm.eps)");
}

TEST(Readers, AKeyOfOtherClassesDoesNothing) {
  json words = json::object(); // of all classes, each with a value that would do something
  const json table = json::parse(embeddedReaders().back().text)["architectures"];
  for (const auto &[name, entry] : table.items())
    for (const auto &[key, value] : entry["keys"].items())
      words[key] = value.is_boolean() ? json(!value.get<bool>()) : value.is_number() ? json(3) : json(7);
  for (const Case &each : cases()) {
    const json &reader = *findReader(Checkpoint::Style::HuggingFace, each.config["model_type"].get<std::string>());
    json more = each.config;
    for (const auto &[key, value] : words.items()) {
      const bool isAlias =
          reader["aliases"].contains(key) ||
          llvm::any_of(reader["aliases"].items(), [&](const auto &alias) { return alias.value() == key; });
      // Every class reads whether the embedding is its head, and a whole model hands its part all keys but its own.
      if (!reader["keys"].contains(key) && !isAlias && key != "tie_word_embeddings" && reader["text"] == "")
        more[key] = value;
    }
    EXPECT_EQ(specOf(more), specOf(each.config)) << each.name;
  }
}

/// Keys of config.json that a style's bindings name, without the parts that reach into objects; tensors' names are none.
std::set<std::string> keysOf(const spec::Style &style) {
  std::set<std::string> keys;
  auto add = [&](llvm::StringRef key) {
    if (key.starts_with("exists:") || key.starts_with("rows:") || key.starts_with("values:"))
      return;
    key.consume_front("indices:");
    keys.insert(key.split('=').first.rtrim('!').split('.').first.str());
  };
  for (const spec::Binding &binding : style.bindings()) {
    llvm::for_each(binding.keys(), add);
    llvm::for_each(binding.times(), add);
    llvm::for_each(binding.when(), add);
  }
  return keys;
}

TEST(Readers, KnowEveryKeyThatAFamilyBindsItself) {
  for (const EmbeddedFile &file : embeddedFamilies()) {
    spec::Family own; // without what it includes
    if (file.text.find("lathe.spec.Family") == std::string_view::npos)
      continue;
    ASSERT_EQ(messageOf(parseTextProto(file.text, file.path, own)), "");
    for (const std::string &key : keysOf(own.hf())) {
      const bool known = key == "model_type" || llvm::any_of(own.hf().architectures(), [&](const std::string &name) {
                           const json *reader = findReader(Checkpoint::Style::HuggingFace, name);
                           if (reader && (*reader)["text"] != "")
                             reader = findReader(Checkpoint::Style::HuggingFace, (*reader)["text"].get<std::string>());
                           return reader && (*reader)["keys"].contains(key);
                         });
      EXPECT_TRUE(known) << file.path << " binds " << key << ", which its class does not read";
    }
  }
}

TEST(Readers, NoKeyIsPassedOver) {
  // Neither bound nor inert: a model that sets them is refused.
  std::map<std::string, std::set<std::string>> refused;
  for (const NamedFamily &family : families())
    for (const std::string &name : family.family.hf().architectures()) {
      const json *reader = findReader(Checkpoint::Style::HuggingFace, name);
      ASSERT_TRUE(reader) << name
                          << ": models/readers/transformers.json does not know it; tools/golden/make_readers.py";
      if ((*reader)["text"] != "")
        reader = findReader(Checkpoint::Style::HuggingFace, (*reader)["text"].get<std::string>());
      const std::set<std::string> bound = keysOf(family.family.hf());
      for (const auto &[key, standard] : (*reader)["keys"].items()) {
        const bool gathered = key.starts_with("rope_") || key == "partial_rotary_factor" ||
                              key == "original_max_position_embeddings"; // TransformersConfig.h
        const bool inert = llvm::any_of(family.family.hf().inert(), [&, &key = key](const std::string &pattern) {
          return matchesPattern(pattern, key);
        });
        if (!bound.contains(key) && !inert && !gathered)
          refused[name].insert(key);
      }
    }
  const std::map<std::string, std::set<std::string>> known = {
      {"chatglm", {"pre_seq_len", "prefix_projection"}}, // a prompt that is learned
      {"ernie4_5_moe", {"moe_norm_min"}},
      // Meant for initial weights only; transformers 5.24 divides those of a checkpoint by it, too.
      {"falcon_mamba", {"rescale_prenorm_residual"}},
      {"gemma", {"use_bidirectional_attention"}},
      {"gemma2", {"use_bidirectional_attention"}},
      {"gemma3", {"use_bidirectional_attention"}},
      {"gemma3_text", {"use_bidirectional_attention"}},
      {"gpt2", {"add_cross_attention"}},
      {"gpt_bigcode", {"add_cross_attention"}},
      {"mamba", {"rescale_prenorm_residual"}},
      {"mamba2", {"rescale_prenorm_residual"}},
      {"olmoe", {"clip_qkv"}}, // would clip what the norms give
      {"xglm", {"add_cross_attention"}},
  };
  EXPECT_EQ(refused, known);
}

/// Keys of a GGUF's metadata that a style's bindings name, without "{arch}.".
std::set<std::string> ggufKeysOf(const spec::Style &style) {
  std::set<std::string> keys;
  auto add = [&](llvm::StringRef key) {
    key.consume_front("indices:");
    if (key.consume_front("{arch}."))
      keys.insert(key.split('=').first.rtrim('!').str());
  };
  for (const spec::Binding &binding : style.bindings()) {
    llvm::for_each(binding.keys(), add);
    llvm::for_each(binding.times(), add);
    llvm::for_each(binding.when(), add);
    add(binding.over());
  }
  return keys;
}

TEST(GgufReaders, KnowEveryKeyThatAFamilyBindsItself) {
  for (const EmbeddedFile &file : embeddedFamilies()) {
    spec::Family own;
    if (file.text.find("lathe.spec.Family") == std::string_view::npos)
      continue;
    ASSERT_EQ(messageOf(parseTextProto(file.text, file.path, own)), "");
    for (const std::string &name : own.gguf().architectures()) {
      const json *reader = findReader(Checkpoint::Style::Gguf, name);
      ASSERT_TRUE(reader) << name
                          << ": models/readers/llama.cpp.json does not know it; tools/golden/make_gguf_readers.py";
      for (const std::string &key : ggufKeysOf(own.gguf()))
        EXPECT_TRUE((*reader)["keys"].contains(key))
            << file.path << " binds " << key << ", which llama.cpp does not read";
    }
  }
}

TEST(GgufReaders, NoDefaultIsTheFamilysOwn) {
  // What llama.cpp has a default for needs no other; what it needs is not optional.
  const std::set<std::string> known = {
      "exaone4 attention.sliding_window", // of 64 layers only
  };
  std::set<std::string> own;
  for (const NamedFamily &family : families())
    for (const std::string &name : family.family.gguf().architectures())
      for (const spec::Binding &binding : family.family.gguf().bindings())
        for (llvm::StringRef key : binding.keys())
          if (key.consume_front("{arch}.") && !binding.otherwise().empty())
            own.insert(name + " " + key.str());
  EXPECT_EQ(own, known);
}

TEST(GgufReaders, NoKeyIsPassedOver) {
  // Neither bound nor inert: a model that sets them otherwise than by default is refused.
  std::map<std::string, std::set<std::string>> refusedBy;
  for (const NamedFamily &family : families())
    for (const std::string &name : family.family.gguf().architectures()) {
      const json &reader = *findReader(Checkpoint::Style::Gguf, name);
      const std::set<std::string> bound = ggufKeysOf(family.family.gguf());
      for (const auto &[key, standard] : reader["keys"].items()) {
        const bool inert = llvm::any_of(family.family.gguf().inert(), [&, &key = key](const std::string &pattern) {
          return matchesPattern(pattern, "{arch}." + key);
        });
        if (!bound.contains(key) && !inert)
          refusedBy[key].insert(name);
      }
    }
  // By most, which have none of it, and by the few that have.
  const std::set<std::string> everywhere = {
      "attention.causal",     "attention.key_length_swa", "attention.value_length_swa", "embedding_length_out",
      "expert_count",         "expert_group_count",       "expert_group_used_count",    "expert_used_count",
      "nextn_predict_layers", "rope.dimension_count_swa",
  };
  const std::map<std::string, std::set<std::string>> few = {
      {"deepstack_mapping", {"granite"}}, // of images
      {"expert_shared_feed_forward_length", {"granite"}},
      {"rope.dimension_sections", {"ernie4_5", "ernie4_5-moe", "glm4", "hunyuan-dense"}},
  };
  for (const std::string &key : everywhere)
    EXPECT_GE(refusedBy[key].size(), 30u) << key;
  std::erase_if(refusedBy, [&](const auto &entry) { return everywhere.contains(entry.first); });
  EXPECT_EQ(refusedBy, few);
}

} // namespace
