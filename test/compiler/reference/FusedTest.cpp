// The module after fusion means what it meant before.
#include "compiler/fusion/Passes.h"
#include "compiler/import/Import.h"
#include "mlir/Pass/PassManager.h"
#include "test/compiler/reference/Golden.h"
#include <gtest/gtest.h>
#include <numeric>

using namespace lathe;
using lathe::reference::Interpreter;
using lathe::reference::Matrix;

namespace {

const std::string kFolder = "test/data/golden/gguf/llama-gqa/llama-gqa-";

/// The logits of the golden's ids from the module, before or after fusion.
Matrix<double> logits(const std::string &format, bool fused, bool quantized, bool tokenByToken) {
  llvm::Expected<Input> input = readInput(kFolder + format + ".gguf");
  if (!input)
    throw std::runtime_error(llvm::toString(input.takeError()));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, input->model, input->weights.get());
  if (!module)
    throw std::runtime_error(llvm::toString(module.takeError()));
  if (fused) {
    mlir::PassManager passes(&context);
    buildFusionPipeline(passes, {.splitPositions = 64});
    if (mlir::failed(passes.run(**module)))
      throw std::runtime_error("fusion fails");
  }
  Interpreter<double> oracle(**module, test::lookupIn(*input->weights), {.quantized = quantized});
  llvm::StringMap<test::GoldenTensor> golden = test::readGolden("test/data/golden/gguf/llama-gqa/golden.safetensors");
  std::vector<int32_t> ids(golden["input_ids"].values.begin(), golden["input_ids"].values.end());
  for (int round = 0; round < 7; ++round) // beyond one split of 64 positions
    ids.insert(ids.end(), golden["input_ids"].values.begin(), golden["input_ids"].values.end());
  std::vector<int32_t> positions(ids.size()), slots(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  if (!tokenByToken)
    return llvm::cantFail(oracle.step("prefill", {ids, positions, slots, positions}));
  Matrix<double> all;
  for (size_t i = 0; i < ids.size(); ++i) {
    Matrix<double> one = llvm::cantFail(oracle.step("decode", {ids[i], positions[i], slots[i], 0}));
    all.values.insert(all.values.end(), one.values.begin(), one.values.end());
  }
  return all;
}

TEST(Fused, meansWhatItMeantBefore) {
  for (const char *format : {"F32", "F16", "Q8_0", "Q4_1"}) {
    Matrix<double> before = logits(format, false, false, false), after = logits(format, true, false, false);
    EXPECT_LE(test::nmse(after.values, before.values.data()), 1e-24) << format;
  }
}

TEST(Fused, decodeIsPrefill) {
  Matrix<double> prefill = logits("Q4_1", true, true, false), decode = logits("Q4_1", true, true, true);
  ASSERT_EQ(prefill.values.size(), decode.values.size());
  EXPECT_LE(test::nmse(decode.values, prefill.values.data()), 1e-24);
}

TEST(Fused, quantisedActivationsStayNear) {
  Matrix<double> exact = logits("Q4_1", true, false, false), quantised = logits("Q4_1", true, true, false);
  const double difference = test::nmse(quantised.values, exact.values.data());
  EXPECT_LE(difference, 3e-3); // 64 columns are two groups, so the tiny model is worse off than a real one (1e-3)
  EXPECT_GT(difference, 1e-9); // they do round
}

} // namespace
