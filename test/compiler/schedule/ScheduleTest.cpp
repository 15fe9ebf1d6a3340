//===- ScheduleTest.cpp - tiles and values of a program's kernels ------------------------------------------------===//
#include "compiler/schedule/Schedule.h"
#include "test/compiler/link/ToyProgram.h"
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace lathe;

namespace {

/// A phase of one linear over `panels` panels.
Phase linearPhase(PackedFormat format, int64_t columns, int64_t panels, bool gated = false, bool logits = false) {
  LinearKernel linear{.format = format,
                      .input = isInteger(format) ? ActFormat::Q16 : ActFormat::F32,
                      .columns = columns,
                      .outputStride = panels * kPanelRows};
  linear.gated = gated;
  Phase phase;
  phase.columns = panels;
  phase.rowKind = logits ? RowKind::Logits : RowKind::Step;
  phase.calls.push_back({linear, Scope::Tile, {}});
  return phase;
}

/// The values of the kernel that leads `phase`, without a record.
Values fallback(const Program &program, const Phase &phase, const TargetDesc &target) {
  Grid grid = gridOf(program, phase);
  grid.leads = true;
  const Space space = backendFor(target).space(phase.calls[leadingCall(phase)].kernel, grid, target);
  EXPECT_TRUE(space.holds(space.fallback())) << space.fallback().print();
  return space.fallback();
}

int64_t fallbackRows(const Program &program, const Phase &phase, const TargetDesc &target) {
  return fallback(program, phase, target)[kTileRows];
}

Program program(int64_t rows, bool distinct = false) {
  return {"p", rows, std::min<int64_t>(rows, 64), distinct, 0, {}};
}

llvm::Expected<std::vector<Scheduled>> choose(ProgramSet &set, const RecordBook &records) {
  const TargetDesc target = *findTarget("x86-64-v3");
  return scheduleProgram(set, backendFor(target), target, records);
}

const char kRecord[] = R"(records {
  target: "x86-64-v3" family: "linear" types: "f32 f32" sizes { name: "m" min: 4 max: 4 } sizes { name: "k" min: 32 max: 48 }
  values { name: "tile_columns" value: 5 } values { name: "unroll" value: 2 }
  provenance { machine: "M" commit: "0123abc" generator: "g" date: "2026-11-21" budget_seconds: 1 runs: 5 median_ns: 10 spread_ns: 1
               fallback_ns: 12 gain_percent: 16 gain_low_percent: 15 gain_high_percent: 17 }
})";

} // namespace

TEST(FallbackTile, AlwaysFits) {
  for (const TargetDesc &target : targets())
    for (PackedFormat format : {PackedFormat::F32, PackedFormat::Q4_1, PackedFormat::Q8_0})
      for (int64_t rows : {1, 2, 7, 8, 9, 64, 192, 251, 256})
        for (int64_t panels : {1, 2, 5, 7, 16, 35, 60, 63, 97, 192, 3072})
          for (int64_t columns : {32, 576, 8192})
            for (bool gated : {false, true}) {
              Program steps = program(rows), sequences = program(rows, /*distinct=*/true);
              Phase phase = linearPhase(format, columns, gated ? 2 * panels : panels, gated);
              for (const Program &one : {steps, sequences}) {
                Values values = fallback(one, phase, target);
                EXPECT_TRUE(tileFits(one, phase, values[kTileRows], values[kTileColumns]))
                    << target.name << " " << rows << " rows, " << panels << " panels: " << values.print();
              }
            }
}

TEST(FallbackTile, OneRowWhereMemoryIsTheLimit) {
  const TargetDesc target = *findTarget("x86-64-v3");
  const Phase plain = linearPhase(PackedFormat::Q4_1, 576, 96);
  const Phase logits = linearPhase(PackedFormat::Q4_1, 576, 3072, false, /*logits=*/true);
  EXPECT_EQ(fallbackRows(program(8), plain, target), 1);
  EXPECT_EQ(fallbackRows(program(1, /*distinct=*/true), plain, target), 1);
  EXPECT_EQ(fallbackRows(program(256), logits, target), 1);
  EXPECT_GT(fallbackRows(program(256), plain, target), 8);
}

