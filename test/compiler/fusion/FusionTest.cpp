//===- FusionTest.cpp - fusion changes neither meaning nor, where it may not, memory ------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "compiler/reference/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <random>

using namespace lathe;

namespace {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

class FusionTest : public testing::TestWithParam<const char *> {
protected:
  FusionTest() { context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>(); }

  Module parse() {
    std::string path = std::string("test/compiler/fusion/Inputs/") + GetParam() + ".mlir";
    return mlir::parseSourceFile<mlir::ModuleOp>(path, &context);
  }

  Module fuse(FusionOptions options = {}) {
    Module module = parse();
    mlir::PassManager passes(&context);
    buildFusionPipeline(passes, options);
    if (failed(passes.run(*module)))
      ADD_FAILURE() << GetParam() << " cannot be fused";
    return module;
  }

  /// Values that depend on nothing but the role.
  static reference::WeightLookup weights(mlir::ModuleOp module) {
    return [module](llvm::StringRef role) mutable -> llvm::Expected<reference::WeightRows> {
      auto weight = mlir::SymbolTable(module).lookup<ir::WeightOp>(role);
      if (!weight)
        return llvm::createStringError("no weight " + role);
      auto shape = weight.getType().getShape();
      std::string name = role.str();
      auto read = [name, columns = shape[1]](int64_t row, float *out) {
        std::mt19937 random(std::hash<std::string>()(name) + row);
        std::uniform_real_distribution<float> uniform(-0.3f, 0.3f);
        for (int64_t i = 0; i < columns; ++i)
          out[i] = uniform(random);
        return llvm::Error::success();
      };
      return reference::WeightRows{shape[0], shape[1], read};
    };
  }

  using Logits = std::vector<double>;
  /// A prompt of two sequences in one prefill step, then two decode steps of both.
  static std::vector<Logits> run(mlir::ModuleOp module) {
    reference::Interpreter<double> oracle(module, weights(module));
    std::vector<Logits> all;
    auto step = [&](const char *function, const reference::Step &step) {
      auto logits = oracle.step(function, step);
      if (!logits) {
        ADD_FAILURE() << llvm::toString(logits.takeError());
        return;
      }
      Logits &row = all.emplace_back();
      for (int64_t r = 0; r < logits->rows; ++r)
        for (int64_t c = 0; c < logits->columns; ++c)
          row.push_back(logits->row(r)[c]);
    };
    step("prefill", {{5, 17, 49, 3, 3, 42}, {0, 1, 2, 3, 0, 1}, {0, 0, 0, 0, 1, 1}, {3, 5}});
    step("decode", {{7, 8}, {4, 2}, {0, 1}, {0, 1}});
    step("decode", {{1, 2}, {3, 5}, {1, 0}, {1}});
    return all;
  }

  mlir::MLIRContext context;
};

TEST_P(FusionTest, KeepsTheMeaning) {
  Module before = parse(), after = fuse();
  std::vector<Logits> expected = run(*before), actual = run(*after);
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t s = 0; s < expected.size(); ++s) {
    ASSERT_EQ(expected[s].size(), actual[s].size());
    double worst = 0, largest = 0;
    for (size_t i = 0; i < expected[s].size(); ++i) {
      worst = std::max(worst, std::abs(expected[s][i] - actual[s][i]));
      largest = std::max(largest, std::abs(expected[s][i]));
    }
    EXPECT_GT(largest, 1e-3);
    EXPECT_LT(worst, largest * 1e-12) << "step " << s;
  }
}

/// Bytes of a phase's result in the arena.
int64_t bytesOf(mlir::Value value, int64_t rows, int64_t splits) {
  int64_t columns = ir::widthOf(value);
  if (ir::isPartials(value.getType()))
    return rows * splits * columns * 4;
  return ir::isRows(value.getType()) ? rowsBytes(rows, columns) : quantizedBlock(ActFormat::Q16, rows, columns).bytes;
}

TEST_P(FusionTest, LiveResultsDoNotOverlap) {
  Module module = fuse();
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    int64_t rows = function->getAttrOfType<mlir::IntegerAttr>("lathe.max_rows").getInt();
    int64_t logitRows = function->getAttrOfType<mlir::IntegerAttr>("lathe.max_logit_rows").getInt();
    int64_t arena = function->getAttrOfType<mlir::IntegerAttr>("lathe.arena_bytes").getInt();
    llvm::DenseSet<mlir::Value> ofLogits; // results with a row for each wanted row of logits
    struct Live {
      ir::PhaseOp first, last;
      int64_t begin, end;
      bool residual; ///< its last reader replaces it
    };
    std::vector<Live> results;
    for (auto phase : function.getOps<ir::PhaseOp>()) {
      bool logits = llvm::any_of(phase.getInputs(), [&](mlir::Value input) { return ofLogits.contains(input); });
      phase.getBody().walk([&](ir::TakeRowsOp) { logits = true; });
      for (mlir::OpResult result : phase.getResults()) {
        int64_t offset = (*phase.getOffsets())[result.getResultNumber()];
        if (offset < 0)
          continue;
        EXPECT_EQ(offset % 64, 0);
        Live live{phase, phase, offset, offset + bytesOf(result, logits ? logitRows : rows, 1024 / 256), false};
        if (logits)
          ofLogits.insert(result);
        EXPECT_LE(live.end, arena);
        for (mlir::Operation *user : result.getUsers())
          if (live.last->isBeforeInBlock(user))
            live.last = llvm::cast<ir::PhaseOp>(user);
        live.residual = live.last->getNumResults() == 1 && (*live.last.getOffsets())[0] == offset;
        results.push_back(live);
      }
    }
    for (Live &a : results)
      for (Live &b : results) {
        bool replaces = a.residual && a.last == b.first;
        if (a.first->isBeforeInBlock(b.first) && !a.last->isBeforeInBlock(b.first) && !replaces) {
          EXPECT_TRUE(a.end <= b.begin || b.end <= a.begin)
              << a.first.getName().str() << " and " << b.first.getName().str() << " in @" << function.getName().str();
        }
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FusionTest,
                         testing::Values("llama-q4", "llama-f32", "llama-mixed", "plain", "placement"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
