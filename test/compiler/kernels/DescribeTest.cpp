//===- DescribeTest.cpp - from fused modules to programs, and what check() refuses --------------------------------===//
#include "compiler/kernels/Describe.h"
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Check.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/fusion/FusionInputs.h"
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

class DescribeTest : public testing::Test {
protected:
  DescribeTest() { context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>(); }

  /// A module of test/compiler/fusion/Inputs, fused and described.
  ProgramSet make(const std::string &name, FusionOptions fusion = {.decodeRows = 8}, DescribeOptions options = {}) {
    module = mlir::parseSourceFile<mlir::ModuleOp>("test/compiler/fusion/Inputs/" + name + ".mlir", &context);
    mlir::PassManager passes(&context);
    buildFusionPipeline(passes, fusion);
    if (!module || failed(passes.run(*module))) {
      ADD_FAILURE() << name << " cannot be fused";
      return {};
    }
    llvm::Expected<ProgramSet> set = describe(*module, options);
    if (!set) {
      ADD_FAILURE() << llvm::toString(set.takeError());
      return {};
    }
    return std::move(*set);
  }

  static std::string wrong(const ProgramSet &set) { return llvm::toString(check(set)); }

  static std::vector<std::string> families(const std::vector<Call> &calls) {
    std::vector<std::string> names;
    for (const Call &call : calls)
      names.push_back(kernelFamily(call.kernel).name);
    return names;
  }

