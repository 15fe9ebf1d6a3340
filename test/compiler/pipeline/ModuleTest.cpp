//===- ModuleTest.cpp - modules of any ops run as the reference says ---------------------------------------------===//
//
// Each module of test/compiler/fusion/Inputs goes down the road from fusion on, with weights from a seed, and what it
// computes is compared with the interpreter on the module as it was written: a prompt at once, in chunks and token by
// token (the same bits), and two sequences in one step.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/reference/Interpreter.h"
#include "compiler/support/Nmse.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/fusion/FusionInputs.h"
#include "test/compiler/pipeline/SeededWeights.h"
#include <gtest/gtest.h>

using namespace lathe;
namespace files = std::filesystem;

namespace {

std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

class ModuleTest : public testing::TestWithParam<std::string> {
protected:
  mlir::OwningOpRef<mlir::ModuleOp> parse(mlir::MLIRContext &context) {
    return mlir::parseSourceFile<mlir::ModuleOp>(test::fusionInputPath(GetParam()), &context);
  }

  test::TemporaryFolder root;
};

using Row = std::vector<float>;

double nmse(const Row &actual, const double *expected) {
  EXPECT_FALSE(actual.empty());
  SquaredError sum;
  for (size_t i = 0; i < actual.size(); ++i)
    sum.add(actual[i], expected[i]);
  return sum.nmse();
}

} // namespace

TEST_P(ModuleTest, ComputesWhatTheReferenceDoes) {
  Compilation c(GetParam(), PipelineOptions());
  c.module = parse(c.context);
  c.input.weights = std::make_unique<test::SeededWeights>(*c.module);
  ASSERT_EQ(message(test::compileModule(c, (root / "bundle").string())), "");
  bool exact =
      c.variants.front().set.cache.format == CacheFormat::F32; // the reference's cache is: a cache in f16 rounds
  auto model = Model::open((root / "bundle").string());
  ASSERT_TRUE(model) << model.message();
  auto context = Context::create(*model, {.threads = 2, .cachePages = 8});
  ASSERT_TRUE(context) << context.message();

  const std::vector<int32_t> ids = {5, 17, 49, 3, 42, 7, 7, 1, 30, 11, 2};
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(c.context);
  test::SeededWeights weights(*module);
  reference::Interpreter<double> oracle(*module, [&](llvm::StringRef role) -> llvm::Expected<reference::WeightRows> {
    auto weight = weights.get(role);
    if (!weight)
      return weight.takeError();
    auto read = [weight = *weight](int64_t row, float *out) { return weight->readRow(row, out); };
    return reference::WeightRows{(*weight)->rows, (*weight)->columns, read};
  });
  std::vector<int32_t> positions(ids.size()), slots(ids.size(), 0), wanted(ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    positions[i] = wanted[i] = static_cast<int32_t>(i);
  auto expected = oracle.step("prefill", {ids, positions, slots, wanted});
  ASSERT_TRUE(bool(expected)) << llvm::toString(expected.takeError());

  std::vector<Row> whole;
  auto feed = [&](Session &session, size_t from, size_t count) {
    std::vector<Row> rows;
    auto fed = session.feedAll(std::span(ids).subspan(from, count), [&](size_t, std::span<const float> logits) {
      rows.emplace_back(logits.begin(), logits.end());
    });
    EXPECT_TRUE(fed) << fed.message();
    return rows;
  };
  Session atOnce(**context), inChunks(**context), oneByOne(**context);
  whole = feed(atOnce, 0, ids.size());
  ASSERT_EQ(whole.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_LT(nmse(whole[i], expected->row(static_cast<int64_t>(i))), exact ? 1e-10 : 1e-5) << "row " << i;
  for (size_t i = 0; i < ids.size(); i += 4) {
    std::vector<Row> rows = feed(inChunks, i, std::min<size_t>(4, ids.size() - i));
    for (size_t r = 0; r < rows.size(); ++r)
      EXPECT_EQ(rows[r], whole[i + r]) << "row " << i + r << " in a chunk";
  }
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(feed(oneByOne, i, 1), std::vector<Row>{whole[i]}) << "row " << i << " alone";

  // Another sequence beside it.
  Sequence first = (*context)->newSequence(), second = (*context)->newSequence();
  for (size_t i = 0; i < 3; ++i) {
    const StepPart parts[] = {{&second, std::span(ids).subspan(i + 4, 1)}, {&first, std::span(ids).subspan(i, 1)}};
    auto stepped = (*context)->step(parts);
    ASSERT_TRUE(stepped) << stepped.message();
    std::span<const float> logits = (*context)->logits(1);
    EXPECT_EQ(Row(logits.begin(), logits.end()), whole[i]) << "row " << i << " of two sequences";
  }
}

INSTANTIATE_TEST_SUITE_P(Inputs, ModuleTest, testing::ValuesIn(test::fusionInputs()), test::fusionInputName);
