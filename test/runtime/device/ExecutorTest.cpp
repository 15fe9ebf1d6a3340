// What the executor does with a phase table: which calls, with which addresses, in which order.
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuExecutor.h"
#include "runtime/model/TableCheck.h"
#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <map>
#include <mutex>
#include <set>
#include <xmmintrin.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;

/// One call that a kernel saw: {m, n, s, worker}, the rows that it is for, and where its second argument is.
struct Seen {
  char kernel;
  int32_t m, n, s, worker;
  const uint8_t *host;
  int32_t first, count;
};
std::mutex seenLock;
std::vector<Seen> seen;
int failAt = -1; ///< m at which kernel 'a' fails with code 5

template <char kName> int record(void **args) {
  const auto *tile = reinterpret_cast<const int32_t *>(static_cast<lathe_buffer *>(args[0])->host);
  const std::lock_guard lock(seenLock);
  seen.push_back({kName, tile[0], tile[1], tile[2], tile[3], static_cast<lathe_buffer *>(args[1])->host,
                  tile[5], tile[6]});
  return kName == 'a' && tile[0] == failAt ? 5 : 0;
}

/// A model of one program and one phase: a prologue 'p' and calls 'a' and 'b', each with a tile view and an arena view.
class OnePhase {
public:
  lathe_dim dims[2] = {{0, 7, 1, 0}, {0, 1, 1, 0}};
  lathe_view views[6]{};
  lathe_call calls[3] = {
      {0, LATHE_SCOPE_WORKER, 1, 0, 2, 0}, {1, LATHE_SCOPE_TILE, 1, 2, 2, 0}, {2, LATHE_SCOPE_TILE, 1, 4, 2, 0}};
  lathe_kernel kernels[3] = {{"p", "-", record<'p'>}, {"a", "-", record<'a'>}, {"b", "-", record<'b'>}};
  lathe_phase phase = {"only", LATHE_PHASE_KERNELS, LATHE_ROWS_ALL, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, {}, {}, {}};
  lathe_program program = {"test", 8, 8, 0, 0, 1, 1 << 20, 1 << 16};
  lathe_variant variant{};
  lathe_model model{};
  HostWeights noWeights{{}};
  std::unique_ptr<CpuExecutor> executor;

  OnePhase() {
    for (int i = 0; i < 6; i += 2) {
      views[i] = {LATHE_BASE_TILE, 0, 0, {}, {LATHE_INT, 32, 1}, 1, 0};
      views[i + 1] = {LATHE_BASE_ARENA, 0, 0, {}, {LATHE_FLOAT, 32, 1}, 1, 1};
    }
    std::memcpy(model.magic, LATHE_MODEL_MAGIC, 8);
    model.name = variant.target = variant.plan = model.spec = "";
    model.n_variants = 1;
    model.variants = &variant;
    model.max_context = 640;
    model.vocabulary = variant.logits_stride = 16;
    model.max_slots = 4;
    variant.cache.max_pages = 10;
    variant.cache.split_positions = 128;
    variant.n_programs = variant.n_phases = 1;
    variant.n_calls = 3;
    variant.n_views = 6;
    variant.n_dims = 2;
    variant.n_kernels = 3;
    variant.programs = &program;
    variant.phases = &phase;
    variant.calls = calls;
    variant.views = views;
    variant.dims = dims;
    variant.kernels = kernels;
  }

  bool wholeTiles = true; ///< a call takes all rows of its tile
  StepRecord *recording = nullptr;

  std::vector<int32_t> slots; ///< of the rows; none: all 0

  Result<void> run(unsigned workers, std::vector<int32_t> positions, std::vector<int32_t> logitRows = {},
                   const PhaseObserver &observer = {}) {
    for (lathe_call &call : calls)
      if (wholeTiles && call.scope != LATHE_SCOPE_WORKER)
        call.rows_per_call = phase.rows_per_tile;
    const Result<void> sound = checkTables(model);
    EXPECT_TRUE(sound) << sound.message();
    executor = CpuExecutor::create({.model = model, .variant = variant, .weights = noWeights},
                                   WorkerPool::create(workers).take())
                   .take();
    executor->record(recording);
    seen.clear();
    const std::vector<int32_t> zeros(positions.size());
    return executor->run(0, {zeros, positions, slots.empty() ? zeros : slots, logitRows}, observer);
  }
};

