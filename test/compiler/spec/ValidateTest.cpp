#include "TestFiles.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/Layers.h"
#include "compiler/spec/TextProto.h"
#include "gmock/gmock.h"

using namespace lathe;
using namespace lathe::test;

namespace {

const char *const valid = R"(version: 1 dim: 64 n_layers: 2 vocab_size: 100 max_context: 32
  positions { rotary { theta: 1e4 pairing: HALF_SPLIT } } norm { kind: RMS eps: 1e-5 }
  attention { n_heads: 8 } mlp { hidden: 96 gated: true activation: SILU })";

/// validate()'s message for the valid spec with `edit` merged into it.
std::string complaint(const char *edit) {
  spec::Model model, change;
  EXPECT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  EXPECT_EQ(messageOf(parseTextProto(edit, "edit", change)), "");
  model.MergeFrom(change);
  return messageOf(validate(model, "m.textproto"));
}

TEST(Validate, FillsDefaults) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(messageOf(validate(model, "m.textproto")), "");
  EXPECT_EQ(model.attention().n_kv_heads(), 8u);
  EXPECT_EQ(model.attention().head_size(), 8u);
  EXPECT_DOUBLE_EQ(model.attention().scale(), 1 / std::sqrt(8.0));
  EXPECT_EQ(model.positions().rotary().dims(), 8u);
  EXPECT_EQ(model.residual().scale(), 1);
}

TEST(Validate, WorksOutWhatFollowsFromOthers) {
  spec::Model model, change;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(messageOf(parseTextProto("positions { rotary { fraction: 0.25 } } embedding { by_sqrt_dim: true size: 64 } "
                                     "attention { scale_size: 16 } mlp { expansion: 2.5 } "
                                     "residual { depth_scale: 3 } head { scale_dim: 16 }",
                                     "edit", change)),
            "");
  model.MergeFrom(change);
  model.mutable_mlp()->clear_hidden();
  ASSERT_EQ(messageOf(validate(model, "m.textproto")), "");
  EXPECT_EQ(model.positions().rotary().dims(), 2u);
  EXPECT_EQ(model.embedding().scale(), 8);
  EXPECT_EQ(model.attention().scale(), 0.25);
  EXPECT_EQ(model.mlp().hidden(), 160u);
  EXPECT_EQ(model.embedding().size(), 0u); // as wide as the model: no projections
  EXPECT_EQ(model.residual().scale(), 3 / std::sqrt(double(model.n_layers())));
  EXPECT_EQ(model.head().scale(), 0.25);
  EXPECT_EQ(model.mlp().expansion(), 0); // equal models are equal specs
}

TEST(Validate, FillsVariantsFromWhatTheySet) {
  spec::Model model, change;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(
      messageOf(parseTextProto("variants { name: \"a\" layers: 1 attention { scale_size: 4 } mlp { expansion: 2 } "
                               "positions { rotary { theta: 10 pairing: HALF_SPLIT fraction: 0.5 } } }",
                               "edit", change)),
      "");
  model.MergeFrom(change);
  ASSERT_EQ(messageOf(validate(model, "m.textproto")), "");
  const spec::Model first = layerOf(model, 0), second = layerOf(model, 1);
  EXPECT_EQ(first.mlp().hidden(), 96u);
  EXPECT_EQ(second.mlp().hidden(), 128u);
  EXPECT_EQ(second.mlp().activation(), spec::SILU);
  EXPECT_EQ(second.attention().scale(), 0.5);
  EXPECT_EQ(second.positions().rotary().dims(), 4u);
  const std::string filled = printSpec(model);
  ASSERT_EQ(messageOf(validate(model, "m.textproto")), "");
  EXPECT_EQ(printSpec(model), filled);
}