  static Phase *find(Program &program, const std::string &name) {
    for (Phase &phase : program.phases)
      if (phase.name == name)
        return &phase;
    return nullptr;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(DescribeTest, DecodeHasFivePhasesALayer) {
  ProgramSet set = make("llama-q4");
  ASSERT_EQ(set.programs.size(), 2u);
  const Program &decode = set.programs[0];
  EXPECT_EQ(decode.name, "decode");
  EXPECT_TRUE(decode.distinctSequences);
  EXPECT_EQ(decode.maxRows, 8);
  std::vector<std::string> names;
  for (const Phase &phase : decode.phases)
    names.push_back(phase.name);
  EXPECT_THAT(names,
              testing::ElementsAre("embed", "layers.0.attention.query+key+value", "layers.0.attention",
                                   "layers.0.attention.output", "layers.0.mlp.gate+up", "layers.0.mlp.down",
                                   "layers.1.attention.query+key+value", "layers.1.attention",
                                   "layers.1.attention.output", "layers.1.mlp.gate+up", "layers.1.mlp.down", "logits"));
}

TEST_F(DescribeTest, DecodePhasesAreTheKernelsOfTheDesign) {
  ProgramSet set = make("llama-q4");
  const std::vector<Phase> &phases = set.programs[0].phases;
  using testing::ElementsAre;
  EXPECT_THAT(families(phases[1].prologue), ElementsAre("norm"));
  EXPECT_THAT(families(phases[1].calls), ElementsAre("linear"));
  EXPECT_EQ(phases[1].columns, 8); // 128 rows of weights
  EXPECT_THAT(families(phases[2].calls), ElementsAre("append", "attend"));
  EXPECT_TRUE(phases[2].splits);
  EXPECT_EQ(phases[2].columns, 2); // KV heads
  EXPECT_THAT(families(phases[3].prologue), ElementsAre("combine"));
  EXPECT_TRUE(linearOf(phases[3])->residual);
  EXPECT_TRUE(linearOf(phases[4])->gated);
  EXPECT_EQ(phases[4].columnsPerTile, 2);
  EXPECT_EQ(phases[4].columns, 12); // 6 panels of gate and 6 of up
  EXPECT_EQ(phases[4].resultColumns, 96);
  EXPECT_THAT(families(phases[5].prologue), ElementsAre("norm")); // a copy that quantises
  EXPECT_EQ(phases[11].rowKind, RowKind::Logits);
  EXPECT_EQ(phases[11].calls[0].views.back().base, Base::Logits);
  EXPECT_FALSE(phases[11].result);
}

TEST_F(DescribeTest, PrefillRepeatsNoWorkOnEveryWorker) {
  ProgramSet set = make("llama-q4");
  Program &prefill = set.programs[1];
  for (const Phase &phase : prefill.phases)
    EXPECT_TRUE(phase.prologue.empty()) << phase.name;
  EXPECT_EQ(prefill.phases.size(), 1u + 2 * 9 + 2);
  Phase *attention = find(prefill, "layers.0.attention");
  ASSERT_TRUE(attention);
  EXPECT_THAT(families(attention->calls), testing::ElementsAre("attend", "combine"));
  EXPECT_EQ(attention->calls[0].scope, Scope::Splits);
  EXPECT_FALSE(attention->splits);
}

// The same tiles of attention in every step, and all that follows once a row.
TEST_F(DescribeTest, SplitsMayBeOfTheGridInEveryStep) {
  for (const std::string &name : test::fusionInputs()) {
    ProgramSet set = make(name, {.repeatRows = 0, .splitsInGrid = true});
    for (Program &program : set.programs)
      for (const Phase &phase : program.phases) {
        EXPECT_TRUE(phase.prologue.empty()) << phase.name;
        bool attends = false;
        for (const Call &call : phase.calls) {
          EXPECT_EQ(call.scope, Scope::Tile) << name << ": " << phase.name;
          attends |= std::holds_alternative<AttendKernel>(call.kernel);
        }
        EXPECT_EQ(phase.splits, attends) << name << ": " << phase.name;
      }
  }
  ProgramSet set = make("llama-q4", {.splitPositions = 128, .repeatRows = 0, .splitsInGrid = true});
  Program &decode = set.programs[0], &prefill = set.programs.back();
  using testing::ElementsAre;
  EXPECT_THAT(families(find(decode, "layers.0.attention")->calls), ElementsAre("append", "attend"));
  Phase *append = find(prefill, "layers.0.attention.append"), *attention = find(prefill, "layers.0.attention");
  ASSERT_TRUE(append && attention);
  EXPECT_FALSE(append->splits);
  EXPECT_EQ(std::get<AppendKernel>(append->calls[0].kernel).splitPositions, 0);
  ASSERT_THAT(families(attention->calls), ElementsAre("attend"));
  EXPECT_EQ(attention->columns, 2);
  const auto &attend = std::get<AttendKernel>(attention->calls[0].kernel);
  EXPECT_EQ(attend.queryStride, 64);
  EXPECT_EQ(attend.partialStride, 8 * 4 * 18);
  EXPECT_FALSE(std::get<AttendKernel>(find(decode, "layers.0.attention")->calls[1].kernel).takesRows());
  // 8 splits of 4 heads of {m, l, o[16]}, 2 of them a KV head.
  const View &partial = attention->calls[0].views.back();
  EXPECT_EQ(partial.base, Base::Arena);
  EXPECT_EQ(partial.perColumn, 2 * 18 * 4);
  EXPECT_EQ(partial.perSplit, 4 * 18 * 4);
  EXPECT_EQ(partial.perRow, 8 * 4 * 18 * 4);
  for (Program *program : {&decode, &prefill})
    EXPECT_THAT(families(find(*program, "layers.0.attention.output input")->calls), ElementsAre("combine"));
  setTile(*attention, 16, 1); // each of 12 tiles
  EXPECT_EQ(wrong(set), "");
  attention->calls[0].views.back().perSplit /= 2;
  EXPECT_THAT(wrong(set), testing::HasSubstr("two tiles write the same bytes"));
}

TEST_F(DescribeTest, FloatWeightsKeepFloatActivationsAndCache) {
  ProgramSet set = make("llama-f32");
  EXPECT_EQ(set.cache.format, CacheFormat::F32);
  for (const Program &program : set.programs)
    for (const Phase &phase : program.phases)
      if (const LinearKernel *linear = linearOf(phase))
        EXPECT_EQ(linear->input, ActFormat::F32);
  EXPECT_EQ(make("llama-f32", {}, {.cache = CacheFormat::F16}).cache.format, CacheFormat::F16);
}

TEST_F(DescribeTest, MixedFormatsStayApart) {
  ProgramSet set = make("llama-mixed");
  Program &decode = set.programs[0];
  ASSERT_TRUE(find(decode, "layers.0.attention.query+key"));
  ASSERT_TRUE(find(decode, "layers.0.attention.value"));
  EXPECT_EQ(linearOf(*find(decode, "layers.0.attention.value"))->format, PackedFormat::Q8_0);
  EXPECT_EQ(decode.phases.size(), 1u + 2 * 6 + 1);
}

TEST_F(DescribeTest, TiedHeadSharesThePackedTable) {
  ProgramSet set = make("llama-q4");
  EXPECT_EQ(llvm::count_if(set.weights, [](const PackedWeight &w) { return w.name == "token_embedding"; }), 1);
  const PackedWeight &table = set.weights[0];
  EXPECT_EQ(table.panels(), 7);
  EXPECT_EQ(table.bytes, 7 * 2 * 320);
  EXPECT_EQ(set.vocabulary, 100);
  EXPECT_EQ(set.logitsStride, 112);
}

TEST_F(DescribeTest, AngleTablesAddToExactAngles) {
  ProgramSet set = make("llama-q4");
  ASSERT_EQ(set.tables.size(), 2u);
  const std::vector<float> &high = set.tables[0].values, &low = set.tables[1].values;
  ASSERT_EQ(high.size(), 16u * 8 * 2);
  ASSERT_EQ(low.size(), 64u * 8 * 2);
  double frequency = 0.316228;
  int position = 777, pair = 1;
  const float *h = &high[(position / 64 * 8 + pair) * 2], *l = &low[(position % 64 * 8 + pair) * 2];
  EXPECT_NEAR(h[0] * l[0] - h[1] * l[1], std::cos(position * frequency), 2e-7);
  EXPECT_NEAR(h[1] * l[0] + h[0] * l[1], std::sin(position * frequency), 2e-7);
}

TEST_F(DescribeTest, DescribesWhatLlamaDoesNotHave) {
  ProgramSet set = make("plain");
  Program &decode = set.programs[0];
  Phase *attention = find(decode, "layers.0.attention");
  ASSERT_TRUE(attention);
  EXPECT_EQ(std::get<AppendKernel>(attention->calls[0].kernel).rotation.rotated, 0);
  EXPECT_EQ(attention->calls[1].views[4].base, Base::Arena); // the query, where its linear left it
  attention = find(decode, "layers.1.attention");
  ASSERT_TRUE(attention);
  EXPECT_EQ(std::get<AppendKernel>(attention->calls[0].kernel).rotation.rotated, 4);
  EXPECT_EQ(std::get<AppendKernel>(attention->calls[0].kernel).splitPositions, 256);
  EXPECT_EQ(attention->calls[1].views[4].base, Base::Scratch);
  ASSERT_EQ(set.tables.size(), 2u);
  EXPECT_FLOAT_EQ(set.tables[1].values[0], 1.25f); // the magnitude, in one table
  EXPECT_FLOAT_EQ(set.tables[0].values[0], 1.0f);

  const LinearKernel &up = *linearOf(*find(decode, "up"));
  EXPECT_EQ(up.activation, Activation::GELUErf);
  EXPECT_TRUE(up.bias);
  EXPECT_EQ(up.outputStride, 64);
  EXPECT_EQ(linearOf(*find(decode, "output"))->scale, 0.5);
  const LinearKernel &logits = *linearOf(decode.phases.back());
  EXPECT_EQ(logits.scale, 0.25);
  EXPECT_EQ(logits.softcap, 30.0);
  for (const PackedWeight &weight : set.weights)
    if (weight.name == "gate.bias+up.bias") {
      EXPECT_TRUE(weight.vector && weight.interleave);
      EXPECT_EQ(weight.columns, 100);
      EXPECT_EQ(weight.bytes, 8 * 16 * 4);
    }
}

TEST_F(DescribeTest, RowOpsWithoutEpilogueArePhases) {
  ProgramSet set = make("placement");
  using testing::ElementsAre;
  const Program &decode = set.programs[0], &prefill = set.programs[1];
  const Phase &embed = decode.phases.front();
  EXPECT_THAT(families(embed.calls), ElementsAre("embed", "embed", "pointwise", "norm"));
  EXPECT_EQ(embed.calls[1].views[0].base, Base::Positions);
  EXPECT_EQ(embed.calls[2].views[0].base, Base::Scratch);
  // Gate and up of two formats are joined by every worker in decode, once in prefill.
  EXPECT_THAT(families(find(set.programs[0], "down")->prologue), ElementsAre("pointwise"));
  EXPECT_THAT(families(find(set.programs[1], "down input")->calls), ElementsAre("pointwise"));
  // One phase each: the norm after layer 1's attention and its sum, the wanted rows (a copy) and their scale; in
  // prefill, where the last linear has no prologue, also the last norm and its sum.
  auto sums = [](const Program &program) {
    return llvm::count_if(program.phases, [](const Phase &phase) {
      return families(phase.calls) == std::vector<std::string>{"norm", "pointwise"};
    });
  };
  EXPECT_EQ(sums(decode), 2);
  EXPECT_EQ(sums(prefill), 3);
  EXPECT_EQ(decode.phases.back().calls[0].views.back().base, Base::Logits);
}

TEST_F(DescribeTest, TablesOfPositionsHoldTheContext) {
  make("placement");
  for (auto op : module->getOps<ir::WeightOp>())
    if (op.getSymName() == "positions")
      op.setTypeAttr(mlir::TypeAttr::get(mlir::RankedTensorType::get({1000, 60}, mlir::Float32Type::get(&context))));
  llvm::Expected<ProgramSet> set = describe(*module);
  ASSERT_FALSE(set);
  EXPECT_THAT(llvm::toString(set.takeError()),
              testing::HasSubstr("has a table of 1000 positions where a sequence has 1024"));
}

TEST_F(DescribeTest, WeightsThatNoKernelReadsAreAnError) {
  make("llama-q4");
  auto packed = *module->getOps<ir::PackedOp>().begin();
  auto other = llvm::cast<ir::PackedOp>(mlir::OpBuilder(packed).clone(*packed));
  other.setSymName("other.packed");
  module->walk([&](ir::SliceOp op) { op->setAttr("by", mlir::FlatSymbolRefAttr::get(&context, "other.packed")); });
  llvm::Expected<ProgramSet> set = describe(*module);
  ASSERT_FALSE(set);
  EXPECT_THAT(llvm::toString(set.takeError()),
              testing::HasSubstr("lathe.slice names @other.packed, and describe knows"));
}

TEST_F(DescribeTest, TilesMustDivideTheGrid) {
  ProgramSet set = make("llama-q4");
  Program &prefill = set.programs[1];
  Phase &gate = *find(prefill, "layers.0.mlp.gate+up");
  EXPECT_TRUE(tileFits(prefill, gate, 16, 4));
  EXPECT_FALSE(tileFits(prefill, gate, 16, 3)); // splits a pair
  EXPECT_FALSE(tileFits(prefill, gate, 17, 4));
  EXPECT_FALSE(tileFits(prefill, gate, 16, 8)); // 12 panels
  setTile(gate, 16, 4);
  EXPECT_EQ(wrong(set), "");
  setTile(gate, 16, 8);
  EXPECT_THAT(wrong(set), testing::HasSubstr("program prefill, phase \"layers.0.mlp.gate+up\": tiles of 16 x 8"));
}

// A phase without a linear may take several rows a tile, each with scratch of its own.
TEST_F(DescribeTest, TilesOfRowsHaveTheirOwnScratch) {
  ProgramSet set = make("llama-q4");
  Program &prefill = set.programs[1];
  auto attention = llvm::find_if(prefill.phases, [](const Phase &phase) {
    return std::holds_alternative<AttendKernel>(phase.calls[leadingCall(phase)].kernel);
  });
  ASSERT_NE(attention, prefill.phases.end());
  const int64_t before = prefill.scratchBytes(), row = attention->scratchBytes;
  ASSERT_GT(row, 0);
  EXPECT_TRUE(tileFits(prefill, *attention, 16, 1));
  EXPECT_FALSE(tileFits(prefill, *attention, 16, 2));
  EXPECT_FALSE(tileFits(prefill, *attention, 17, 1));
  setTile(*attention, 16, 1);
  EXPECT_EQ(prefill.scratchBytes(), std::max(before, 16 * row));
  // Attention takes them together, and all else one by one.
  const auto &attend = std::get<AttendKernel>(attention->calls[0].kernel);
  EXPECT_EQ(attend.rows, 16);
  EXPECT_EQ(attend.partialStride * 4, row);
  EXPECT_TRUE(takesRuns(attend));
  EXPECT_EQ(rowsOf(attention->calls[1].kernel), 1);
  EXPECT_EQ(wrong(set), "");
}

TEST_F(DescribeTest, CheckFindsViewsThatLeaveTheirMemory) {
  ProgramSet set = make("llama-q4");
  EXPECT_EQ(wrong(set), "");
  auto broken = [&](auto change) {
    ProgramSet copy = set;
    change(copy);
    return wrong(copy);
  };
  using testing::HasSubstr;
  EXPECT_THAT(broken([](ProgramSet &s) { s.programs[0].arenaBytes -= 64; }), HasSubstr("reaches byte"));
  EXPECT_THAT(broken([](ProgramSet &s) {
                for (Phase &phase : s.programs[0].phases)
                  phase.scratchBytes = 0;
              }),
              HasSubstr("reaches byte"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.weights[0].bytes -= 1; }),
              HasSubstr("argument m: reaches byte 4480 of 4479"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.weights[0].name = "other"; }), HasSubstr("does not exist"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.logitsStride = 96; }), HasSubstr("argument y: reaches byte"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.cache.kvHeads = 1; }), HasSubstr("page"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.programs[0].phases[1].calls[0].views.pop_back(); }), HasSubstr("views"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.programs[0].phases[1].calls[0].views.back().perColumn = 32; }),
              HasSubstr("two tiles write the same bytes"));
  EXPECT_THAT(broken([](ProgramSet &s) { s.programs[0].phases[5].calls[0].views[0].base = Base::Logits; }),
              HasSubstr("is read and may only be written"));
  // The result over the norm's input, which other workers may still read.
  EXPECT_THAT(broken([](ProgramSet &s) { s.programs[0].phases[1].calls[0].views.back().offset = 0; }),
              HasSubstr("is overwritten"));
}

TEST_F(DescribeTest, PrintsEveryPhase) {
  std::string text = print(make("llama-q4"));
  EXPECT_THAT(text, testing::HasSubstr("program decode: 8 rows"));
  EXPECT_THAT(text, testing::HasSubstr("phase \"layers.1.mlp.down\""));
  EXPECT_THAT(text, testing::HasSubstr("-> K = cache 1"));
}

} // namespace