std::vector<Seen> of(char kernel) {
  std::vector<Seen> some;
  std::ranges::copy_if(seen, std::back_inserter(some), [&](const Seen &s) { return s.kernel == kernel; });
  return some;
}

class Workers : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Executor, Workers, testing::Values(1, 2, 3, 5));

TEST_P(Workers, CoverTheGridOnce) {
  OnePhase test;
  test.phase.rows_per_tile = 2;
  test.phase.column_tiles = 7;
  test.phase.splits = 1;
  ASSERT_TRUE(test.run(GetParam(), {0, 1, 2, 3, 300})); // 3 row tiles, 7 column tiles, ceil(301 / 128) = 3 splits
  std::set<std::tuple<int, int, int>> tiles;
  for (const Seen &call : of('a'))
    EXPECT_TRUE(tiles.insert({call.m, call.n, call.s}).second) << "tile ran twice";
  EXPECT_EQ(tiles.size(), 3u * 7 * 3);
  EXPECT_EQ(*tiles.rbegin(), std::tuple(2, 6, 2));
}

// A call that takes fewer rows than the tile is made for each of them, one call after another, before the next call.
TEST_P(Workers, MakeACallForEachRowOfATile) {
  OnePhase test;
  test.wholeTiles = false;
  test.phase.n_calls = 2;
  test.phase.rows_per_tile = 4;
  test.calls[1].rows_per_call = 2;
  test.calls[2].rows_per_call = 4;
  test.views[3].step[0] = 1000;
  test.views[3].step[4] = 100;
  test.views[5].step[0] = 1000;
  ASSERT_TRUE(test.run(GetParam(), {0, 1, 2, 3, 4})); // two row tiles
  std::map<int32_t, std::vector<std::pair<char, ptrdiff_t>>> byTile;
  const uint8_t *start = std::ranges::min(seen, {}, &Seen::host).host;
  for (const Seen &call : seen)
    byTile[call.m].push_back({call.kernel, call.host - start});
  using Calls = std::vector<std::pair<char, ptrdiff_t>>;
  EXPECT_EQ(byTile[0], (Calls{{'a', 0}, {'a', 100}, {'b', 0}}));
  EXPECT_EQ(byTile[1], (Calls{{'a', 1000}, {'a', 1100}, {'b', 1000}}));
}