TEST(Validate, NormsOfHeadsFollowTheOthersUnlessTheySayOtherwise) {
  auto filled = [](const char *edit, uint32_t layer) {
    spec::Model model, change;
    EXPECT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
    EXPECT_EQ(messageOf(parseTextProto(edit, "edit", change)), "");
    model.MergeFrom(change);
    EXPECT_EQ(messageOf(validate(model, "m.textproto")), "");
    const spec::Model here = layerOf(model, layer);
    return spec::Norm::Kind_Name(here.attention().qk_norm_kind()) + (here.attention().qk_norm_bias() ? " bias" : "");
  };
  EXPECT_EQ(filled("", 0), "KIND_UNSPECIFIED");
  EXPECT_EQ(filled("norm { kind: LAYER bias: true } attention { qk_norm: HEAD }", 0), "LAYER bias");
  EXPECT_EQ(filled("norm { kind: LAYER bias: true } attention { qk_norm: HEAD qk_norm_bias: false }", 0), "LAYER");
  EXPECT_EQ(filled("norm { kind: LAYER bias: true } attention { qk_norm: EACH_HEAD qk_norm_kind: RMS }", 0), "RMS");
  EXPECT_EQ(filled("attention { qk_norm: EACH_HEAD qk_norm_kind: LAYER qk_norm_bias: true }", 0), "LAYER bias");
  const char *variant = "norm { kind: LAYER bias: true } variants { name: \"v\" layers: 1 attention { qk_norm: ROW } }";
  EXPECT_EQ(filled(variant, 0), "KIND_UNSPECIFIED");
  EXPECT_EQ(filled(variant, 1), "LAYER bias");
  EXPECT_EQ(filled("attention { qk_norm: HEAD qk_norm_kind: LAYER } variants { name: \"v\" layers: 1 "
                   "attention { qk_norm: ROW } }",
                   1),
            "LAYER");
}

TEST(Layers, MayScaleScoresByTheirNumber) {
  spec::Model model, change;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(messageOf(parseTextProto("attention { scale: 0.5 scale_by_depth: true }", "edit", change)), "");
  model.MergeFrom(change);
  ASSERT_EQ(messageOf(validate(model, "m.textproto")), "");
  EXPECT_EQ(layerOf(model, 0).attention().scale(), 0.5);
  EXPECT_EQ(layerOf(model, 1).attention().scale(), 0.25);
}

TEST(Layers, AreChosenInMoreWaysThanOne) {
  auto chosen = [](const char *variant) {
    spec::Model model;
    EXPECT_EQ(messageOf(parseTextProto(variant, "v", *model.add_variants())), "");
    std::string layers;
    for (uint32_t i = 0; i < 8; ++i)
      if (!variantsOf(model, i).empty())
        layers += std::to_string(i);
    return layers;
  };
  EXPECT_EQ(chosen(""), "");
  EXPECT_EQ(chosen("except: true"), "01234567");
  EXPECT_EQ(chosen("every: 3"), "036");
  EXPECT_EQ(chosen("every: 3 offset: 2"), "25");
  EXPECT_EQ(chosen("every: 3 offset: 2 except: true"), "013467");
  EXPECT_EQ(chosen("first: 2 end: 5"), "234");
  EXPECT_EQ(chosen("first: 1 every: 2"), "1357");
  EXPECT_EQ(chosen("end: 3"), "012");
  EXPECT_EQ(chosen("layers: [5, 1] every: 2"), "15");
}

