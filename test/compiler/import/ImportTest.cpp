// What each field of a spec becomes.
#include "compiler/import/Import.h"
#include "google/protobuf/text_format.h"
#include "llvm/Support/FormatVariadic.h"
#include <gmock/gmock.h>

using namespace lathe;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

const char *kSmall = R"(
  version: 1 dim: 64 n_layers: 1 vocab_size: 100 max_context: 32
  positions { rotary { theta: 10000 pairing: HALF_SPLIT } }
  norm { kind: RMS eps: 1e-5 }
  attention { n_heads: 4 n_kv_heads: 2 }
  mlp { hidden: 96 gated: true activation: SILU }
  head { tied: true })";

/// The spec `kSmall` with `changes` merged in, imported and printed; or its error.
std::string import(const std::string &changes = "") {
  spec::Model model, change;
  if (!google::protobuf::TextFormat::ParseFromString(kSmall, &model) ||
      !google::protobuf::TextFormat::ParseFromString(changes, &change))
    return "the test's textproto is wrong";
  model.MergeFrom(change);
  if (llvm::Error error = validate(model, "test"))
    return llvm::toString(std::move(error));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, model);
  if (!module)
    return llvm::toString(module.takeError());
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*module)->print(stream, mlir::OpPrintingFlags().useLocalScope().enableDebugInfo(true));
  return text;
}

