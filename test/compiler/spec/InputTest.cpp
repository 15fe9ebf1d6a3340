#include "TestFiles.h"
#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/TextProto.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "gmock/gmock.h"
#include <cmath>

using namespace lathe;
using namespace lathe::test;

namespace {

const std::string hf = "test/data/golden/llama-gqa", gguf = "test/data/golden/gguf/llama-gqa/llama-gqa-",
                  stories = "test/data/models/stories260K/stories260K.bin";

Input read(const std::string &path, const InputOptions &options = {}) {
  llvm::Expected<Input> input = readInput(path, options);
  if (!input) {
    ADD_FAILURE() << llvm::toString(input.takeError());
    std::abort();
  }
  return std::move(*input);
}

const char *const goldenSpec = R"(# proto-file: models/model.proto
# proto-message: lathe.spec.Model
version: 1
name: "llama-gqa"
family: "llama"
dim: 64
n_layers: 2
vocab_size: 288
max_context: 128
embedding {
  scale: 1
}
positions {
  rotary {
    theta: 10000
    dims: 8
    pairing: HALF_SPLIT
  }
}
norm {
  kind: RMS
  eps: 1e-05
}
residual {
  scale: 1
}
attention {
  n_heads: 8
  n_kv_heads: 2
  head_size: 8
  scale: 0.35355339059327373
  value_head_size: 8
}
mlp {
  hidden: 96
  gated: true
  activation: SILU
  activation_slope: 1
}
head {
  scale: 1
}
)";

TEST(Input, ReadsAHuggingFaceFolder) {
  Input input = read(hf);
  EXPECT_EQ(printSpec(input.model), goldenSpec);
  EXPECT_EQ(input.tokenizer, nullptr);
  const Weight *down = llvm::cantFail(input.weights->get("layers.1.mlp.down"));
  EXPECT_EQ(down->tensor, "model.layers.1.mlp.down_proj.weight");
  EXPECT_EQ(down->rows, 64);
  EXPECT_EQ(down->columns, 96);
  EXPECT_EQ(messageOf(input.weights->get("layers.2.mlp.down")),
            hf + "/config.json: the model has no weight for role 'layers.2.mlp.down'");
}

