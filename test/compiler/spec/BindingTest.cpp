#include "compiler/spec/Binding.h"
#include "TestFiles.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/Readers.h"
#include "compiler/spec/TextProto.h"
#include "compiler/spec/TransformersConfig.h"
#include "models/Embedded.h"
#include "llvm/Support/FormatVariadic.h"
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

TEST(Binding, AppliesWhenTheCheckpointSaysSo) {
  const std::string bindings = R"(
    bindings { field: "attention.n_kv_heads" keys: "heads" when: "grouped=true" }
    bindings { field: "dim" keys: "width" when: "exists:wide=false" })";
  EXPECT_EQ(bound(bindings, checkpoint(R"({"heads": 3, "grouped": true, "width": 5})")),
            "dim: 5 positions { rotary { } } attention { n_kv_heads: 3 }");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"heads": 3, "grouped": false, "width": 5})")),
            "dim: 5 positions { rotary { } }");
  const std::string others = R"(
    bindings { field: "dim" keys: "width" when: "wide!=" }
    bindings { field: "n_layers" keys: "depth" when: "wide!=no" })";
  EXPECT_EQ(bound(others, checkpoint(R"({"width": 5, "depth": 2})")), "n_layers: 2 positions { rotary { } }");
  EXPECT_EQ(bound(others, checkpoint(R"({"width": 5, "depth": 2, "wide": "no"})")), "dim: 5 positions { rotary { } }");
  EXPECT_EQ(bound(R"(bindings { field: "dim" keys: "width" when: "wide" })", checkpoint("{}")),
            "f.textproto: binding of 'dim': when = 'wide' is not KEY=VALUE");
}

TEST(Binding, AnyOtherValueMayBeTakenAsItIs) {
  const std::string rank =
      R"(bindings { field: "dim" keys: "rank" values { key: "auto" value: "" } values { key: "*" value: "*" } })";
  EXPECT_EQ(bound(rank, checkpoint(R"({"rank": 7})")), "dim: 7 positions { rotary { } }");
  EXPECT_EQ(bound(rank, checkpoint(R"({"rank": "auto"})")), "positions { rotary { } }");
  EXPECT_EQ(bound(rank, checkpoint(R"({"rank": "all"})")),
            "c.json: rank = all is not a whole number from 0 to 4294967295 (for dim)");
  const std::string other =
      R"(bindings { field: "dim" keys: "kind" values { key: "wide" value: "9" } values { key: "*" value: "4" } })";
  EXPECT_EQ(bound(other, checkpoint(R"({"kind": "flat"})")), "dim: 4 positions { rotary { } }");
}

TEST(Binding, AnObjectMayCountBeforeTheOneItIsIn) {
  const std::string bindings = R"(lifted: ["rope.full", "text"]
    bindings { field: "dim" keys: "width" } bindings { field: "positions.rotary.theta" keys: "rope.theta" }
    bindings { field: "n_layers" keys: "depth" } )";
  EXPECT_EQ(bound(bindings, checkpoint(R"({"width": 1, "depth": 2, "rope": {"theta": 3}})")),
            "dim: 1 n_layers: 2 positions { rotary { theta: 3 } }");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"width": 1, "depth": 2, "rope": {"full": {"theta": 4}, "theta": 3},
                                           "text": {"width": 5}})")),
            "dim: 5 n_layers: 2 positions { rotary { theta: 4 } }");
  EXPECT_EQ(bound(bindings, checkpoint(R"({"width": 1, "rope": {"full": {"theta": 4}}, "depth": 2,
                                           "text": {"rope": {"full": {"theta": 6}, "theta": 5}}})")),
            "dim: 1 n_layers: 2 positions { rotary { theta: 6 } }");
}

