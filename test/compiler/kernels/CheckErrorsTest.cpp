//===- CheckErrorsTest.cpp - what check() refuses -----------------------------------------------------------------===//
//
// Programs of test/compiler/fusion/Inputs with one thing changed. (DescribeTest has the rest: tiles, missing views,
// weights that are not there, bytes beyond an end, logits that are read, tiles that write the same bytes, rows that
// another tile overwrites.)
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Check.h"
#include "compiler/kernels/Describe.h"
#include "compiler/kernels/Signature.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/fusion/FusionInputs.h"
#include "llvm/ADT/STLExtras.h"
#include <gmock/gmock.h>

using namespace lathe;

namespace {

/// The decode program's phase of that name.
Phase &phaseOf(ProgramSet &set, llvm::StringRef name) {
  return *llvm::find_if(set.programs.front().phases, [&](const Phase &phase) { return phase.name == name; });
}

/// The view of a call's argument of that name.
View &viewOf(Call &call, llvm::StringRef argument) {
  const std::vector<Argument> arguments = signature(call.kernel);
  return call.views[llvm::find_if(arguments, [&](const Argument &each) { return each.name == argument; }) -
                    arguments.begin()];
}

/// The result of a phase's last call.
View &resultOf(ProgramSet &set, llvm::StringRef phase) { return phaseOf(set, phase).calls.back().views.back(); }

struct Case {
  const char *name, *input;
  void (*change)(ProgramSet &set);
  const char *error;
};

void PrintTo(const Case &value, std::ostream *out) { *out << value.name; }

const std::vector<Case> cases = {
    {"AnotherTile", "llama-q4", [](ProgramSet &s) { phaseOf(s, "layers.0.attention.output").rowsPerTile = 2; },
     "phase \"layers.0.attention.output\": its linear has another tile than its grid"},
    {"LinearInOrder", "llama-q4", [](ProgramSet &s) { phaseOf(s, "layers.0.attention.output").inOrder = true; },
     "has rows in order, and a linear, a prologue, splits or tiles of several rows"},
    {"SplitsInOrder", "llama-q4", [](ProgramSet &s) { phaseOf(s, "layers.0.attention").inOrder = true; },
     "has rows in order, and a linear, a prologue, splits or tiles of several rows"},
    {"ChoicesBeyondTheArena", "experts",
     [](ProgramSet &s) { phaseOf(s, "layers.0.mlp.experts.down").choices.offset = s.programs[0].arenaBytes; },
     "its table of choices leaves the arena"},
    {"PrologueOfATile", "llama-q4",
     [](ProgramSet &s) { phaseOf(s, "layers.0.attention.output").prologue[0].scope = Scope::Tile; },
     "has a scope that its list does not run"},
    {"TileOfAWorker", "llama-q4",
     [](ProgramSet &s) { phaseOf(s, "layers.0.attention.output").calls[0].scope = Scope::Worker; },
     "has a scope that its list does not run"},
    {"NegativeOffset", "llama-q4", [](ProgramSet &s) { resultOf(s, "embed").offset = -64; },
     "argument y: moves backwards"},
    {"NegativeStep", "llama-q4", [](ProgramSet &s) { resultOf(s, "embed").perRow = -256; },
     "argument y: moves backwards"},
    {"ExpertsOfAStep", "llama-q4", [](ProgramSet &s) { resultOf(s, "embed").perExpert = 64; },
     "argument y: moves by experts where rows have none"},
    {"TooManyElements", "llama-q4",
     [](ProgramSet &s) {
       std::get<EmbedKernel>(phaseOf(s, "embed").calls[0].kernel).vocabulary = int64_t(1) << 30;
     },
     "has more elements than a kernel can index (2^31)"},
    {"OtherPages", "llama-q4", [](ProgramSet &s) { s.cache.headSize = 8; }, "does not go from page to page"},
    {"StateOutOfOrder", "recurrent", [](ProgramSet &s) { phaseOf(s, "layers.0.conv").inOrder = false; },
     "argument state: changes a state whose rows are not in order"},
    {"OtherBlocks", "recurrent", [](ProgramSet &s) { s.state.bytes += 64; },
     "argument state: does not go from block to block"},
    {"OtherPageTable", "llama-q4", [](ProgramSet &s) { s.cache.maxPages += 1; },
     "argument pages: is not the page table"},
    {"HalfAnElement", "llama-q4", [](ProgramSet &s) { resultOf(s, "embed").offset = 2; },
     "argument y: offset 2 is not aligned to its elements"},
    {"WorkersWriteTheArena", "llama-q4",
     [](ProgramSet &s) { viewOf(phaseOf(s, "layers.0.attention.output").prologue[0], "q").base = Base::Arena; },
     "argument q: every worker writes it"},
    {"WritesWeights", "llama-q4",
     [](ProgramSet &s) {
       View &view = resultOf(s, "embed");
       view.base = Base::Weights, view.weight = s.weights.front().name;
     },
     "argument y: is written and may only be read"},
    {"OutputsOverlap", "llama-q4",
     [](ProgramSet &s) {
       for (Phase &phase : s.programs[1].phases)
         if (phase.name == "layers.0.attention.norm")
           viewOf(phase.calls.back(), "low").offset = viewOf(phase.calls.back(), "q").offset;
     },
     "outputs low and q overlap"},
};

class CheckErrors : public testing::TestWithParam<Case> {};

TEST_P(CheckErrors, AreTold) {
  mlir::MLIRContext context;
  context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(test::fusionInputPath(GetParam().input), &context);
  mlir::PassManager passes(&context);
  buildFusionPipeline(passes, {.decodeRows = 8});
  ASSERT_TRUE(module && succeeded(passes.run(*module)));
  llvm::Expected<ProgramSet> set = describe(*module);
  ASSERT_TRUE(bool(set)) << llvm::toString(set.takeError());
  GetParam().change(*set);
  EXPECT_THAT(llvm::toString(check(*set)), testing::HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(Programs, CheckErrors, testing::ValuesIn(cases),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