TEST(Input, ReadsTheSameModelFromEveryGguf) {
  for (const char *format : {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"}) {
    Input input = read(gguf + format + ".gguf");
    // The two formats differ in these alone: GGUF keeps eps in f32 and permutes rotary rows.
    EXPECT_FLOAT_EQ(input.model.norm().eps(), 1e-5);
    EXPECT_EQ(input.model.positions().rotary().pairing(), spec::Rotary::INTERLEAVED);
    EXPECT_EQ(input.model.name(), "golden llama-gqa");
    input.model.mutable_norm()->set_eps(1e-5);
    input.model.mutable_positions()->mutable_rotary()->set_pairing(spec::Rotary::HALF_SPLIT);
    input.model.set_name("llama-gqa");
    EXPECT_EQ(printSpec(input.model), goldenSpec) << format;
    const Weight *query = llvm::cantFail(input.weights->get("layers.0.attention.query"));
    EXPECT_EQ(formatName(query->format), llvm::StringRef(format).lower());
    ASSERT_NE(input.tokenizer, nullptr);
    EXPECT_EQ(input.tokenizer->tokens.size(), 288u);
  }
}

TEST(Input, WeightsOfASpecFollowItsPairing) {
  TemporaryFolder folder;
  const std::string spec = folder.write("model.textproto", goldenSpec);
  Input direct = read(hf), permuted = read(spec, {.weightsPath = gguf + "F32.gguf"});
  ASSERT_EQ(printSpec(direct.model), printSpec(permuted.model));
  for (const WeightShape &shape : weightShapes(direct.model))
    for (int64_t row = 0; row < shape.rows; ++row)
      ASSERT_EQ(rowOf(*direct.weights, shape.role, row), rowOf(*permuted.weights, shape.role, row)) << shape.role;

  // And back: half-split rows for an interleaved spec.
  std::string text = goldenSpec;
  text.replace(text.find("HALF_SPLIT"), 10, "INTERLEAVED");
  folder.write("model.textproto", text);
  Input interleaved = read(gguf + "F32.gguf"), back = read(spec, {.weightsPath = hf + "/model.safetensors"});
  for (const char *role : {"layers.0.attention.query", "layers.1.attention.key", "layers.1.attention.value"})
    for (int64_t row = 0; row < 16; ++row)
      ASSERT_EQ(rowOf(*interleaved.weights, role, row), rowOf(*back.weights, role, row)) << role;
}

TEST(Input, ReadsBareSafetensorsForASpec) {
  TemporaryFolder folder;
  const std::string spec = folder.write("model.textproto", goldenSpec);
  const std::string bare = folder.write("bare.safetensors", readBytes(hf + "/model.safetensors"));
  Input input = read(spec, {.weightsPath = bare}), whole = read(hf);
  EXPECT_EQ(rowOf(*input.weights, "layers.1.attention.query", 3), rowOf(*whole.weights, "layers.1.attention.query", 3));
}

TEST(Input, ReadsShards) {
  TemporaryFolder folder;
  folder.write("config.json", readBytes(hf + "/config.json"));
  folder.write("a.safetensors", readBytes(hf + "/model.safetensors"));
  folder.write("model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "a.safetensors"}})");
  EXPECT_TRUE(read(folder.path).weights->has("head"));
  folder.write("model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "../a.safetensors"}})");
  EXPECT_EQ(inputMessage(folder.path + "/"),
            "model.safetensors.index.json: the shard of tensor 'lm_head.weight' is not a file name");
}

TEST(Input, ReadsLlama2c) {
  Input input = read(stories);
  Input spec = read("models/stories260k.textproto", {.weightsPath = stories});
  EXPECT_EQ(printSpec(input.model), printSpec(spec.model));
  // The last tensor before the frequencies ends where it should: a trained norm is near 1, frequencies begin at cos 0.
  for (float value : rowOf(*input.weights, "output_norm", 0))
    EXPECT_THAT(value, testing::AllOf(testing::Gt(0.5f), testing::Lt(20.0f)));
  EXPECT_EQ(rowOf(*input.weights, "layers.4.mlp.down", 63), rowOf(*spec.weights, "layers.4.mlp.down", 63));
}

TEST(Input, QuantizesMatrices) {
  Input stored = read(gguf + "Q8_0.gguf"), made = read(gguf + "F32.gguf", {.quantize = "q8_0"});
  EXPECT_EQ(made.model.weight_format(), spec::Q8_0);
  for (const WeightShape &shape : weightShapes(made.model)) {
    const Weight *a = llvm::cantFail(stored.weights->get(shape.role)),
                 *b = llvm::cantFail(made.weights->get(shape.role));
    EXPECT_EQ(b->format, shape.rows == 1 ? Format::F32 : Format::Q8_0);
    for (int64_t row = 0; row < shape.rows; ++row) {
      std::vector<uint8_t> left(rowBytes(a->format, a->columns)), right(rowBytes(b->format, b->columns));
      llvm::cantFail(a->readBlocks(row, left.data()));
      llvm::cantFail(b->readBlocks(row, right.data()));
      ASSERT_EQ(left, right) << shape.role << " row " << row;
    }
  }
  EXPECT_NE(made.weights->fingerprint(), read(gguf + "F32.gguf").weights->fingerprint());
  // 172 columns are no whole blocks.
  Input odd = read(stories, {.quantize = "q4_0"});
  EXPECT_EQ(llvm::cantFail(odd.weights->get("layers.0.mlp.up"))->format, Format::Q4_0);
  EXPECT_EQ(llvm::cantFail(odd.weights->get("layers.0.mlp.down"))->format, Format::F32);
}

TEST(Input, PositionsMayBeSinesThatAreWorkedOut) {
  auto row = [](const char *sinusoidal, int64_t at) {
    spec::Model model;
    EXPECT_EQ(messageOf(parseTextProto(std::string(R"(version: 1 dim: 6 n_layers: 1 vocab_size: 10 max_context: 4
                                                      norm { kind: RMS eps: 1e-5 } attention { n_heads: 1 }
                                                      mlp { hidden: 8 activation: RELU } head { tied: true }
                                                      positions { sinusoidal { )") +
                                           sinusoidal + " } }",
                                       "m", model)),
              "");
    EXPECT_EQ(messageOf(validate(model, "m")), "");
    return rowOf(*randomWeights(model, Format::F32), "position_embedding", at);
  };
  auto sine = [](double angle) { return float(std::sin(angle)); };
  auto cosine = [](double angle) { return float(std::cos(angle)); };
  const double second = std::pow(10000.0, -1 / 3.0), third = second * second;
  EXPECT_THAT(row("", 3),
              testing::Pointwise(testing::FloatEq(), {sine(3), cosine(3), sine(3 * second), cosine(3 * second),
                                                      sine(3 * third), cosine(3 * third)}));
  EXPECT_THAT(
      row("offset: 2 apart: true inclusive: true theta: 100", 5),
      testing::Pointwise(testing::FloatEq(), {sine(5), sine(0.5), sine(0.05), cosine(5), cosine(0.5), cosine(0.05)}));
}

TEST(Input, RandomWeightsAreTheSameEverywhere) {
  for (const char *format : {"", "q8_0", "q4_1"}) {
    Input a = read("models/smollm2-135m.textproto", {.randomWeights = true, .quantize = format});
    const std::vector<float> row = rowOf(*a.weights, "layers.7.mlp.gate", 11);
    double sum = 0, squares = 0;
    for (float value : row) {
      sum += value;
      squares += double(value) * value;
    }
    EXPECT_NEAR(sum / row.size(), 0, 0.006);
    EXPECT_NEAR(std::sqrt(squares / row.size()), 1 / std::sqrt(576.0), 0.004);
    for (float scale : rowOf(*a.weights, "layers.7.mlp_norm", 0))
      EXPECT_NEAR(scale, 1, 0.4);
  }
  // Pinned: a change of the generator must be seen.
  Input input = read("models/stories260k.textproto", {.randomWeights = true});
  const std::vector<float> row = rowOf(*input.weights, "token_embedding", 1);
  EXPECT_FLOAT_EQ(row[0], 0.075702615f);
}

TEST(Input, ConcreteSpecsAreValid) {
  for (const auto &entry : std::filesystem::directory_iterator("models")) {
    const std::string path = entry.path().string();
    if (entry.path().extension() == ".textproto" && readBytes(path).find("lathe.spec.Model") != std::string::npos)
      EXPECT_EQ(messageOf(readInput(path)), "");
  }
}

TEST(Input, MaxContextReplacesTheModels) { EXPECT_EQ(read(hf, {.maxContext = 77}).model.max_context(), 77u); }

TEST(Input, ABiasIsThatBesideItsWeight) {
  const std::string falcon = "test/data/golden/falcon-40b-style";
  TemporaryFolder folder;
  folder.write("config.json", readBytes(falcon + "/config.json"));
  std::string bytes = readBytes(falcon + "/model.safetensors");
  const std::string name = "h.1.ln_attn.bias", other = "h.1.input_layernorm.bias";
  bytes.replace(bytes.find(name), name.size(), other);
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header += other.size() - name.size();
  std::memcpy(bytes.data(), &header, sizeof(header));
  folder.write("model.safetensors", bytes);
  EXPECT_THAT(
      messageOf(readInput(folder.path, {})),
      testing::HasSubstr("tensor 'transformer.h.1.ln_attn.bias' is missing (role layers.1.attention_norm.bias)"));
}

TEST(Input, SaysWhatIsWrongWithOptions) {
  EXPECT_EQ(inputMessage("models/stories260k.textproto", {.weightsPath = "x", .randomWeights = true}),
            "--random-weights and --weights x exclude each other");
  EXPECT_EQ(inputMessage(hf, {.weightsPath = "x"}),
            "llama-gqa: --weights goes with a spec (.textproto); this is a checkpoint with its own");
  EXPECT_EQ(inputMessage(hf, {.quantize = "q5"}), "--quantize: q5 is no weight format; f32, f16, bf16, q8_0, q4_0, "
                                                  "q4_1, q5_0, q5_1, q4_k, q5_k, q6_k would be right");
  EXPECT_EQ(inputMessage("models/nothing.textproto"), "nothing.textproto: No such file or directory");
  EXPECT_EQ(inputMessage("models/families/llama.textproto"),
            "llama.textproto: holds a lathe.spec.Family, not a model's spec (lathe.spec.Model)");
  EXPECT_EQ(
      inputMessage("models/stories260k.textproto", {.weightsPath = hf}),
      "test/data/golden/llama-gqa/config.json: has 8 heads, 2 key/value heads of size 8; stories260k.textproto says "
      "8, 4 of size 8");
  TemporaryFolder folder;
  EXPECT_THAT(inputMessage(folder.write("s.textproto", "version: 1 family: \"lama\"")),
              testing::StartsWith("s.textproto: family = 'lama' is unknown; known: "));
  EXPECT_EQ(inputMessage("test/data"),
            "data: a folder with neither config.json (Hugging Face) nor params.json (Meta) is no checkpoint");
}

} // namespace