TEST(Binding, ReachesVariantsByName) {
  auto variant = [](const char *bindings, const char *config) {
    llvm::Expected<NamedFamily> family =
        parseFamily(std::string("defaults { variants { name: \"local\" } } hf { ") + bindings + " }", "f.textproto");
    if (!family)
      return llvm::toString(family.takeError());
    spec::Model model = family->family.defaults();
    if (llvm::Error error = bindConfig(family->family.hf(), checkpoint(config), model))
      return llvm::toString(std::move(error));
    return model.variants(0).ShortDebugString();
  };
  const char *bindings = R"(
    bindings { field: "variants.local.layers" keys: "indices:kinds=near" optional: true }
    bindings { field: "variants.local.every" otherwise: "2" when: "kinds=" }
    bindings { field: "variants.local.attention.window" keys: "window" })";
  EXPECT_EQ(variant(bindings, R"({"kinds": ["near", "far", "near"], "window": 5})"),
            "name: \"local\" layers: 0 layers: 2 attention { window: 5 }");
  EXPECT_EQ(variant(bindings, R"({"window": 5})"), "name: \"local\" every: 2 attention { window: 5 }");
  EXPECT_EQ(variant(R"(bindings { field: "variants.local.layers" keys: "indices:kinds=near|close" })",
                    R"({"kinds": ["close", "far", "near"]})"),
            "name: \"local\" layers: 0 layers: 2");
  EXPECT_EQ(variant(bindings, R"({"kinds": "near", "window": 5})"),
            "c.json: indices:kinds=near = near is not an array of numbers (for layers)");
  EXPECT_EQ(variant(R"(bindings { field: "variants.locl.every" otherwise: "2" })", "{}"),
            "f.textproto: binding of 'variants.locl.every': the defaults have no variant 'locl'");
}

TEST(Binding, MultipliesByAnotherKey) {
  const char *binding = R"(bindings { field: "dim" keys: "width" times: ["n", "{arch}.count"] })";
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8, "arch.count": 3})")), "dim: 24 positions { rotary { } }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8, "count": 3, "n": 0})")), "positions { rotary { } }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8})")), "positions { rotary { } }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8, "n": "two"})")),
            "c.json: n = two is not a number to multiply or divide by (for dim)");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8, "n": 0.3})")),
            "c.json: width = 2.4 is not a whole number from 0 to 4294967295 (for dim)");
}

TEST(Binding, DividesByANumberOrAKey) {
  const char *binding = R"(bindings { field: "dim" keys: "width" over: "4" }
    bindings { field: "norm.eps" keys: "width" over: "{arch}.count" })";
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8, "arch.count": 16})")),
            "dim: 2 positions { rotary { } } norm { eps: 0.5 }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 9, "arch.count": 16})")),
            "c.json: width = 2.25 is not a whole number from 0 to 4294967295 (for dim)");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": 8})")), "c.json: arch.count is missing or 0 (norm.eps needs it)");
  EXPECT_EQ(bound(binding, checkpoint(R"({"width": "8"})")), "c.json: width = 8 is not a number (for dim)");
}

TEST(Binding, TakesTheReciprocal) {
  const char *binding = R"(bindings { field: "head.scale" keys: "divisor" reciprocal: true optional: true })";
  EXPECT_EQ(bound(binding, checkpoint(R"({"divisor": 8})")), "positions { rotary { } } head { scale: 0.125 }");
  EXPECT_EQ(bound(binding, checkpoint("{}")), "positions { rotary { } }");
  EXPECT_EQ(bound(binding, checkpoint(R"({"divisor": 0})")),
            "c.json: divisor = 0 is not a number other than 0 (for head.scale)");
  EXPECT_EQ(bound(binding, checkpoint(R"({"divisor": "x"})")),
            "c.json: divisor = x is not a number other than 0 (for head.scale)");
}

TEST(Binding, AZeroThatIsANumberIsNotAbsence) {
  const char *scale = R"(bindings { field: "head.scale" keys: "scale" optional: true } nonzero: "head.*")";
  EXPECT_EQ(bound(scale, checkpoint(R"({"scale": 0.5})")), "positions { rotary { } } head { scale: 0.5 }");
  EXPECT_EQ(bound(scale, checkpoint("{}")), "positions { rotary { } }");
  EXPECT_EQ(bound(scale, checkpoint(R"({"scale": 0.0})")),
            "c.json: scale = 0 is not supported; another number would be right (for head.scale)");
}

