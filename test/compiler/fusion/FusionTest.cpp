//===- FusionTest.cpp - fusion changes neither meaning nor, where it may not, memory ------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Choices.h"
#include "compiler/layout/Rows.h"
#include "compiler/reference/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/fusion/FusionInputs.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <fstream>
#include <gmock/gmock.h>
#include <random>

using namespace lathe;

namespace {

/// For few workers and for many.
const FusionOptions kPlans[] = {{.decodeRows = 8}, {.decodeRows = 8, .repeatRows = 0, .splitsInGrid = true}};

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

class FusionTest : public testing::TestWithParam<std::string> {
protected:
  FusionTest() { context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>(); }

  Module parse() { return mlir::parseSourceFile<mlir::ModuleOp>(test::fusionInputPath(GetParam()), &context); }

  Module fuse(FusionOptions options = {.decodeRows = 8}) {
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
  Module before = parse();
  std::vector<Logits> expected = run(*before);
  for (const FusionOptions &options : kPlans) {
    Module after = fuse(options);
    std::vector<Logits> actual = run(*after);
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
}

/// What a function's phases make, followed from phase to phase: how many rows each result has, and its bytes.
class Rows {
public:
  explicit Rows(mlir::func::FuncOp function)
      : module(function->getParentOfType<mlir::ModuleOp>()), rows(attribute(function, "lathe.max_rows")),
        logitRows(attribute(function, "lathe.max_logit_rows")) {}

  static int64_t attribute(mlir::Operation *op, llvm::StringRef name) {
    return op->getAttrOfType<mlir::IntegerAttr>(name).getInt();
  }

  /// Of each result; phases come in their order.
  std::vector<int64_t> bytesOf(ir::PhaseOp phase) {
    std::optional<ChoiceLayout> choices;
    if (phase.getRows() == ir::RowKind::Choices)
      for (mlir::Value input : phase.getInputs())
        if (auto found = ofChoices.find(input); found != ofChoices.end())
          choices = found->second;
    for (auto assign : phase.getBody().getOps<ir::AssignOp>())
      choices = ChoiceLayout::of(rows, ir::widthOf(assign.getRoutes()), assign.getExperts(),
                                 planOf(module).choiceTileRows);
    const int64_t count = choices ? choices->places() : phase.getRows() == ir::RowKind::Logits ? logitRows : rows;
    std::vector<int64_t> bytes;
    for (mlir::Value result : phase.getResults()) {
      if (choices)
        ofChoices.insert({result, *choices});
      bytes.push_back(ir::isChoices(result.getType()) ? choices->bytes() : bytesOf(result, count));
    }
    return bytes;
  }

private:
  int64_t bytesOf(mlir::Value value, int64_t count) {
    const int64_t columns = ir::widthOf(value);
    if (ir::isPartials(value.getType()))
      return count * llvm::divideCeil(attribute(module, "lathe.max_context"), planOf(module).splitPositions) * columns *
             4;
    if (ir::isRoutes(value.getType())) // experts and weights
      return rowsBytes(count, 2 * columns);
    return ir::isRows(value.getType()) ? rowsBytes(count, columns) : quantizedBlock(ActFormat::Q16, count, columns).bytes;
  }

  mlir::ModuleOp module;
  const int64_t rows, logitRows;
  llvm::DenseMap<mlir::Value, ChoiceLayout> ofChoices; ///< a row for each choice, or the table of them
};

static void expectLiveResultsApart(mlir::ModuleOp module) {
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    int64_t arena = Rows::attribute(function, "lathe.arena_bytes");
    Rows rows(function);
    struct Live {
      ir::PhaseOp first, last;
      int64_t begin, end;
      bool residual; ///< its last reader replaces it
    };
    std::vector<Live> results;
    for (auto phase : function.getOps<ir::PhaseOp>()) {
      const std::vector<int64_t> bytes = rows.bytesOf(phase);
      for (mlir::OpResult result : phase.getResults()) {
        int64_t offset = (*phase.getOffsets())[result.getResultNumber()];
        if (offset < 0)
          continue;
        EXPECT_EQ(offset % 64, 0);
        Live live{phase, phase, offset, offset + bytes[result.getResultNumber()], false};
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

TEST_P(FusionTest, LiveResultsDoNotOverlap) {
  for (const FusionOptions &options : kPlans)
    expectLiveResultsApart(*fuse(options));
}

/// Barriers and memory are what fusion is for: each input's first lines have both, and a change of them is to be seen.
TEST_P(FusionTest, HasThePhasesAndTheArenaThatItsInputSays) {
  std::ifstream file(test::fusionInputPath(GetParam()));
  std::string text(std::istreambuf_iterator<char>(file), {});
  text.resize(text.find("module"));
  Module module = fuse();
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    auto phases = function.getOps<ir::PhaseOp>();
    const std::string line = llvm::formatv("// {0}: {1} phases, arena of {2} bytes\n", function.getName(),
                                           std::distance(phases.begin(), phases.end()),
                                           Rows::attribute(function, "lathe.arena_bytes"));
    EXPECT_THAT(text, testing::HasSubstr(line));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FusionTest, testing::ValuesIn(test::fusionInputs()), test::fusionInputName);

} // namespace