TEST(Validate, NamesTheFieldAndWhatWouldBeValid) {
  const std::pair<const char *, const char *> cases[] = {
      {"version: 2", "version = 2 is not 1, the version of this compiler"},
      {"dim: 2000000000", "dim = 2000000000 is not from 1 to 1048576"},
      {"n_layers: 4097", "n_layers = 4097 is not from 1 to 4096"},
      {"attention { n_kv_heads: 3 }", "attention.n_kv_heads = 3 does not divide attention.n_heads = 8"},
      {"attention { n_kv_heads: 16 }", "attention.n_kv_heads = 16 is not from 1 to 8"},
      {"attention { n_heads: 7 }", "attention.n_heads = 7 does not divide dim = 64 (or set attention.head_size)"},
      {"attention { head_size: 7 }",
       "positions.rotary.dims = 7 is not an even number from 2 to attention.head_size = 7"},
      {"attention { scale: -1 }", "attention.scale = -1 is not a finite number above 0"},
      {"attention { logit_softcap: inf }", "attention.logit_softcap = inf is not a finite number of at least 0"},
      {"positions { rotary { dims: 10 } }",
       "positions.rotary.dims = 10 is not an even number from 2 to attention.head_size = 8"},
      {"positions { rotary { scaling { linear {} } } }",
       "positions.rotary.scaling.linear.factor = 0 is not a finite number other than 0"},
      {"positions { rotary { scaling { divisors { divisor: 1 } } } }",
       "positions.rotary.scaling.divisors has 1 numbers; there are 4 frequencies"},
      {"norm { eps: -1 }", "norm.eps = -1 is not a finite number above 0: a row of zeros would have no norm"},
      {"norm { bias: true }", "norm.bias = true needs norm.kind = LAYER"},
      {"norm { unweighted: true unit_offset: true }", "norm.unweighted = true excludes norm.bias and norm.unit_offset"},
      {"residual { shared_norm: true }",
       "residual.shared_norm = true needs residual.parallel = true and norm.placement = PRE"},
      {"dim: 63 attention { head_size: 8 } positions { sinusoidal {} }",
       "dim = 63 has no sine and cosine of each frequency, as positions.sinusoidal asks for"},
      {"positions { sinusoidal { offset: 4294967295 } }",
       "positions.sinusoidal.offset = 4294967295 and max_context = 32 together are more than 16777216"},
      {"positions { sinusoidal { theta: -1 } }", "positions.sinusoidal.theta = -1 is not a finite number above 0"},
      {"residual { from_norm: true parallel: true }",
       "residual.from_norm = true needs norm.placement = PRE and residual.parallel = false"},
      {"residual { parallel: true } norm { placement: POST }",
       "residual.parallel = true excludes norm.placement = POST: there is one sum, and two norms of it"},
      {"variants { name: \"a b\" }", "variants: the name 'a b' is not one of letters, digits and '_'"},
      {"variants { name: \"a\" } variants { name: \"a\" }", "variants: there are two of the name 'a'"},
      {"variants { name: \"a\" layers: 2 }", "variants.a.layers has 2; n_layers = 2"},
      {"variants { name: \"a\" layers: [0, 0, 0] }", "variants.a.layers has 3 numbers; n_layers = 2"},
      {"variants { name: \"a\" every: 2 offset: 2 }", "variants.a.offset = 2 is not below every = 2"},
      {"variants { name: \"a\" attention { head_size: 4 } }",
       "variants.a.attention.head_size = 4 is not the model's, 8: all layers share one form of cache"},
      {"variants { name: \"a\" attention { value_head_size: 4 } }",
       "variants.a.attention.value_head_size = 4 is not the model's, 8: all layers share one form of cache"},
      {"attention { value_head_size: 100000 }", "attention.value_head_size = 100000 is not from 1 to 16384"},
      {"variants { name: \"a\" first: 1 attention { clip: -1 } } variants { name: \"b\" every: 1 }",
       "layer 1, a and b: attention.clip = -1 is not a finite number of at least 0"},
      {"attention { clip: -1 }", "attention.clip = -1 is not a finite number of at least 0"},
      {"attention { qk_norm: HEAD qk_norm_bias: true }",
       "attention.qk_norm_bias = true needs attention.qk_norm_kind = LAYER"},
      {"attention { qk_norm: ROW qk_norm_kind: LAYER qk_norm_bias: true qk_norm_unweighted: true }",
       "attention.qk_norm_unweighted = true excludes attention.qk_norm_bias"},
      {"positions { alibi { max_bias: -1 } }", "positions.alibi.max_bias = -1 is not a finite number of at least 0"},
      {"positions { learned { offset: 2 rows: 33 } }",
       "positions.learned.rows = 33 is less than offset = 2 and max_context = 32 together"},
      {"dim: 1048576 n_layers: 4096 mlp { hidden: 4194304 } attention { head_size: 64 }",
       "the model would have more than 2^40 parameters: dim = 1048576, n_layers = 4096, mlp.hidden = 4194304"},
      {"mlp { activation_slope: -1 }", "mlp.activation_slope = -1 is not a finite number above 0"},
      {"mlp { activation: XIELU }",
       "mlp.activation = XIELU excludes mlp.gated = true and mlp.experts: its numbers are one feed-forward's"},
      {"mlp { clamp: -7 }", "mlp.clamp = -7 is not a finite number of at least 0"},
      {"mlp { experts { count: 5000 per_token: 1 } }", "mlp.experts.count = 5000 is not from 1 to 4096"},
      {"mlp { experts { count: 4 per_token: 5 } }", "mlp.experts.per_token = 5 is not from 1 to 4"},
      {"mlp { experts { count: 4 per_token: 2 scale: -1 } }", "mlp.experts.scale = -1 is not a finite number above 0"},
      {"mlp { experts { count: 8 per_token: 2 groups: 3 } }",
       "mlp.experts.groups = 3 does not divide mlp.experts.count = 8"},
      {"mlp { experts { count: 8 per_token: 2 groups: 8 groups_per_token: 4 } }",
       "mlp.experts.groups = 8 of one expert have no two best ones to compare them by"},
      {"mlp { experts { count: 8 per_token: 3 groups: 4 groups_per_token: 1 } }",
       "mlp.experts.per_token = 3 of the 2 experts in mlp.experts.groups_per_token = 1 groups"},
      {"mlp { experts { count: 8 per_token: 2 shared {} } }", "mlp.experts.shared.hidden = 0 is not from 1 to 4194304"},
      {"variants { name: \"sparse\" first: 1 mlp { experts { count: 4 } } }",
       "layer 1, sparse: mlp.experts.per_token = 0 is not from 1 to 4"},
      {"dim: 65536 n_layers: 4096 mlp { hidden: 4194304 experts { count: 4096 per_token: 1 } }",
       "the model would have more than 2^40 parameters: dim = 65536, n_layers = 4096, mlp.hidden = 4194304"},
  };
  EXPECT_EQ(complaint(""), "");
  for (auto [edit, message] : cases)
    EXPECT_EQ(complaint(edit), std::string("m.textproto: ") + message) << edit;
}