// Rows of a sequence that follow one another are one call's; a break in slots or in positions makes another. Padding
// rows are all at position 0, so each is alone.
TEST_P(Workers, MakeACallForEachRunOfRowsOfASequence) {
  OnePhase test;
  test.wholeTiles = false;
  test.phase.n_calls = 2;
  test.phase.rows_per_tile = 4;
  test.calls[1].rows_per_call = test.calls[2].rows_per_call = 4;
  test.calls[1].one_sequence = 1;
  test.slots = {1, 1, 1, 1, 1, 1, 2, 2};
  ASSERT_TRUE(test.run(GetParam(), {7, 8, 9, 10, 11, 20, 21, 22}));
  using Runs = std::vector<std::pair<int32_t, int32_t>>;
  std::map<int32_t, Runs> runs;
  for (const Seen &call : of('a'))
    runs[call.m].push_back({call.first, call.count});
  EXPECT_EQ(runs, (std::map<int32_t, Runs>{{0, {{0, 4}}}, {1, {{0, 1}, {1, 1}, {2, 2}}}}));
  EXPECT_EQ(of('b').size(), 2u);
  test.slots = {0, 0, 0, 0, 0};
  ASSERT_TRUE(test.run(GetParam(), {0, 1, 2, 3, 4}));
  runs.clear();
  for (const Seen &call : of('a'))
    runs[call.m].push_back({call.first, call.count});
  EXPECT_EQ(runs[1], (Runs{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
}

TEST_P(Workers, RunPrologueOnceEachBeforeTheirFirstTile) {
  OnePhase test;
  test.phase.n_prologue = 1;
  test.phase.column_tiles = 40;
  test.calls[0].rows_per_call = 2;
  test.views[1] = {LATHE_BASE_SCRATCH, 0, 16, {64, 0, 0}, {LATHE_FLOAT, 32, 1}, 1, 1};
  ASSERT_TRUE(test.run(GetParam(), {0, 1, 2, 3, 4}));
  std::map<int, std::vector<char>> byWorker;
  std::map<int, const uint8_t *> scratch;
  for (const Seen &call : seen) {
    byWorker[call.worker].push_back(call.kernel);
    if (call.kernel != 'p')
      continue;
    EXPECT_EQ(call.n, 0);
    if (call.m == 0)
      scratch[call.worker] = call.host;
    EXPECT_EQ(call.host, scratch[call.worker] + 64 * call.m);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(call.host) % 64, 16u);
  }
  std::set<const uint8_t *> distinct;
  for (const auto &[worker, calls] : byWorker) {
    EXPECT_EQ(std::string(calls.begin(), calls.begin() + 3), "ppp"); // 5 rows in groups of 2
    EXPECT_EQ(std::count(calls.begin(), calls.end(), 'p'), 3);
    EXPECT_TRUE(distinct.insert(scratch[worker]).second) << "two workers share scratch";
  }
}

TEST(Executor, WorkersWithoutATileRunNoPrologue) {
  OnePhase test;
  test.phase.n_prologue = 1;
  ASSERT_TRUE(test.run(3, {0})); // one tile
  EXPECT_EQ(of('p').size(), 1u);
  EXPECT_EQ(of('a').size(), 1u);
}

TEST(Executor, MovesViewsBySteps) {
  OnePhase test;
  test.phase.rows_per_tile = 2;
  test.phase.column_tiles = 3;
  test.phase.splits = 1;
  test.views[3] = {LATHE_BASE_ARENA, 0, 4096, {1000, 100, -4}, {LATHE_FLOAT, 32, 1}, 1, 1};
  ASSERT_TRUE(test.run(2, {5, 6, 639}));
  const auto calls = of('a');
  const uint8_t *origin = std::ranges::find_if(calls, [](const Seen &c) { return !c.m && !c.n && !c.s; })->host;
  EXPECT_EQ(calls.size(), 2u * 3 * 5);
  for (const Seen &call : calls)
    EXPECT_EQ(call.host - origin, call.m * 1000 + call.n * 100 - call.s * 4);
}

TEST(Executor, OneWorkerGoesRowsFirstThenColumnsThenSplits) {
  OnePhase test;
  test.phase.column_tiles = 2;
  test.phase.splits = 1;
  ASSERT_TRUE(test.run(1, {0, 200}));
  std::vector<std::array<int, 3>> order;
  for (const Seen &call : of('a'))
    order.push_back({call.m, call.n, call.s});
  EXPECT_EQ(order, (std::vector<std::array<int, 3>>{
                       {0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {0, 0, 1}, {1, 0, 1}, {0, 1, 1}, {1, 1, 1}}));
}

TEST(Executor, RunsCallsInOrderAndLoopsSplitsInTheirScope) {
  OnePhase test;
  test.phase.n_calls = 2;
  test.calls[1].scope = LATHE_SCOPE_SPLITS;
  ASSERT_TRUE(test.run(1, {127, 128})); // the longest row has 129 positions: 2 splits
  std::string order;
  for (const Seen &call : seen)
    order += std::string(1, call.kernel) + std::to_string(call.m) + std::to_string(call.s) + " ";
  EXPECT_EQ(order, "a00 a01 b00 a10 a11 b10 ");
}

TEST(Executor, CountsLogitRows) {
  OnePhase test;
  test.phase.rows = LATHE_ROWS_LOGITS;
  test.phase.rows_per_tile = 2;
  ASSERT_TRUE(test.run(2, {0, 1, 2, 3, 4}, {4, 0, 2}));
  EXPECT_EQ(of('a').size(), 2u);
  ASSERT_TRUE(test.run(2, {0, 1, 2, 3, 4}));
  EXPECT_EQ(of('a').size(), 0u);
}

TEST(Executor, FillsPaddingRowsWithTheSinksSlot) {
  OnePhase test;
  test.phase.rows_per_tile = 4;
  test.views[3] = {LATHE_BASE_SLOTS, 0, 0, {16, 0, 0}, {LATHE_INT, 32, 1}, 1, 1};
  ASSERT_TRUE(test.run(1, {9}));
  const auto *slots = reinterpret_cast<const int32_t *>(of('a')[0].host);
  EXPECT_THAT(std::vector<int32_t>(slots, slots + 4), testing::ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(test.executor->pages().line(1), testing::Each(0));
}

TEST(Executor, ReportsAKernelsFailure) {
  for (unsigned workers : {1u, 3u}) {
    OnePhase test;
    test.phase.column_tiles = 20;
    failAt = 2;
    const Result<void> done = test.run(workers, {0, 1, 2, 3});
    failAt = -1;
    ASSERT_FALSE(done);
    EXPECT_EQ(done.message(), "phase \"only\" of program test: kernel a failed with code 5");
    const std::vector<int32_t> row{0};
    EXPECT_TRUE(test.executor->run(0, {row, row, row, {}})) << "the next step runs";
  }
}

TEST(Executor, RefusesRowsThatDoNotFit) {
  OnePhase test;
  const auto refusal = [&](std::vector<int32_t> ids, std::vector<int32_t> positions, std::vector<int32_t> slots,
                           std::vector<int32_t> logitRows = {}, std::vector<int32_t> lengths = {}) {
    seen.clear();
    const Result<void> done = test.executor->run(0, {ids, positions, slots, logitRows, lengths});
    EXPECT_TRUE(seen.empty());
    return done ? "(ran)" : done.message();
  };
  ASSERT_TRUE(test.run(2, {0}));
  EXPECT_THAT(refusal({}, {}, {}), HasSubstr("a step of 0 rows; program test takes 1 to 8"));
  EXPECT_THAT(refusal(std::vector<int32_t>(9), std::vector<int32_t>(9), std::vector<int32_t>(9)), HasSubstr("9 rows"));
  EXPECT_THAT(refusal({1, 2}, {0}, {0, 0}), HasSubstr("1 positions"));
  EXPECT_THAT(refusal({16}, {0}, {0}), HasSubstr("token 16 is not in the vocabulary of 16"));
  EXPECT_THAT(refusal({-1}, {0}, {0}), HasSubstr("token -1"));
  EXPECT_THAT(refusal({0}, {640}, {0}), HasSubstr("position 640"));
  EXPECT_THAT(refusal({0}, {0}, {4}), HasSubstr("slot 4"));
  EXPECT_THAT(refusal({0}, {0}, {0}, {1}), HasSubstr("logits of row 1"));
  EXPECT_THAT(refusal({0}, {0}, {0}, {-1}), HasSubstr("logits of row -1"));
  EXPECT_THAT(refusal({0}, {0}, {0}, std::vector<int32_t>(9)), HasSubstr("logits of 9 rows"));
  EXPECT_THAT(refusal({0}, {0}, {0}, {}, {1, 1}), HasSubstr("has 2 lengths"));
  EXPECT_THAT(refusal({0}, {3}, {0}, {}, {3}), HasSubstr("length 3 does not hold position 3"));
  EXPECT_THAT(refusal({0}, {3}, {0}, {}, {641}), HasSubstr("length 641"));
  EXPECT_THAT(refusal({0}, {3}, {0}, {}, {-1}), HasSubstr("length -1"));
  test.program.distinct_sequences = 1;
  EXPECT_THAT(refusal({0, 0}, {0, 1}, {3, 3}), HasSubstr("slot 3 comes twice"));
  EXPECT_THAT(test.executor->run(1, {}).message(), HasSubstr("program 1 does not exist"));
}

TEST(Executor, ShowsResultsToTheObserver) {
  OnePhase test;
  lathe_dim dims[] = {test.dims[0], test.dims[1], {0, 3, 1, 0}, {0, 8, 5, 0}};
  test.variant.dims = dims;
  test.variant.n_dims = 4;
  test.views[5] = {LATHE_BASE_ARENA, 0, 64, {}, {LATHE_FLOAT, 32, 1}, 2, 2};
  test.phase.result = 6;
  std::vector<PhaseEvent> events;
  ASSERT_TRUE(test.run(3, {0, 1, 2}, {}, [&](const PhaseEvent &event) { events.push_back(event); }));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].phase, 0u);
  EXPECT_STREQ(events[0].table->name, "only");
  EXPECT_EQ(events[0].tiles, 3u);
  EXPECT_EQ(events[0].rows, 3u);
  EXPECT_EQ(events[0].columns, 3u);
  EXPECT_EQ(events[0].rowStride, 5u);
  EXPECT_GE(events[0].seconds, 0);
  EXPECT_EQ(reinterpret_cast<const uint8_t *>(events[0].fetch()), of('a')[0].host + 64);
}

TEST_P(Workers, RecordWhenTheyAreInAPhase) {
  OnePhase test;
  lathe_phase phases[3] = {test.phase, test.phase, test.phase};
  phases[1].rows = LATHE_ROWS_LOGITS; // without a tile where no logits are wanted
  phases[2].column_tiles = 20;
  test.variant.phases = phases;
  test.variant.n_phases = test.program.n_phases = 3;
  StepRecord record;
  test.recording = &record;
  ASSERT_TRUE(test.run(GetParam(), {0, 1}));
  ASSERT_TRUE(test.executor->run(
      0, {std::vector<int32_t>(1), std::vector<int32_t>(1), std::vector<int32_t>(1), std::vector<int32_t>(1)}));
  ASSERT_EQ(record.steps().size(), 2u);
  EXPECT_EQ(record.steps()[0].nPhases, 2u);
  EXPECT_EQ(record.steps()[1].nPhases, 3u);
  EXPECT_EQ(record.steps()[0].rows, 2u);
  EXPECT_EQ(record.phases()[1].table, &phases[2]);
  EXPECT_EQ(record.phases()[1].tiles, 2u * 20);
  ASSERT_EQ(record.workers(), GetParam());
  for (const StepRecord::Step &step : record.steps()) {
    auto ended = step.begin; // by all workers
    for (size_t phase = step.firstPhase; phase < step.firstPhase + step.nPhases; ++phase) {
      auto last = ended;
      for (size_t worker = 0; worker < record.workers(); ++worker) {
        EXPECT_GE(record.span(worker, phase).begin, ended) << "past the barrier before the last worker came";
        EXPECT_GE(record.span(worker, phase).end, record.span(worker, phase).begin);
        last = std::max(last, record.span(worker, phase).end);
      }
      ended = last;
    }
    EXPECT_GE(step.end, ended);
  }
  test.executor->record(nullptr);
  ASSERT_TRUE(test.executor->run(0, {std::vector<int32_t>(1), std::vector<int32_t>(1), std::vector<int32_t>(1), {}}));
  EXPECT_EQ(record.steps().size(), 2u);
}

#if defined(__x86_64__)
std::atomic<uint32_t> modes;
int readModes(void **) {
  modes |= _mm_getcsr() & ~0x3fu; // without the sticky flags
  return 0;
}

TEST(Executor, RoundsTheSameOnEveryWorker) {
  OnePhase test;
  test.kernels[1].function = readModes;
  test.phase.column_tiles = 50;
  const uint32_t before = _mm_getcsr();
  _mm_setcsr(before | 0x8040); // the caller flushes denormals to zero
  modes = 0;
  const Result<void> done = test.run(2, {0});
  EXPECT_EQ(_mm_getcsr() & 0x8040, 0x8040u) << "the caller's own modes are back";
  _mm_setcsr(before);
  ASSERT_TRUE(done);
  EXPECT_EQ(modes, 0x1f80u);
}
#endif

} // namespace
} // namespace lathe
