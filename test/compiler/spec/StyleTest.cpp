#include "compiler/spec/Style.h"
#include "TestFiles.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/TextProto.h"
#include "models/Embedded.h"
#include "llvm/Support/Path.h"
#include "gmock/gmock.h"

using namespace lathe;
using namespace lathe::test;

namespace {

spec::Style style(const char *text) {
  spec::Style result;
  EXPECT_EQ(messageOf(parseTextProto(text, "s", result)), "");
  return result;
}

std::string complaint(const std::string &text) { return messageOf(parseFamily("hf { " + text + " }", "f.textproto")); }

TEST(Style, WhatItBindsReplacesWhatItIncludes) {
  const spec::Style base = style(R"(
    bindings { field: "dim" keys: "a" } bindings { field: "n_layers" keys: "a" } bindings { field: "dim" keys: "b" }
    tensors { role: "layers.*.attention" stack: ["query", "key"] names: "qk" } tensors { role: "head" names: "h" }
    ignored: "x" prefixes { name: "p." } )");
  const spec::Style own = style(R"(
    architectures: "own" bindings { field: "n_layers" keys: "c" } bindings { field: "vocab_size" keys: "c" }
    bindings { field: "n_layers" keys: "d" } tensors { role: "layers.*.attention.key" names: "k" } ignored: "y")");
  std::string text;
  const spec::Style whole = includedStyle(base, own);
  for (const spec::Binding &binding : whole.bindings())
    text += binding.field() + " " + binding.keys(0) + "; ";
  for (const spec::TensorBinding &binding : whole.tensors())
    text += binding.role() + " " + binding.names(0) + "; ";
  EXPECT_EQ(text, "vocab_size c; dim a; n_layers c; n_layers d; dim b; layers.*.attention.key k; head h; ");
  EXPECT_THAT(whole.ignored(), testing::ElementsAre("y", "x"));
  ASSERT_EQ(whole.prefixes_size(), 1);
  EXPECT_EQ(whole.prefixes(0).name(), "p.");
  EXPECT_THAT(whole.architectures(), testing::ElementsAre("own"));
}

TEST(Style, MistakesNameTheFileTheyStandIn) {
  EXPECT_THAT(
      complaint("includes: \"transformer\""),
      testing::MatchesRegex("f.textproto: includes 'transformer': no such shared style; known: .*, transformers, .*"));
  EXPECT_EQ(complaint("includes: \"transformers\" bindings { field: \"dmi\" keys: \"x\" }"),
            "f.textproto: binding of 'dmi': the spec has no such field");
  EXPECT_EQ(messageOf(parseSharedStyle("bindings { field: \"dmi\" keys: \"x\" }", {}, "shared.textproto")),
            "shared.textproto: binding of 'dmi': the spec has no such field");
  EXPECT_EQ(messageOf(parseSharedStyle("includes: \"gguf\"", {}, "shared.textproto")),
            "shared.textproto: a shared style has neither includes nor architectures of its own");
}

TEST(Style, MistakesInTensorBindings) {
  EXPECT_EQ(complaint(R"(tensors { role: "layers.*.attention" names: "x" stack: ["query", "up"] })"),
            "f.textproto: tensor binding of 'layers.*.attention': the model has no role 'layers.*.attention.up'");
  EXPECT_EQ(
      complaint(R"(tensors { role: "head" names: "x" blocks: 2 })"),
      "f.textproto: tensor binding of 'head': by_kv_head, blocks and alternating say how a stack lies; this has none");
  EXPECT_EQ(
      complaint(R"(tensors { role: "layers.*.mlp" names: "x" stack: ["gate", "up"] blocks: 2 by_kv_head: true })"),
      "f.textproto: tensor binding of 'layers.*.mlp': by_kv_head, blocks and alternating exclude each other");
  EXPECT_EQ(complaint(R"(tensors { role: "layers.*.mlp" stack: ["gate", "up"] })"),
            "f.textproto: tensor binding of 'layers.*.mlp' has no names");
}

TEST(Style, ABiasIsBesideItsMatrix) {
  const spec::Style names = style(R"(
    tensors { role: "layers.*.attention" stack: ["query", "key"] names: ["l.*.qk.weight", "l.*.wqk"] }
    tensors { role: "layers.*.attention.query" names: "l.*.q.weight" }
    tensors { role: "head" names: "h.weight" } tensors { role: "head.bias" names: "offset" })");
  const TensorRoles roles(names);
  auto found = [&](const char *role) {
    std::string text;
    for (const TensorRoles::Candidate &candidate : roles.find(role)) {
      for (const std::string &name : candidate.names)
        text += name + " ";
      for (const std::string &held : candidate.roles)
        text += "(" + held + ") ";
    }
    return text;
  };
  EXPECT_EQ(found("layers.3.attention.query"),
            "l.3.qk.weight l.3.wqk (layers.3.attention.query) (layers.3.attention.key) "
            "l.3.q.weight (layers.3.attention.query) ");
  EXPECT_EQ(found("layers.3.attention.key.bias"),
            "l.3.qk.bias (layers.3.attention.query.bias) (layers.3.attention.key.bias) ");
  EXPECT_EQ(found("head.bias"), "offset (head.bias) ");
  EXPECT_EQ(found("output_norm"), "");
}

TEST(Style, APrefixMayBeMissing) {
  Checkpoint checkpoint;
  ASSERT_EQ(messageOf(checkpoint.add({"h.0.w", Format::F32, "F32", {1}, nullptr})), "");
  ASSERT_EQ(messageOf(checkpoint.add({"t.e", Format::F32, "F32", {1}, nullptr})), "");
  const spec::Style prefixed = style(R"(prefixes { name: "t." } ignored: "t.h.*.mask")");
  EXPECT_EQ(findTensor(prefixed, checkpoint, "t.h.0.w"), &checkpoint.tensors[0]);
  EXPECT_EQ(findTensor(prefixed, checkpoint, "t.e"), &checkpoint.tensors[1]);
  EXPECT_EQ(findTensor(prefixed, checkpoint, "e"), nullptr);
  EXPECT_EQ(findTensor(style(""), checkpoint, "t.h.0.w"), nullptr);
  EXPECT_TRUE(isIgnored(prefixed, "h.3.mask"));
  EXPECT_TRUE(isIgnored(prefixed, "t.h.3.mask"));
  EXPECT_FALSE(isIgnored(prefixed, "t.h.3.masked"));
}

TEST(Style, APrefixMayBeAnother) {
  Checkpoint checkpoint;
  ASSERT_EQ(messageOf(checkpoint.add({"text.m.0.w", Format::F32, "F32", {1}, nullptr})), "");
  ASSERT_EQ(messageOf(checkpoint.add({"m.text.e", Format::F32, "F32", {1}, nullptr})), "");
  const spec::Style part = style(R"(prefixes { name: "m." instead: "text.m." }
                                    prefixes { name: "m." instead: "m.text." } ignored: "m.*.mask")");
  EXPECT_EQ(findTensor(part, checkpoint, "m.0.w"), &checkpoint.tensors[0]);
  EXPECT_EQ(findTensor(part, checkpoint, "m.e"), &checkpoint.tensors[1]);
  EXPECT_EQ(findTensor(part, checkpoint, "n.e"), nullptr);
  EXPECT_TRUE(isIgnored(part, "text.m.3.mask"));
  EXPECT_FALSE(isIgnored(part, "text.n.3.mask"));
}

TEST(Style, EverySharedOneIsIncludedSomewhere) {
  std::string families;
  for (const EmbeddedFile &file : embeddedFamilies())
    if (declaredMessage(file.text) == "lathe.spec.Family")
      families += file.text;
  for (const EmbeddedFile &file : embeddedFamilies())
    if (declaredMessage(file.text) == "lathe.spec.Style")
      EXPECT_THAT(families, testing::HasSubstr(("\"" + llvm::sys::path::stem(file.path) + "\"").str()));
}

} // namespace