TEST(Validate, OnlyAGatedFeedForwardHasAnUpToClamp) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  model.mutable_mlp()->set_gated(false);
  model.mutable_mlp()->set_up_offset(1);
  EXPECT_EQ(messageOf(validate(model, "m.textproto")),
            "m.textproto: mlp.clamp and mlp.up_offset need mlp.gated = true");
}

TEST(Validate, AnEmptySpecIsAnErrorNotACrash) {
  spec::Model model;
  EXPECT_EQ(messageOf(validate(model, "m.textproto")),
            "m.textproto: version = 0 is not 1, the version of this compiler");
}

TEST(TextProto, SaysTheLine) {
  spec::Model model;
  EXPECT_EQ(messageOf(parseTextProto("version: 1\nresidual { width: 3 }\n", "m.textproto", model)),
            "m.textproto:2: Message type \"lathe.spec.Residual\" has no field named \"width\"; known: scale, "
            "depth_scale, parallel, shared_norm, from_norm");
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "positions {";
  EXPECT_NE(messageOf(parseTextProto(deep, "m.textproto", model)), "");
}

TEST(TextProto, SaysWhatWouldBeRight) {
  auto complaint = [](const char *text) {
    spec::Model model;
    return messageOf(parseTextProto(text, "m", model));
  };
  EXPECT_THAT(complaint("attention { n_head: 3 }"), testing::EndsWith("named \"n_head\"; n_heads would be right"));
  EXPECT_THAT(complaint("norm { kind: RSM }"), testing::EndsWith("for field \"kind\"; known: RMS, LAYER"));
  EXPECT_THAT(complaint("mlp { activation: silu }"), testing::EndsWith("; SILU would be right"));
  EXPECT_THAT(complaint("norm { placement: BEFORE_ALL }"), testing::EndsWith("; known: PRE, POST, BRANCH, BOTH"));
  EXPECT_THAT(complaint("mlp { gated: yes }"), testing::EndsWith("; true or false would be right"));
  EXPECT_THAT(complaint("dim: -1"), testing::EndsWith("; a whole number of at least 0 would be right"));
  EXPECT_THAT(complaint("mlp { gated: true"), testing::EndsWith("the end of the text; is a } missing?"));
}