TEST(Import, declaresEveryWeightOnce) {
  std::string text = import();
  for (const char *line :
       {"lathe.weight @token_embedding \"f32\" : tensor<100x64xf32>",
        "lathe.weight @layers.0.attention_norm \"f32\" : tensor<1x64xf32>",
        "lathe.weight @layers.0.attention.key \"f32\" : tensor<32x64xf32>",
        "lathe.weight @layers.0.mlp.down \"f32\" : tensor<64x96xf32>", "lathe.rotation @rotary [1.000000e+00"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(llvm::StringRef(text).count("lathe.weight "), 11u);
  EXPECT_THAT(text, HasSubstr("lathe.max_context = 32"));
}

TEST(Import, makesOneFunctionForEachKindOfStep) {
  std::string text = import();
  for (const char *name : {"@decode(", "@prefill("})
    EXPECT_THAT(text, HasSubstr(name));
  EXPECT_EQ(llvm::StringRef(text).count("lathe.attention "), 2u);
  EXPECT_EQ(llvm::StringRef(text).count("-> tensor<?x100xf32>"), 4u); // two functions, two heads
}

TEST(Import, namesOpsByWhatTheyMake) {
  std::string text = import();
  for (const char *name : {"token_embedding", "layers.0.attention_norm", "layers.0.attention.query.rotated",
                           "layers.0.attention", "layers.0.attention.sum", "layers.0.mlp.sum", "head"})
    EXPECT_THAT(text, HasSubstr("loc(\"" + std::string(name) + "\")"));
}

TEST(Import, attentionTakesItsAttributesFromTheSpec) {
  EXPECT_THAT(import(), HasSubstr("layer 0 heads 4 kv_heads 2 head_size 16 scale 2.500000e-01 :"));
  EXPECT_THAT(import("attention { head_size: 8 scale: 0.5 window: 7 logit_softcap: 50 }"),
              AllOf(HasSubstr("heads 4 kv_heads 2 head_size 8 scale 5.000000e-01 window 7 softcap 5.000000e+01"),
                    HasSubstr("@layers.0.attention.output \"f32\" : tensor<64x32xf32>")));
}

TEST(Import, valuesMayHaveHeadsOfAnotherSize) {
  EXPECT_THAT(import("attention { value_head_size: 10 }"),
              AllOf(HasSubstr("@layers.0.attention.value \"f32\" : tensor<20x64xf32>"),
                    HasSubstr("@layers.0.attention.output \"f32\" : tensor<64x40xf32>"),
                    HasSubstr(": tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x20xf32> -> tensor<?x40xf32>")));
}

TEST(Import, rotationMayTurnPartOfAHead) {
  EXPECT_THAT(import("positions { rotary { dims: 2 pairing: INTERLEAVED } }"),
              AllOf(HasSubstr("@rotary [1.000000e+00] "), HasSubstr("lathe.rope interleaved")));
}

TEST(Import, normsOfQueriesAndKeysComeBeforeTheRotationOrAfterIt) {
  auto order = [](const std::string &how) {
    const std::string text = import("attention { qk_norm: EACH_HEAD qk_norm_kind: LAYER " + how + " }");
    EXPECT_THAT(text, AllOf(HasSubstr("@layers.0.attention.query_norm \"f32\" : tensor<1x64xf32>"),
                            HasSubstr("@layers.0.attention.key_norm \"f32\" : tensor<1x32xf32>")));
    const size_t norm = text.find("lathe.norm layer"), rope = text.find("lathe.rope");
    EXPECT_THAT(text.substr(norm, text.find('\n', norm) - norm),
                AllOf(HasSubstr("@layers.0.attention.query_norm eps"), HasSubstr("group 16")));
    return norm < rope ? "before" : "after";
  };
  EXPECT_STREQ(order(""), "before");
  EXPECT_STREQ(order("qk_norm_after_rotation: true"), "after");
}

TEST(Import, scalesMayBeLearned) {
  EXPECT_THAT(import(), Not(HasSubstr("lathe.scale")));
  EXPECT_THAT(import("embedding { scale: 2 learned_scale: true } head { scale: 0.5 learned_scale: true }"),
              AllOf(HasSubstr("@embedding_scale \"f32\" : tensor<1x1xf32>"),
                    HasSubstr("@token_embedding scale 2.000000e+00"), HasSubstr("by 1.000000e+00, @embedding_scale"),
                    HasSubstr("by 5.000000e-01, @head_scale")));
}

TEST(Import, gatedUnitsMayBeClampedAndActivationsSteeper) {
  EXPECT_THAT(import(), HasSubstr("lathe.glu silu"));
  EXPECT_THAT(import(), Not(HasSubstr("clamp")));
  EXPECT_THAT(import("mlp { activation_slope: 1.702 clamp: 7 up_offset: 1 }"),
              HasSubstr("slope 1.702000e+00 clamp 7.000000e+00 offset 1.000000e+00"));
}

TEST(Import, biasesFollowTheirMatrices) {
  std::string text = import("attention { qkv_bias: true output_bias: true } mlp { bias: true } head { bias: true }");
  for (const char *role : {"layers.0.attention.query", "layers.0.attention.value", "layers.0.attention.output",
                           "layers.0.mlp.gate", "layers.0.mlp.down"})
    EXPECT_THAT(text, HasSubstr(llvm::formatv("[@{0}] bias [@{0}.bias]", role).str()));
  EXPECT_THAT(text, HasSubstr("[@token_embedding] bias [@head.bias]"));
}

TEST(Import, normsAndActivations) {
  EXPECT_THAT(import("norm { kind: LAYER bias: true }"),
              HasSubstr("lathe.norm layer %0, @layers.0.attention_norm bias @layers.0.attention_norm.bias eps"));
  EXPECT_THAT(import("norm { unit_offset: true }"), HasSubstr("eps 1.000000e-05 unit_offset"));
  EXPECT_THAT(import("mlp { activation: GELU_TANH }"), HasSubstr("lathe.glu gelu_tanh"));
  EXPECT_THAT(import("mlp { activation: RELU_SQUARED }"), HasSubstr("lathe.glu relu_squared"));
  EXPECT_THAT(import("mlp { activation: GELU_ERF }"), HasSubstr("lathe.glu gelu_erf"));
}

TEST(Import, scalesAndCapsOnlyWhereTheyAre) {
  EXPECT_THAT(import(),
              AllOf(Not(HasSubstr("lathe.scale")), Not(HasSubstr("lathe.softcap")), Not(HasSubstr(" scale 1.0"))));
  EXPECT_THAT(import("embedding { scale: 8 } residual { scale: 0.5 } head { scale: 2 softcap: 30 }"),
              AllOf(HasSubstr("@token_embedding scale 8.0"), HasSubstr("scale 5.000000e-01 : tensor<?x64xf32>"),
                    HasSubstr("lathe.scale %"), HasSubstr("by 2.0"), HasSubstr("cap 3.000000e+01")));
}

TEST(Import, positionsMayBeLearned) {
  EXPECT_THAT(import("positions { learned { offset: 2 } }"),
              AllOf(HasSubstr("lathe.weight @position_embedding \"f32\" : tensor<34x64xf32>"),
                    HasSubstr("lathe.embed %arg1, @position_embedding offset 2 :"), HasSubstr("lathe.add %0, %1 {"),
                    Not(HasSubstr("lathe.rope")), Not(HasSubstr("lathe.rotation"))));
}

TEST(Import, positionsMayBeSlopes) {
  EXPECT_THAT(import("positions { alibi {} }"),
              AllOf(HasSubstr("alibi [2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03] :"),
                    Not(HasSubstr("lathe.rope"))));
  EXPECT_THAT(import("positions { alibi { scaled: true } }"), HasSubstr("alibi [6.250000e-02, 1.562500e-02"));
  EXPECT_THAT(import("positions { none {} }"), AllOf(Not(HasSubstr("alibi")), Not(HasSubstr("lathe.rope"))));
}

TEST(Import, normsStandWhereTheyArePlaced) {
  EXPECT_THAT(import("norm { placement: POST } head { unnormed: true }"),
              AllOf(HasSubstr("lathe.linear %0, [@layers.0.attention.query]"), Not(HasSubstr("@output_norm"))));
  EXPECT_THAT(import("norm { placement: BOTH }"),
              AllOf(HasSubstr("@layers.0.attention_post_norm eps"), HasSubstr("@layers.0.mlp_post_norm eps")));
  EXPECT_THAT(import("embedding { norm: true }"), HasSubstr("lathe.norm rms %0, @embedding_norm eps"));
  EXPECT_THAT(import("norm { unweighted: true }"),
              AllOf(HasSubstr("lathe.norm rms %0 eps"), Not(HasSubstr("@layers.0.attention_norm"))));
}

// What layer 0 reads, what layer 1 reads, and what the head reads, wherever norms stand.
TEST(Import, marksHiddenStates) {
  auto marked = [](const char *change, const char *state0, const char *state1, const char *state2) {
    std::string text = import("n_layers: 2 " + std::string(change));
    EXPECT_EQ(llvm::StringRef(text).count("lathe.hidden"), 6u) << change; // three, in two functions
    int64_t index = 0;
    for (const char *name : {state0, state1, state2})
      EXPECT_THAT(text,
                  testing::ContainsRegex(llvm::formatv("hidden = {0} : i64[^\n]*loc\\(\"{1}\"", index++, name).str()))
          << change;
  };
  marked("", "token_embedding", "layers.0.mlp.sum", "output_norm");
  marked("positions { learned {} }", "embedding.sum", "layers.0.mlp.sum", "output_norm");
  marked("embedding { norm: true }", "embedding_norm", "layers.0.mlp.sum", "output_norm");
  marked("norm { placement: POST } head { unnormed: true }", "token_embedding", "layers.0.mlp_norm", "logit_rows");
  marked("norm { placement: BRANCH }", "token_embedding", "layers.0.mlp.sum", "output_norm");
}

TEST(Import, branchesMayBeParallel) {
  EXPECT_THAT(import("residual { parallel: true }"), HasSubstr("lathe.norm rms %0, @layers.0.mlp_norm"));
  EXPECT_THAT(import("residual { parallel: true shared_norm: true }"),
              AllOf(HasSubstr("lathe.linear %1, [@layers.0.mlp.up]"), Not(HasSubstr("@layers.0.mlp_norm"))));
}

TEST(Import, branchesMayBeAddedToTheirNorm) {
  EXPECT_THAT(import("residual { from_norm: true }"),
              AllOf(HasSubstr("%1 = lathe.norm rms %0, @layers.0.attention_norm"),
                    testing::ContainsRegex("lathe.add %1, [^\n]*layers.0.attention.sum"),
                    testing::ContainsRegex("%([0-9]+) = lathe.norm[^\n]*@layers.0.mlp_norm"),
                    Not(testing::ContainsRegex("lathe.add %0,"))));
}

TEST(Import, queriesAndKeysMayBeNormedAndClipped) {
  EXPECT_THAT(import("attention { qk_norm: HEAD }"),
              AllOf(HasSubstr("lathe.norm rms %2, @layers.0.attention.query_norm eps 1.000000e-05 group 16 :"),
                    HasSubstr("@layers.0.attention.key_norm \"f32\" : tensor<1x16xf32>")));
  EXPECT_THAT(import("attention { qk_norm: ROW clip: 8 }"),
              AllOf(HasSubstr("@layers.0.attention.key_norm \"f32\" : tensor<1x32xf32>"), Not(HasSubstr(" group ")),
                    HasSubstr("lathe.clip %2 limit 8.0")));
}

TEST(Import, attentionMayHaveWeightsOfItsOwn) {
  EXPECT_THAT(
      import("attention { sinks: true learned_scale: true temperature_every: 64 temperature_coefficient: 0.5 }"),
      AllOf(HasSubstr("scale 2.500000e-01 scales @layers.0.attention.scale temperature 5.000000e-01 every 64 "
                      "sinks @layers.0.attention.sinks"),
            HasSubstr("@layers.0.attention.sinks \"f32\" : tensor<1x4xf32>")));
  EXPECT_THAT(import("attention { temperature_every: 64 }"),
              HasSubstr("attention.temperature_every = 64 and temperature_coefficient = 0: both are set, or none"));
  EXPECT_THAT(import("attention { qk_norm: HEAD qk_norm_unweighted: true }"),
              AllOf(HasSubstr("lathe.norm rms %2 eps 1.000000e-05 group 16 :"),
                    Not(HasSubstr("@layers.0.attention.query_norm"))));
}

TEST(Import, rotationsMayDependOnTheLength) {
  EXPECT_THAT(import("positions { rotary { scaling { dynamic_ntk { factor: 4 original_context: 8 } } } }"),
              AllOf(HasSubstr("limit 8 growth 4.000000e+00"), HasSubstr("%arg1 lengths %arg4, @rotary")));
  EXPECT_THAT(import(), Not(HasSubstr("%arg4")));
  EXPECT_THAT(import("positions { rotary { scaling { longrope { short_factor: 1 original_context: 8 } } } }"),
              HasSubstr("longrope.short_factor has 1 numbers; there are 8 frequencies"));
}

TEST(Import, someLayersMaySeeFurther) {
  std::string text =
      import("n_layers: 4 attention { window: 7 } variants { name: \"far\" every: 2 attention { window: 9 } }");
  EXPECT_EQ(llvm::StringRef(text).count("window 7"), 4u); // layers 1 and 3, in two functions
  EXPECT_EQ(llvm::StringRef(text).count("window 9"), 4u);
}

TEST(Import, layersMayTurnDifferently) {
  std::string text = import(R"(n_layers: 3 variants { name: "none" layers: 1 positions { none {} } }
      variants { name: "slow" layers: 2 positions { rotary { theta: 100 pairing: INTERLEAVED } } mlp { hidden: 20 } })");
  EXPECT_THAT(text, AllOf(HasSubstr("lathe.rotation @rotary "), HasSubstr("lathe.rotation @rotary.slow "),
                          HasSubstr("interleaved %"), HasSubstr("@layers.2.mlp.up \"f32\" : tensor<20x64xf32>")));
  EXPECT_EQ(llvm::StringRef(text).count("lathe.rope"), 8u); // query and key, of two layers, in two functions
}

TEST(Import, weightFormatIsForMatricesWhoseBlocksFit) {
  EXPECT_THAT(import("weight_format: Q8_0"), AllOf(HasSubstr("@layers.0.attention.key \"q8_0\" : tensor<32x64xf32>"),
                                                   HasSubstr("@layers.0.attention_norm \"f32\" : tensor<1x64xf32>")));
  EXPECT_THAT(import("weight_format: Q4_1 mlp { hidden: 100 }"),
              AllOf(HasSubstr("@layers.0.mlp.up \"q4_1\" : tensor<100x64xf32>"),
                    HasSubstr("@layers.0.mlp.down \"f32\" : tensor<64x100xf32>")));
}

TEST(Import, aMixtureRoutesDispatchesAndCollects) {
  const std::string text = import("mlp { hidden: 24 experts { count: 6 per_token: 2 normalise: true scoring: SIGMOID "
                                  "shared { hidden: 40 gated: true } } }");
  for (const char *line : {"lathe.route sigmoid %11 normalize : tensor<?x6xf32> -> tensor<?x2x!lathe.route>",
                           "lathe.assign %12 experts 6", "lathe.dispatch %10, %13 : tensor<?x64xf32>",
                           "[@layers.0.mlp.experts.gate] of %13 experts 6 : tensor<?x64xf32> -> tensor<?x24xf32>",
                           "lathe.collect %18, %13, %12", "lathe.gate %23 by %24", "lathe.add %19, %25"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(import("variants { name: \"sparse\" first: 1 mlp { experts { count: 6 per_token: 2 } } }"),
              Not(HasSubstr("lathe.route")));
}
} // namespace
