//===- OddRowsTest.cpp - rows of zeros, denormals, infinities and NaNs --------------------------------------------===//
//
// What a row is full of is the row's own affair: those beside it in a tile, and a step, keep their bits. A row of
// numbers too small for the processor's usual ones is as good as zero; one that is not finite does not come out as
// numbers.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/pipeline/SeededWeights.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

/// Tokens, and what their rows are when they reach the first linear.
enum Token : int32_t { Zero = 1, Denormal, Infinite, NaN, FirstUsual };

/// Each row by itself: no attention, no recurrence. No norm stands between: linears (and where weights are of an integer
/// format, what quantises for them) read the rows as they are.
constexpr char kBody[] = R"(
(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>) -> tensor<?x53xf32> {
  %x = lathe.embed %ids, @embedding : tensor<?x64xf32>
  %p = lathe.embed %ids, @odd scale 1000.0 : tensor<?x64xf32>
  %y = lathe.add %x, %p : tensor<?x64xf32>
  %u = lathe.linear %y, [@up] : tensor<?x64xf32> -> tensor<?x96xf32>
  %h = lathe.activation silu %u : tensor<?x96xf32>
  %t = lathe.take_rows %h, %rows : tensor<?x96xf32>
  %l = lathe.linear %t, [@head] : tensor<?x96xf32> -> tensor<?x53xf32>
  return %l : tensor<?x53xf32>
}
)";

std::string moduleText(const std::string &format) {
  std::string text = "module attributes {lathe.max_context = 128 : i64} {\n"
                     "lathe.weight @embedding \"f32\" : tensor<53x64xf32>\n"
                     "lathe.weight @odd \"f32\" : tensor<53x64xf32>\n"
                     "lathe.weight @up \"" +
                     format + "\" : tensor<96x64xf32>\nlathe.weight @head \"" + format +
                     "\" : tensor<53x96xf32>\n";
  for (const char *function : {"decode", "prefill"})
    text += std::string("func.func @") + function + kBody;
  return text + "}\n";
}

using Row = std::vector<float>;

class OddRows : public testing::TestWithParam<const char *> {
protected:
  OddRows() : c(GetParam(), PipelineOptions()) {
    c.module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(GetParam()), &c.context);
    auto weights = std::make_unique<test::SeededWeights>(*c.module);
    weights->edit("embedding").change = [](int64_t row, Row &values) {
      if (row < FirstUsual)
        std::ranges::fill(values, 0.0f);
    };
    weights->edit("odd").change = [](int64_t row, Row &values) {
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = row == Denormal   ? 1e-42f
                    : row == Infinite ? (i == 5 ? 1e38f : 0.0f)
                    : row == NaN      ? (i % 2 ? 1e38f : -1e38f) // whose sums are of infinities of both signs
                                      : 0.0f;
    };
    c.input.weights = std::move(weights);
  }

  std::vector<Row> logits(const std::vector<int32_t> &ids, size_t step) {
    std::vector<Row> rows;
    Session session(*context);
    const auto fed = session.feedAll(
        ids, [&](size_t, std::span<const float> row) { rows.emplace_back(row.begin(), row.end()); }, {}, step);
    EXPECT_TRUE(fed) << fed.message();
    return rows;
  }

  Compilation c;
  test::TemporaryFolder root;
  std::unique_ptr<Context> context;
};

} // namespace

TEST_P(OddRows, AreNobodyElsesAffair) {
  const std::string failed = llvm::toString(test::compileModule(c, (root / "bundle").string()));
  ASSERT_EQ(failed, "");
  context = Context::create(Model::open((root / "bundle").string()).take(), {.threads = 2}).take();
  std::vector<int32_t> ids, usual;
  for (int32_t i = 0; i < 48; ++i) { // an odd one in each tile, whatever its size
    const int32_t token = FirstUsual + i;
    ids.push_back(i % 5 == 2 ? Zero + i / 5 % 4 : token);
    usual.push_back(token);
  }
  const std::vector<Row> mixed = logits(ids, 0), clean = logits(usual, 0), alone = logits(ids, 1);
  ASSERT_EQ(mixed.size(), ids.size());
  const auto finite = [](float value) { return std::isfinite(value); };
  for (size_t i = 0; i < ids.size(); ++i) {
    const Row &row = mixed[i];
    if (ids[i] >= FirstUsual) {
      EXPECT_EQ(row, clean[i]) << "row " << i << " beside odd ones";
      EXPECT_EQ(row, alone[i]) << "row " << i << " alone";
      EXPECT_TRUE(std::ranges::all_of(row, finite)) << "row " << i;
    } else if (ids[i] == Zero) {
      EXPECT_EQ(row, Row(row.size(), 0.0f));
    } else if (ids[i] == Denormal) {
      EXPECT_TRUE(std::ranges::all_of(row, [](float value) { return std::fabs(value) < 1e-30f; })) << "row " << i;
    } else {
      EXPECT_FALSE(std::ranges::any_of(row, finite)) << "row " << i << " of token " << ids[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, OddRows, testing::Values("f32", "f16", "bf16", "q8_0", "q4_1", "q5_0"),
                         [](const auto &info) { return std::string(info.param); });