TEST(WeightShapes, ListsEveryRoleOnce) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  model.set_n_layers(1);
  model.mutable_attention()->set_qkv_bias(true);
  model.mutable_attention()->set_n_kv_heads(2);
  model.mutable_head()->set_tied(true);
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::string list;
  for (const WeightShape &shape : weightShapes(model))
    list += shape.role + " " + std::to_string(shape.rows) + "x" + std::to_string(shape.columns) + "\n";
  EXPECT_EQ(list, "token_embedding 100x64\n"
                  "layers.0.attention_norm 1x64\n"
                  "layers.0.attention.query 64x64\nlayers.0.attention.query.bias 1x64\n"
                  "layers.0.attention.key 16x64\nlayers.0.attention.key.bias 1x16\n"
                  "layers.0.attention.value 16x64\nlayers.0.attention.value.bias 1x16\n"
                  "layers.0.attention.output 64x64\n"
                  "layers.0.mlp_norm 1x64\n"
                  "layers.0.mlp.gate 96x64\nlayers.0.mlp.up 96x64\nlayers.0.mlp.down 64x96\n"
                  "output_norm 1x64\n");
}

TEST(WeightShapes, HeadsMayHaveANormEach) {
  spec::Model model, change;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(messageOf(parseTextProto(R"(attention { n_kv_heads: 2 qk_norm: HEAD } variants { name: "each" layers: 1
      attention { qk_norm: EACH_HEAD qk_norm_kind: LAYER qk_norm_bias: true } })",
                                     "edit", change)),
            "");
  model.MergeFrom(change);
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::string list;
  for (const WeightShape &shape : weightShapes(model))
    if (shape.role.find("query_norm") != std::string::npos || shape.role.find("key_norm") != std::string::npos)
      list += shape.role + " " + std::to_string(shape.columns) + " / " + std::to_string(shape.parts) + "\n";
  EXPECT_EQ(list, "layers.0.attention.query_norm 8 / 1\nlayers.0.attention.key_norm 8 / 1\n"
                  "layers.1.attention.query_norm 64 / 8\nlayers.1.attention.query_norm.bias 64 / 8\n"
                  "layers.1.attention.key_norm 16 / 2\nlayers.1.attention.key_norm.bias 16 / 2\n");
}

TEST(WeightShapes, SomeLayersMayBeMixtures) {
  spec::Model model, change;
  ASSERT_EQ(messageOf(parseTextProto(valid, "valid", model)), "");
  ASSERT_EQ(messageOf(parseTextProto(R"(mlp { bias: true } variants { name: "sparse" first: 1 mlp { hidden: 24
      experts { count: 5 per_token: 2 router_bias: true selection_bias: true shared { hidden: 40 gated: true } } } })",
                                     "edit", change)),
            "");
  model.MergeFrom(change);
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::string list;
  for (const WeightShape &shape : weightShapes(model))
    if (shape.role.find(".mlp.") != std::string::npos)
      list += shape.role + " " + std::to_string(shape.rows) + "x" + std::to_string(shape.columns) +
              (shape.exact ? " exact\n" : "\n");
  EXPECT_EQ(list, "layers.0.mlp.gate 96x64\nlayers.0.mlp.gate.bias 1x96 exact\n"
                  "layers.0.mlp.up 96x64\nlayers.0.mlp.up.bias 1x96 exact\n"
                  "layers.0.mlp.down 64x96\nlayers.0.mlp.down.bias 1x64 exact\n"
                  "layers.1.mlp.router 5x64 exact\nlayers.1.mlp.router.bias 1x5 exact\n"
                  "layers.1.mlp.router.selection_bias 1x5 exact\n"
                  "layers.1.mlp.experts.gate 120x64\nlayers.1.mlp.experts.gate.bias 1x120 exact\n"
                  "layers.1.mlp.experts.up 120x64\nlayers.1.mlp.experts.up.bias 1x120 exact\n"
                  "layers.1.mlp.experts.down 320x24\nlayers.1.mlp.experts.down.bias 1x320 exact\n"
                  "layers.1.mlp.shared.gate 40x64\nlayers.1.mlp.shared.gate.bias 1x40 exact\n"
                  "layers.1.mlp.shared.up 40x64\nlayers.1.mlp.shared.up.bias 1x40 exact\n"
                  "layers.1.mlp.shared.down 64x40\nlayers.1.mlp.shared.down.bias 1x64 exact\n"
                  "layers.1.mlp.shared.router 1x64 exact\n");
}