TEST(Binding, ADefaultMakesAKeyOptional) {
  llvm::Expected<NamedFamily> family =
      parseFamily(R"(defaults { dim: 3 } hf { bindings { field: "dim" keys: "width" } })", "f.textproto");
  ASSERT_TRUE(bool(family));
  spec::Model model = family->family.defaults();
  EXPECT_EQ(messageOf(bindConfig(family->family.hf(), checkpoint("{}"), model)), "");
  EXPECT_EQ(model.dim(), 3u);
  EXPECT_EQ(messageOf(bindConfig(family->family.hf(), checkpoint(R"({"width": 4})"), model)), "");
  EXPECT_EQ(model.dim(), 4u);
}

TEST(Binding, ExpertsAreInOneTensorOrEachInItsOwn) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(R"(version: 1 dim: 2 n_layers: 1 vocab_size: 1 max_context: 8
      positions { none {} } norm { kind: RMS eps: 1e-5 unweighted: true } head { tied: true unnormed: true }
      attention { n_heads: 1 } mlp { hidden: 2 gated: true activation: RELU experts { count: 3 per_token: 1 } })",
                                     "m", model)),
            "");
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::vector<float> numbers(24);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = float(i);
  auto f32 = [&](const std::string &name, std::vector<int64_t> shape, int first = 0) {
    return Tensor{name, Format::F32, "F32", std::move(shape), reinterpret_cast<const uint8_t *>(&numbers[first])};
  };
  /// The first number of each row of up; gate and up are bound as `how`, to `tensors`.
  auto up = [&](const std::string &how, std::vector<Tensor> tensors) -> std::string {
    std::string style =
        R"(tensors { role: "token_embedding" names: "e" } tensors { role: "layers.*.mlp.router" names: "r" }
        tensors { role: "layers.*.mlp.experts.down" names: "down" })";
    for (const char *part : {"attention.query", "attention.key", "attention.value", "attention.output"})
      style += std::string(" tensors { names: \"a\" role: \"layers.*.") + part + "\" }";
    if (how.find("stack") != std::string::npos)
      style += " tensors { role: \"layers.*.mlp.experts\" " + how + " }";
    else
      for (const char *part : {"gate", "up"})
        style += std::string(" tensors { role: \"layers.*.mlp.experts.") + part + "\" " + how + " }";
    llvm::Expected<NamedFamily> family = parseFamily("hf { " + style + " }", "f.textproto");
    if (!family)
      return llvm::toString(family.takeError());
    Checkpoint file = checkpoint("{}");
    tensors.insert(tensors.end(), {f32("e", {1, 2}), f32("r", {3, 2}), f32("a", {2, 2}), f32("down", {3, 2, 2})});
    for (Tensor &tensor : tensors)
      if (llvm::Error error = file.add(std::move(tensor)))
        return llvm::toString(std::move(error));
    auto weights = bindWeights(family->family.hf(), std::move(file), model, model);
    if (!weights)
      return llvm::toString(weights.takeError());
    std::string text;
    for (int64_t row = 0; row < 6; ++row)
      text += llvm::formatv("{0} ", int(rowOf(**weights, "layers.0.mlp.experts.up", row)[0])).str();
    return text;
  };
  const std::string each = R"(names: "l.*.e.*.w")", all = R"(names: "w")", both = all + R"( stack: ["gate", "up"])";
  EXPECT_EQ(up(all, {f32("w", {3, 2, 2})}), "0 2 4 6 8 10 ");
  EXPECT_EQ(up(all + " transposed: true", {f32("w", {3, 2, 2})}), "0 1 4 5 8 9 ");
  EXPECT_EQ(up(all, {f32("w", {6, 2})}), "0 2 4 6 8 10 ");
  EXPECT_EQ(up(all + " transposed: true", {f32("w", {6, 2})}), "0 1 4 5 8 9 ");
  EXPECT_EQ(up(both, {f32("w", {3, 4, 2})}), "4 6 12 14 20 22 ");
  EXPECT_EQ(up(both + " alternating: true", {f32("w", {3, 4, 2})}), "2 6 10 14 18 22 ");
  EXPECT_EQ(up(both + " alternating: true transposed: true", {f32("w", {3, 2, 4})}), "1 3 9 11 17 19 ");
  std::vector<Tensor> apart = {f32("l.0.e.0.w", {2, 2}, 8), f32("l.0.e.1.w", {2, 2}), f32("l.0.e.2.w", {2, 2}, 20)};
  EXPECT_EQ(up(each, apart), "8 10 0 2 20 22 ");
  apart[1].format = Format::F16;
  apart[1].formatName = "F16";
  EXPECT_EQ(up(each, apart), "c.json: tensor 'l.0.e.0.w' is stored as F32 and 'l.0.e.1.w' as F16; all parts of "
                             "layers.0.mlp.experts.gate share one format");
  EXPECT_EQ(up(each, {f32("l.0.e.0.w", {2, 2}), f32("l.0.e.2.w", {2, 2})}),
            "c.json: tensor 'l.0.e.1.w' is missing (role layers.0.mlp.experts.gate)");
  EXPECT_EQ(up(all, {f32("w", {2, 2, 2})}),
            "c.json: tensor 'w' has shape [2, 2, 2]; layers.0.mlp.experts.gate is [3, 2, 2]");
}