// A row that a step lacks is computed: so a tile has no more rows than share weights in registers, and one where nothing
// is gained by sharing.
TEST(FallbackTile, OneRegisterTileWhereAStepMayHaveAnyNumberOfRows) {
  const TargetDesc vnni = *findTarget("sapphirerapids"), pairs = *findTarget("x86-64-v3");
  for (bool logits : {false, true}) {
    const Phase four = linearPhase(PackedFormat::Q4_1, 576, 96, false, logits);
    for (int64_t rows : {8, 16, 64}) {
      const Values values = fallback(program(rows, /*distinct=*/true), four, vnni);
      EXPECT_EQ(values[kTileRows], 4);
      EXPECT_EQ(values["rows"], 4);
      EXPECT_EQ(values["panels"], 2);
    }
    const Values two = fallback(program(2, /*distinct=*/true), four, vnni);
    EXPECT_EQ(two[kTileRows], 2);
    EXPECT_EQ(two["rows"], 2);
    EXPECT_EQ(two["panels"], 4);
    EXPECT_EQ(fallbackRows(program(8, /*distinct=*/true), four, pairs), 1);
    EXPECT_EQ(fallbackRows(program(64, /*distinct=*/true), four, pairs), 2);
  }
  EXPECT_EQ(fallbackRows(program(8, /*distinct=*/true), linearPhase(PackedFormat::F16, 576, 96), pairs), 4);
}

TEST(FallbackTile, TilesAreWorthTakingAndEnoughToShare) {
  const TargetDesc target = *findTarget("x86-64-v3");
  for (int64_t panels : {36, 60, 192, 3072}) {
    Values tile = fallback(program(1), linearPhase(PackedFormat::Q4_1, 576, panels), target);
    EXPECT_GE(panels / tile[kTileColumns], 8) << panels;
    EXPECT_GE(tile[kTileColumns] * panelBytes(PackedFormat::Q4_1, 576), 8 << 10) << panels;
  }
}

TEST(FallbackTile, HoldsWholeRegisterTiles) {
  Values values = fallback(program(192), linearPhase(PackedFormat::Q4_1, 576, 96), *findTarget("x86-64-v4-vnni"));
  EXPECT_EQ(values["rows"], 6);
  EXPECT_EQ(values[kTileRows] % values["rows"], 0);
}

TEST(Schedule, GivesEachKernelOnceAndSetsTiles) {
  ProgramSet set = toySet();
  auto kernels = choose(set, RecordBook());
  ASSERT_TRUE(bool(kernels)) << llvm::toString(kernels.takeError());
  std::vector<std::string> symbols;
  for (const Scheduled &kernel : *kernels) {
    EXPECT_EQ(kernel.tag, "fallback");
    symbols.push_back(symbol(kernel.kernel));
  }
  // One embed; gathers from 1 and from 4 rows; one linear, since both heads read one row a tile.
  EXPECT_EQ(symbols.size(), 4u) << testing::PrintToString(symbols);
  EXPECT_EQ(std::set<std::string>(symbols.begin(), symbols.end()).size(), symbols.size());
  for (const Program &p : set.programs)
    EXPECT_THAT(symbols, testing::Contains(symbol(p.phases[1].calls[0].kernel)));
  EXPECT_THAT(print(*kernels), testing::HasSubstr(symbols[0] + ": fallback"));
}

TEST(Schedule, TakesTilesAndValuesFromRecords) {
  ProgramSet set = toySet();
  RecordBook records;
  ASSERT_FALSE(bool(records.add("f", kRecord)));
  auto kernels = choose(set, records);
  ASSERT_TRUE(bool(kernels)) << llvm::toString(kernels.takeError());
  EXPECT_EQ(set.programs[1].phases[1].columnsPerTile, 5);
  std::map<std::string, std::string> tags;
  for (const Scheduled &kernel : *kernels)
    if (std::holds_alternative<LinearKernel>(kernel.kernel)) {
      EXPECT_EQ(kernel.values["unroll"], 2);
      tags[symbol(kernel.kernel)] = kernel.tag;
    }
  // Decode's m = 1 is two doublings away and comes first; both steps have one kernel, for which prefill's m = 4 was
  // measured.
  EXPECT_THAT(tags, testing::ElementsAre(testing::Pair(testing::_, "tuned")));
}

