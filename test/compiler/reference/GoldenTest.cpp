// The reference against logits of other people's code: test/data/golden (made with transformers, in f64).
#include "test/compiler/reference/Known.h"
#include <gtest/gtest.h>

using namespace lathe;
using lathe::reference::Matrix;
using lathe::test::Known;

namespace {

const std::string kFolder = "test/data/golden/llama-gqa";

Known &llama() {
  static Known known(kFolder, kFolder + "/golden.safetensors");
  return known;
}

TEST(Golden, logitsInF64) {
  auto oracle = llama().interpreter<double>();
  EXPECT_LE(test::nmse(llama().logits(oracle).values, llama().golden["logits"].values.data()), 1e-12);
}

TEST(Golden, logitsInF32) {
  auto oracle = llama().interpreter<float>();
  EXPECT_LE(test::nmse(llama().logits(oracle).values, llama().golden["logits"].values.data()), 1e-9);
}

TEST(Golden, hiddenStatesOfEveryLayer) {
  auto oracle = llama().interpreter<double>();
  int compared = 0;
  oracle.observe([&](mlir::OpResult result, const Matrix<double> &value) {
    auto compare = [&](const char *name) {
      EXPECT_LE(test::nmse(value.values, llama().golden[name].values.data()), 1e-12) << name;
      ++compared;
    };
    llvm::StringRef op = ir::nameOf(result.getLoc());
    if (op == "token_embedding")
      compare("hidden.0");
    else if (op == "layers.0.mlp.sum")
      compare("hidden.1");
    else if (op == "output_norm") // the last is after the final norm
      compare("hidden.2");
  });
  llama().logits(oracle);
  EXPECT_EQ(compared, 3);
}

TEST(Golden, greedyContinuation) {
  Known &known = llama();
  auto oracle = known.interpreter<float>();
  const test::GoldenTensor &greedy = known.golden["greedy"];
  for (int64_t s = 0; s < known.batch; ++s) {
    std::vector<int32_t> ids, positions(8);
    for (int64_t p = 0; p < 8; ++p)
      ids.push_back(known.id(s, p));
    std::iota(positions.begin(), positions.end(), 0);
    std::vector<int32_t> slots(8, int32_t(s));
    Matrix<float> logits = Known::run(oracle, "prefill", ids, positions, slots);
    for (int64_t i = 0; i < greedy.shape[1]; ++i) {
      const float *last = logits.row(logits.rows - 1);
      int32_t next = std::max_element(last, last + logits.columns) - last;
      ASSERT_EQ(next, greedy.values[s * greedy.shape[1] + i]) << "sequence " << s << ", token " << i;
      logits = Known::run(oracle, "decode", {next}, {int32_t(8 + i)}, {int32_t(s)});
    }
  }
}

TEST(Golden, tokenByTokenIsAllAtOnce) {
  Known &known = llama();
  auto whole = known.interpreter<double>(), single = known.interpreter<double>();
  Matrix<double> expected = known.logits(whole);
  for (int64_t p = 0; p < known.length; ++p)
    for (int64_t s = 0; s < known.batch; ++s) {
      Matrix<double> row = Known::run(single, "decode", {known.id(s, p)}, {int32_t(p)}, {int32_t(s)});
      const double *same = expected.row(s * known.length + p);
      ASSERT_TRUE(std::equal(row.values.begin(), row.values.end(), same)) << "position " << p;
    }
}

TEST(Golden, threadsDoNotChangeResults) {
  auto one = llama().interpreter<float>({.threads = 1}), three = llama().interpreter<float>({.threads = 3});
  EXPECT_EQ(llama().logits(one).values, llama().logits(three).values);
}

TEST(Golden, everyWeightFormat) {
  const std::string folder = "test/data/golden/gguf/llama-gqa/";
  for (const char *format : {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"}) {
    Known known(folder + "llama-gqa-" + format + ".gguf", folder + "golden.safetensors");
    auto oracle = known.interpreter<double>();
    const double *expected = known.golden[std::string("logits.") + format].values.data();
    EXPECT_LE(test::nmse(known.logits(oracle).values, expected), 1e-12) << format;
  }
}

} // namespace