TEST(Family, MistakesAreFoundWhenItIsRead) {
  auto message = [](const char *text) { return messageOf(parseFamily(text, "f.textproto")); };
  EXPECT_EQ(message("hf { bindings { field: \"attention.n_haeds\" keys: \"x\" } }"),
            "f.textproto: binding of 'attention.n_haeds': the spec has no such field");
  EXPECT_EQ(message("hf { bindings { field: \"attention\" keys: \"x\" } }"),
            "f.textproto: binding of 'attention': the spec has no such field");
  EXPECT_EQ(message("hf { bindings { field: \"dim\" } }"),
            "f.textproto: binding of 'dim' has neither keys nor otherwise");
  EXPECT_EQ(message("hf { tensors { role: \"layers.*.mlp.gte\" names: \"x\" } }"),
            "f.textproto: tensor binding of 'layers.*.mlp.gte': the model has no role 'layers.*.mlp.gte'");
  EXPECT_EQ(message("hff {}"),
            "f.textproto:1: Message type \"lathe.spec.Family\" has no field named \"hff\"; hf would be right");
}

const char *const recurrent = R"(version: 1 dim: 64 n_layers: 2 vocab_size: 100 max_context: 32
  positions { none {} } norm { kind: RMS eps: 1e-5 })";

/// As complaint(), of a model without attention whose mixer is `mamba`.
std::string mambaComplaint(const std::string &mamba, spec::Model *filled = nullptr) {
  spec::Model model;
  EXPECT_EQ(messageOf(parseTextProto(recurrent + (" mamba { " + mamba + " }"), "valid", model)), "");
  std::string message = messageOf(validate(model, "m.textproto"));
  if (filled)
    *filled = model;
  return message;
}

TEST(Validate, FillsRecurrentMixers) {
  spec::Model model;
  EXPECT_EQ(mambaComplaint("version: S6 expansion: 2 state_size: 16 conv_width: 4", &model), "");
  EXPECT_EQ(model.mamba().inner(), 128u);
  EXPECT_EQ(model.mamba().dt_rank(), 4u);
  EXPECT_EQ(model.mamba().norm_eps(), 1e-5);
  EXPECT_EQ(mambaComplaint("version: SSD head_size: 8 n_heads: 6 state_size: 16 conv_width: 4", &model), "");
  EXPECT_EQ(model.mamba().inner(), 48u);
  EXPECT_EQ(model.mamba().n_groups(), 1u);
}

TEST(Validate, RefusesWrongRecurrentMixers) {
  const std::string sizes = " expansion: 2 state_size: 16 conv_width: 4 ";
  EXPECT_EQ(mambaComplaint(sizes), "m.textproto: mamba.version is not set: S6 or SSD");
  EXPECT_EQ(mambaComplaint("version: S6 expansion: 2 conv_width: 4"),
            "m.textproto: mamba.state_size = 0 is not from 1 to 4096");
  EXPECT_EQ(mambaComplaint("version: S6 expansion: 2 state_size: 16 conv_width: 65"),
            "m.textproto: mamba.conv_width = 65 is not from 1 to 64");
  EXPECT_EQ(mambaComplaint("version: S6 n_heads: 4" + sizes),
            "m.textproto: mamba.n_heads, head_size and n_groups are for mamba.version = SSD");
  EXPECT_EQ(mambaComplaint("version: SSD n_heads: 3" + sizes),
            "m.textproto: mamba.n_heads = 3 of mamba.head_size = 42 are not mamba.inner = 128");
  EXPECT_EQ(mambaComplaint("version: SSD n_heads: 4 n_groups: 3" + sizes),
            "m.textproto: mamba.n_groups = 3 does not divide mamba.n_heads = 4");
  EXPECT_EQ(mambaComplaint("version: SSD n_heads: 4 dt_min: 2 dt_max: 1" + sizes),
            "m.textproto: mamba.dt_min = 2 is above dt_max = 1");
}

TEST(Validate, MixesAttentionAndRecurrence) {
  EXPECT_EQ(
      complaint("variants { name: \"r\" layers: 1 mamba { version: S6 expansion: 2 state_size: 4 conv_width: 2 } }"),
      "");
  EXPECT_EQ(complaint("variants { name: \"r\" layers: 1 mamba { version: S6 expansion: 2 conv_width: 2 } }"),
            "m.textproto: layer 1, r: mamba.state_size = 0 is not from 1 to 4096");
}

} // namespace