// One kernel, for which a record of decode's and one of prefill's want different values: each step has its own.
TEST(Schedule, KeepsTwoSchedulesOfAKernelApart) {
  std::string ofDecode = kRecord;
  for (auto [what, by] :
       {std::pair("min: 4 max: 4", "min: 1 max: 1"), std::pair("\"unroll\" value: 2", "\"unroll\" value: 4")})
    ofDecode.replace(ofDecode.find(what), strlen(what), by);
  ProgramSet set = toySet();
  RecordBook records;
  ASSERT_FALSE(bool(records.add("f", kRecord)));
  ASSERT_FALSE(bool(records.add("g", ofDecode)));
  auto kernels = choose(set, records);
  ASSERT_TRUE(bool(kernels)) << llvm::toString(kernels.takeError());
  std::map<std::string, int64_t> unrolls;
  for (const Scheduled &kernel : *kernels)
    if (std::holds_alternative<LinearKernel>(kernel.kernel)) {
      EXPECT_EQ(kernel.tag, "tuned");
      unrolls[kernel.symbol()] = kernel.values["unroll"];
    }
  const Call &decode = set.programs[0].phases[1].calls[0], &prefill = set.programs[1].phases[1].calls[0];
  EXPECT_EQ(prefill.symbol(), symbol(decode.kernel) + "_schedule1");
  EXPECT_THAT(unrolls, testing::ElementsAre(testing::Pair(decode.symbol(), 4), testing::Pair(prefill.symbol(), 2)));
}

TEST(Schedule, PassesOverRecordsThatDoNotFit) {
  for (auto [what, by] : {std::pair("\"tile_columns\" value: 5", "\"tile_columns\" value: 3"),
                          std::pair("\"unroll\" value: 2", "\"unroll\" value: 3")}) {
    std::string text = kRecord;
    text.replace(text.find(what), strlen(what), by);
    ProgramSet set = toySet();
    RecordBook records;
    ASSERT_FALSE(bool(records.add("f", text)));
    auto kernels = choose(set, records);
    ASSERT_TRUE(bool(kernels)) << llvm::toString(kernels.takeError());
    for (const Scheduled &kernel : *kernels)
      EXPECT_EQ(kernel.tag, "fallback") << by;
  }
}

TEST(Schedule, RefusesRecordsThatAreWrong) {
  auto refusal = [](std::vector<std::pair<std::string, std::string>> changes) {
    std::string text = kRecord;
    for (const auto &[what, by] : changes)
      text.replace(text.find(what), what.size(), by);
    ProgramSet set = toySet();
    RecordBook records;
    EXPECT_FALSE(bool(records.add("file.textproto", text)));
    auto kernels = choose(set, records);
    return kernels ? "" : llvm::toString(kernels.takeError());
  };
  EXPECT_THAT(refusal({{"\"unroll\" value: 2", "\"nonsense\" value: 2"}}),
              testing::AllOf(testing::HasSubstr("file.textproto: record \"linear f32 f32 m=4 k=32..48\" for x86-64-v3"),
                             testing::HasSubstr("no value \"nonsense\", only tile_rows, tile_columns, rows")));
  // Of this very kernel, and so what it cannot do is a mistake.
  const std::pair<std::string, std::string> exactly = {
      "sizes { name: \"k\" min: 32 max: 48 }",
      "sizes { name: \"k\" min: 40 max: 40 } sizes { name: \"n\" min: 80 max: 80 }"};
  EXPECT_EQ(refusal({exactly}), "");
  EXPECT_THAT(refusal({exactly, {"\"tile_columns\" value: 5", "\"tile_columns\" value: 3"}}),
              testing::HasSubstr("tile_columns = 3 is none of 1, 5"));
  EXPECT_THAT(refusal({exactly, {"\"unroll\" value: 2", "\"panels\" value: 2"}}),
              testing::HasSubstr("do not go together"));
}

TEST(ScheduleKey, NamesWhatDecides) {
  Program steps = program(256);
  Phase phase = linearPhase(PackedFormat::Q4_1, 576, 192, /*gated=*/true);
  const Grid grid = gridOf(steps, phase);
  EXPECT_EQ(keyOf(phase.calls[0].kernel, grid).print(), "linear q4_1 q16 gated m=256 n=3072 k=576");
  EXPECT_EQ(keyOf(NormKernel{NormKind::RMS, 576, 1e-5, false, false, ActFormat::Q16}, grid).print(),
            "norm rms q16 m=256 n=192 k=576");
  EXPECT_EQ(keyOf(AttendKernel{9, 3, 64, 0.125, 0, 0, CacheFormat::F16, 4, 256}, grid).print(),
            "attend f16 m=256 n=192 d=64 g=3 split=256");
}