TEST(Binding, HeadsWithANormEachAreInOneTensorOrEachInItsOwn) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(R"(version: 1 dim: 4 n_layers: 1 vocab_size: 1 max_context: 8
      positions { none {} } norm { kind: LAYER eps: 1e-5 unweighted: true } head { tied: true unnormed: true }
      attention { n_heads: 2 qk_norm: EACH_HEAD } mlp { hidden: 1 activation: RELU })",
                                     "m", model)),
            "");
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::vector<float> numbers(16);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = float(i);
  auto f32 = [&](const std::string &name, std::vector<int64_t> shape, int first = 0) {
    return Tensor{name, Format::F32, "F32", std::move(shape), reinterpret_cast<const uint8_t *>(&numbers[first])};
  };
  /// The scales of the queries' norms, which `tensors` have by names like `name`.
  auto scales = [&](const std::string &name, std::vector<Tensor> tensors) -> std::string {
    std::string style = R"(tensors { role: "token_embedding" names: "e" } tensors { role: "layers.*.mlp.up" names: "e" }
        tensors { role: "layers.*.mlp.down" names: "down" } tensors { role: "layers.*.attention.key_norm" names: "k" }
        tensors { role: "layers.*.attention.query_norm" names: ")" +
                        name + "\" }";
    for (const char *part : {"query", "key", "value", "output"})
      style += std::string(" tensors { names: \"a\" role: \"layers.*.attention.") + part + "\" }";
    llvm::Expected<NamedFamily> family = parseFamily("hf { " + style + " }", "f.textproto");
    if (!family)
      return llvm::toString(family.takeError());
    Checkpoint file = checkpoint("{}");
    tensors.insert(tensors.end(), {f32("e", {1, 4}), f32("down", {4, 1}), f32("k", {2, 2}), f32("a", {4, 4})});
    for (Tensor &tensor : tensors)
      if (llvm::Error error = file.add(std::move(tensor)))
        return llvm::toString(std::move(error));
    auto weights = bindWeights(family->family.hf(), std::move(file), model, model);
    if (!weights)
      return llvm::toString(weights.takeError());
    std::string text;
    for (float scale : rowOf(**weights, "layers.0.attention.query_norm", 0))
      text += llvm::formatv("{0} ", int(scale)).str();
    return text;
  };
  EXPECT_EQ(scales("q", {f32("q", {2, 2})}), "0 1 2 3 ");
  EXPECT_EQ(scales("q", {f32("q", {4})}), "0 1 2 3 ");
  EXPECT_EQ(scales("l.*.q.*", {f32("l.0.q.0", {2}, 6), f32("l.0.q.1", {2}, 3)}), "6 7 3 4 ");
  EXPECT_EQ(scales("l.*.q.*", {f32("l.0.q.0", {2})}),
            "c.json: tensor 'l.0.q.1' is missing (role layers.0.attention.query_norm)");
  EXPECT_EQ(scales("q", {f32("q", {2})}), "c.json: tensor 'q' has shape [2]; layers.0.attention.query_norm is [2, 2]");
}

