// The reference against logits of other people's code: test/data/golden (made with transformers, in f64).
#include "test/compiler/reference/Golden.h"
#include "compiler/import/Import.h"
#include <gtest/gtest.h>
#include <numeric>

using namespace lathe;
using lathe::reference::Interpreter;
using lathe::reference::Matrix;

namespace {

const std::string kFolder = "test/data/golden/llama-gqa";

/// A model, its module, and what is known of it: `batch` sequences of `length` ids.
struct Known {
  explicit Known(const std::string &path, const std::string &goldenPath) : golden(test::readGolden(goldenPath)) {
    llvm::Expected<Input> read = readInput(path);
    if (!read)
      throw std::runtime_error(llvm::toString(read.takeError()));
    input = std::move(*read);
    auto imported = importModel(context, input.model, input.weights.get());
    if (!imported)
      throw std::runtime_error(llvm::toString(imported.takeError()));
    module = std::move(*imported);
    batch = golden["input_ids"].shape[0];
    length = golden["input_ids"].shape[1];
  }

  template <typename T> Interpreter<T> interpreter(reference::Options options = {}) {
    return Interpreter<T>(*module, test::lookupIn(*input.weights), options);
  }
  int32_t id(int64_t sequence, int64_t position) {
    return int32_t(golden["input_ids"].values[sequence * length + position]);
  }

  /// All sequences at once, every row's logits: [batch * length, vocabulary].
  template <typename T> Matrix<T> logits(Interpreter<T> &oracle) {
    std::vector<int32_t> ids, positions, slots;
    for (int64_t s = 0; s < batch; ++s)
      for (int64_t p = 0; p < length; ++p) {
        ids.push_back(id(s, p));
        positions.push_back(p);
        slots.push_back(s);
      }
    return run(oracle, "prefill", ids, positions, slots);
  }

  template <typename T>
  static Matrix<T> run(Interpreter<T> &oracle, const char *function, const std::vector<int32_t> &ids,
                       const std::vector<int32_t> &positions, const std::vector<int32_t> &slots) {
    std::vector<int32_t> all(ids.size());
    std::iota(all.begin(), all.end(), 0);
    auto result = oracle.step(function, {ids, positions, slots, all});
    if (!result)
      throw std::runtime_error(llvm::toString(result.takeError()));
    return std::move(*result);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  llvm::StringMap<test::GoldenTensor> golden;
  Input input;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t batch = 0, length = 0;
};

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