/// MXFP4 as transformers has it: codes of columns 2 i and 2 i + 1 share a byte, and scales lie apart.
TEST(Binding, ScalesOfMxfp4MayLieApart) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(R"(version: 1 dim: 64 n_layers: 1 vocab_size: 2 max_context: 8
      positions { none {} } norm { kind: RMS eps: 1e-5 unweighted: true } head { tied: true unnormed: true }
      attention { n_heads: 1 head_size: 1 } mlp { hidden: 1 activation: RELU })",
                                     "m", model)),
            "");
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  const float numbers[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0f, -0.5, -1, -1.5, -2, -3, -4, -6}; // E2M1
  std::vector<uint8_t> codes(64), scales = {127, 128, 126, 130};                               // 1, 2, 1/2, 8
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = uint8_t(i * 37 + i / 16);
  std::vector<float> zeros(64);
  llvm::Expected<NamedFamily> family =
      parseFamily(R"(hf { tensors { role: "token_embedding" names: "e_blocks" } ignored: "e_scales"
          tensors { role: "layers.*.attention" names: "qkv" stack: ["query", "key", "value"] }
          tensors { role: "layers.*.attention.output" names: "o" } tensors { role: "layers.*.mlp.up" names: "up" }
          tensors { role: "layers.*.mlp.down" names: "o" } })",
                  "f.textproto");
  ASSERT_EQ(messageOf(family.takeError()), "");
  TemporaryFolder folder;
  std::string header = R"({"e_blocks": {"dtype": "U8", "shape": [2, 2, 16], "data_offsets": [0, 64]},
      "e_scales": {"dtype": "U8", "shape": [2, 2], "data_offsets": [64, 68]},
      "qkv": {"dtype": "F32", "shape": [3, 64], "data_offsets": [68, 836]},
      "o": {"dtype": "F32", "shape": [64, 1], "data_offsets": [836, 1092]},
      "up": {"dtype": "F32", "shape": [1, 64], "data_offsets": [1092, 1348]}})";
  std::string file(8, 0);
  const uint64_t length = header.size();
  std::memcpy(file.data(), &length, sizeof length);
  file += header;
  file.append(codes.begin(), codes.end()).append(scales.begin(), scales.end()).append(1280, 0);
  folder.write("config.json", R"({"model_type": "any"})");
  folder.write("model.safetensors", file);
  llvm::Expected<Checkpoint> checkpoint = readHuggingFace(folder.path);
  ASSERT_EQ(messageOf(checkpoint.takeError()), "");
  auto weights = bindWeights(family->family.hf(), std::move(*checkpoint), model, model);
  ASSERT_EQ(messageOf(weights.takeError()), "");
  EXPECT_EQ(llvm::cantFail((*weights)->get("token_embedding"))->format, Format::MXFP4);
  for (int64_t row : {0, 1}) {
    const std::vector<float> values = rowOf(**weights, "token_embedding", row);
    for (int64_t column = 0; column < 64; ++column) {
      const int code = codes[row * 32 + column / 2] >> (column % 2 * 4) & 15;
      const float scale = std::exp2(float(scales[row * 2 + column / 32] - 127));
      ASSERT_EQ(values[column], numbers[code] * scale) << row << ", " << column;
    }
  }
}

TEST(Binding, RolesOfOneTensorAreReadFromTheirRows) {
  spec::Model model;
  ASSERT_EQ(messageOf(parseTextProto(R"(version: 1 dim: 2 n_layers: 1 vocab_size: 1 max_context: 8
      positions { none {} } norm { kind: RMS eps: 1e-5 unweighted: true } head { tied: true unnormed: true }
      attention { n_heads: 4 n_kv_heads: 2 head_size: 1 qkv_bias: true } mlp { hidden: 2 activation: RELU })",
                                     "m", model)),
            "");
  ASSERT_EQ(messageOf(validate(model, "m")), "");
  std::vector<float> numbers(16); // of 8 rows, 2 columns; or of 2 rows, 8 columns
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = float(i);
  const auto *data = reinterpret_cast<const uint8_t *>(numbers.data());
  auto rows = [&](const std::string &how, bool transposed = false) -> std::string {
    std::string style =
        R"(tensors { role: "token_embedding" names: "e" } tensors { role: "layers.*.attention.output" names: "o" }
      tensors { role: "layers.*.mlp.up" names: "s" } tensors { role: "layers.*.mlp.down" names: "s" })";
    style +=
        R"( tensors { role: "layers.*.attention" names: "qkv.weight" stack: ["query", "key", "value"] )" + how + "}";
    llvm::Expected<NamedFamily> family = parseFamily("hf { " + style + " }", "f.textproto");
    if (!family)
      return llvm::toString(family.takeError());
    Checkpoint file = checkpoint("{}");
    const std::vector<int64_t> whole = transposed ? std::vector<int64_t>{2, 8} : std::vector<int64_t>{8, 2};
    for (Tensor tensor :
         {Tensor{"e", Format::F32, "F32", {1, 2}, data}, Tensor{"o", Format::F32, "F32", {2, 4}, data},
          Tensor{"s", Format::F32, "F32", {2, 2}, data}, Tensor{"qkv.weight", Format::F32, "F32", whole, data},
          Tensor{"qkv.bias", Format::F32, "F32", {8}, data}})
      if (llvm::Error error = file.add(std::move(tensor)))
        return llvm::toString(std::move(error));
    auto weights = bindWeights(family->family.hf(), std::move(file), model, model);
    if (!weights)
      return llvm::toString(weights.takeError());
    std::string text; // the first number of each row of key, then value's bias
    for (int64_t row : {0, 1})
      text += llvm::formatv("{0} ", int(rowOf(**weights, "layers.0.attention.key", row)[0])).str();
    for (float number : rowOf(**weights, "layers.0.attention.value.bias", 0))
      text += llvm::formatv("{0} ", int(number)).str();
    return text;
  };
  EXPECT_EQ(rows(""), "8 10 6 7 ");                 // rows: q q q q k k v v
  EXPECT_EQ(rows("by_kv_head: true"), "4 12 3 7 "); // rows: q q k v q q k v
  EXPECT_EQ(rows("blocks: 2"), "4 12 3 7 ");        // the same, where a block has one KV head
  EXPECT_EQ(rows("blocks: 1"), "8 10 6 7 ");
  EXPECT_EQ(rows("alternating: true"), "c.json: tensor 'qkv.weight' cannot hold equal blocks of "
                                       "layers.0.attention.query, layers.0.attention.key, layers.0.attention.value");
  EXPECT_EQ(rows("transposed: true", true), "4 5 6 7 ");
  EXPECT_EQ(rows("by_kv_head: true transposed: true", true), "2 6 3 7 ");
  EXPECT_EQ(rows("blocks: 3"), "c.json: tensor 'qkv.weight' cannot hold equal blocks of layers.0.attention.query, "
                               "layers.0.attention.key, layers.0.attention.value");
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
    ASSERT_EQ(messageOf(completeTransformers(file)), "");
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

TEST(Binding, ReadsYarnFromBothFormats) {
  Checkpoint file = checkpoint(R"({"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 5,
    "num_attention_heads": 2, "intermediate_size": 9, "max_position_embeddings": 64,
    "rope_scaling": {"type": "yarn", "factor": 8, "beta_fast": 16, "truncate": false, "attention_factor": 1.25}})");
  file.style = Checkpoint::Style::HuggingFace;
  file.architecture = "llama";
  ASSERT_EQ(messageOf(completeTransformers(file)), "");
  const spec::Family &llama = llvm::cantFail(familyOf(file))->family;
  spec::Model model = llama.defaults();
  ASSERT_EQ(messageOf(bindConfig(llama.hf(), file, model)), "");
  EXPECT_EQ(model.positions().rotary().scaling().ShortDebugString(),
            "yarn { factor: 8 original_context: 64 beta_fast: 16 untruncated: true magnitude: 1.25 }");

  file = checkpoint(R"({"llama.embedding_length": 8, "llama.block_count": 1, "llama.vocab_size": 5,
    "llama.attention.head_count": 2, "llama.feed_forward_length": 9, "llama.context_length": 64,
    "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 8,
    "llama.rope.scaling.original_context_length": 32, "llama.rope.scaling.attn_factor": 0.5})");
  file.architecture = "llama";
  file.style = Checkpoint::Style::Gguf;
  ASSERT_EQ(messageOf(completeKeys(file)), "");
  model = llama.defaults();
  ASSERT_EQ(messageOf(bindConfig(llama.gguf(), file, model)), "");
  EXPECT_EQ(model.positions().rotary().scaling().ShortDebugString(),
            "yarn { factor: 8 original_context: 32 } magnitude: 0.5");
}

TEST(Binding, ReadsRotationsByLength) {
  auto scaling = [](const char *rope) {
    Checkpoint file = checkpoint((R"({"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 5,
      "num_attention_heads": 2, "intermediate_size": 9, "max_position_embeddings": 64,)" +
                                  std::string(rope) + "}")
                                     .c_str());
    file.style = Checkpoint::Style::HuggingFace;
    file.architecture = "llama";
    if (llvm::Error error = completeTransformers(file))
      return messageOf(std::move(error));
    const spec::Family &llama = llvm::cantFail(familyOf(file))->family;
    spec::Model model = llama.defaults();
    const std::string wrong = messageOf(bindConfig(llama.hf(), file, model));
    return wrong.empty() ? model.positions().rotary().scaling().ShortDebugString() : wrong;
  };
  EXPECT_EQ(scaling(R"("rope_scaling": {"type": "dynamic", "factor": 4})"),
            "dynamic_ntk { factor: 4 original_context: 64 }");
  EXPECT_EQ(scaling(R"("original_max_position_embeddings": 16,
                       "rope_scaling": {"type": "longrope", "short_factor": [1, 2], "long_factor": [3, 4]})"),
            "longrope { short_factor: 1 short_factor: 2 long_factor: 3 long_factor: 4 original_context: 16 "
            "extended_context: 64 }");
  EXPECT_EQ(scaling(R"("rope_parameters": {"rope_type": "longrope", "short_factor": [1], "long_factor": [3],
                       "original_max_position_embeddings": 8, "factor": 2, "attention_factor": 1.5})"),
            "longrope { short_factor: 1 long_factor: 3 original_context: 8 short_magnitude: 1.5 long_magnitude: 1.5 "
            "factor: 2 extended_context: 64 }");
  EXPECT_EQ(scaling(R"("rope_scaling": {"type": "longrope", "short_factor": [1]})"),
            "c.json: rope_scaling.long_factor is missing (positions.rotary.scaling.longrope.long_factor needs it)");
}

TEST(Embedded, CarriesTheFilesAsTheyAre) {
  ASSERT_FALSE(embeddedFamilies().empty());
  for (const EmbeddedFile &file : embeddedFamilies())
    EXPECT_EQ(file.text, readBytes(std::string(file.path))) << file.path;
}

} // namespace
