// The toy model on a GPU, or on the simulator of one: the same contexts and sessions as on a processor.
#include "runtime/generate/Session.h"
#include "test/runtime/device/cuda/ToyCuda.h"
#include <cstdlib>
#include <gmock/gmock.h>
#include <set>

namespace lathe {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<int32_t> someIds(size_t count, int32_t seed = 0) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(int32_t((i * 7 + i * i * 3 + size_t(seed)) % TOY_VOCABULARY));
  return ids;
}

class Cuda : public testing::Test {
protected:
  void SetUp() override {
    Result<std::shared_ptr<const Device>> found = findDevice("cuda");
    if (!found)
      GTEST_SKIP() << found.message();
    device = found.take();
  }

  std::unique_ptr<Context> context(const ContextOptions &options = {}) {
    Result<std::shared_ptr<const Model>> model = toy::openOn(device, tables, weights);
    EXPECT_TRUE(model) << model.message();
    Result<std::unique_ptr<Context>> made = Context::create(*model, options);
    EXPECT_TRUE(made) << made.message();
    return made.take();
  }

  std::shared_ptr<const Device> device;
  toy::CudaTables tables;
  toy::Weights weights = toy::integerWeights();
};

TEST_F(Cuda, IsFoundByName) {
  EXPECT_EQ(device->name(), "cuda:0");
  EXPECT_EQ(findDevice("cuda:0").take(), device);
  EXPECT_THAT(findDevice("cuda:99").message(), AllOf(HasSubstr("device cuda:99 is not here"), HasSubstr("cuda:0 (")));
  EXPECT_EQ(*device->lacks(*toyModel.variants), "this is a GPU");
}

TEST_F(Cuda, RunsCodeForItsArchitectureOnly) {
  EXPECT_FALSE(device->lacks(tables.variant));
  tables.variant.sm = 70; // PTX of an earlier one
  tables.variant.target = "sm_70";
  EXPECT_FALSE(device->lacks(tables.variant));
  tables.units[0].kind = LATHE_UNIT_CUBIN;
  EXPECT_THAT(*device->lacks(tables.variant), HasSubstr("and there is no PTX for it"));
  tables.units[0].kind = LATHE_UNIT_PTX;
  tables.variant.target = "sm_70a";
  EXPECT_THAT(*device->lacks(tables.variant), HasSubstr("which must be 7.0"));
  tables.variant.sm = 990;
  tables.variant.target = "sm_990";
  EXPECT_THAT(*device->lacks(tables.variant), HasSubstr("which must be 99.0 at least"));
  EXPECT_THAT(toy::openOn(device, tables, weights).message(),
              AllOf(HasSubstr("was compiled for sm_990, and this "), HasSubstr("(--target sm_")));
}

// A prompt in chunks, then token by token, over several pages: steps that are new, that become graphs, and that are.
TEST_F(Cuda, GivesTheLogitsOfTheToy) {
  const auto engine = context();
  const std::vector<int32_t> ids = someIds(150);
  const std::vector<std::vector<float>> expected = toy::expectedLogits(weights, ids);
  Session session(*engine);
  size_t seen = 0;
  const Result<void> fed = session.feedAll(std::span(ids).first(70), [&](size_t row, std::span<const float> logits) {
    EXPECT_THAT(logits, ElementsAreArray(expected[row])) << row;
    ++seen;
  });
  ASSERT_TRUE(fed) << fed.message();
  EXPECT_EQ(seen, 70u);
  for (size_t i = 70; i < ids.size(); ++i) {
    const auto logits = session.feed(std::span(ids).subspan(i, 1));
    ASSERT_TRUE(logits) << logits.message();
    EXPECT_THAT(*logits, ElementsAreArray(expected[i])) << i;
  }
}

TEST_F(Cuda, BatchesSequences) {
  const auto engine = context({.cachePages = 16});
  const std::vector<int32_t> a = someIds(70), b = someIds(3, 5), c = someIds(9, 2);
  Sequence first = engine->newSequence(), second = engine->newSequence(), third = engine->newSequence();
  const auto step = [&](std::vector<StepPart> parts) {
    const Result<void> done = engine->step(parts);
    EXPECT_TRUE(done) << done.message();
  };
  for (size_t i = 0; i < 70; i += 5)
    step({{&first, std::span(a).subspan(i, 5), LogitsWanted::None}});
  Sequence more = first.fork(65);
  step({{&second, b, LogitsWanted::All},
        {&more, std::span(a).subspan(65, 3), LogitsWanted::Last},
        {&third, {c.data(), 2}, LogitsWanted::Last}});
  ASSERT_EQ(engine->logitRows(), 5u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_THAT(engine->logits(i), ElementsAreArray(toy::expectedLogits(weights, b)[i]));
  EXPECT_THAT(engine->logits(3), ElementsAreArray(toy::expectedLogits(weights, a)[67]));
  EXPECT_THAT(engine->logits(4), ElementsAreArray(toy::expectedLogits(weights, c)[1]));
  std::vector<int32_t> longer = b;
  longer.push_back(4);
  step({{&second, {&longer[3], 1}}, {&third, {&c[2], 1}}});
  EXPECT_THAT(engine->logits(0), ElementsAreArray(toy::expectedLogits(weights, longer)[3]));
  EXPECT_THAT(engine->logits(1), ElementsAreArray(toy::expectedLogits(weights, c)[2]));
  // Pages that were used before are zero again, and slots change their sequences.
  first = engine->newSequence();
  more = engine->newSequence();
  const std::vector<int32_t> d = someIds(5, 1);
  step({{&first, d, LogitsWanted::Last}, {&second, {&a[0], 1}}});
  EXPECT_THAT(engine->logits(0), ElementsAreArray(toy::expectedLogits(weights, d)[4]));
}

TEST_F(Cuda, ShowsAnObserverEachPhase) {
  const auto engine = context(), other = Context::create(toy::model(weights), {.threads = 1}).take();
  struct Seen {
    std::string name;
    size_t tiles, rows, columns;
    std::vector<float> result;
    bool operator==(const Seen &) const = default;
  };
  const std::vector<int32_t> ids = someIds(72);
  const auto watch = [&](Context &context) {
    std::vector<Seen> seen;
    Session session(context);
    const auto logits = session.feed(ids, [&](const PhaseEvent &event) {
      EXPECT_GT(event.seconds, 0);
      Seen &one = seen.emplace_back(Seen{event.table->name, event.tiles, event.rows, event.columns, {}});
      const float *numbers = event.fetch ? event.fetch() : nullptr;
      for (size_t row = 0; row < event.rows; ++row)
        one.result.insert(one.result.end(), numbers + row * event.rowStride,
                          numbers + row * event.rowStride + event.columns);
    });
    EXPECT_TRUE(logits) << logits.message();
    EXPECT_THAT(*logits, ElementsAreArray(toy::expectedLogits(weights, ids).back()));
    return seen;
  };
  const std::vector<Seen> here = watch(*engine), there = watch(*other);
  EXPECT_EQ(here.size(), 8u * 9 - 8) << "phases of chunks; of all but the last none has logits";
  EXPECT_EQ(here, there);
}

TEST_F(Cuda, RecordsPhases) {
  const auto engine = context();
  Session session(*engine);
  StepRecord record;
  engine->record(&record);
  const std::vector<int32_t> ids = someIds(12);
  const auto logits = session.feed(ids);
  engine->record(nullptr);
  ASSERT_TRUE(logits) << logits.message();
  EXPECT_THAT(*logits, ElementsAreArray(toy::expectedLogits(weights, ids).back()));
  ASSERT_EQ(record.steps().size(), 2u);
  EXPECT_EQ(record.workers(), 1u);
  EXPECT_EQ(record.steps()[0].nPhases, 7u);
  EXPECT_EQ(record.steps()[1].nPhases, 8u);
  EXPECT_EQ(record.phases()[7].tiles, 4u) << "embed: 4 rows";
  for (size_t i = 0; i < record.phases().size(); ++i)
    EXPECT_LE(record.span(0, i).begin, record.span(0, i).end);
  EXPECT_LE(record.span(0, 7).end, record.span(0, 8).begin);
}

TEST_F(Cuda, FindsNumbersThatAreNotFinite) {
  for (float &scale : weights.scales)
    scale = 1;
  std::fill_n(weights.table.begin() + 7 * 4, 4, std::numeric_limits<float>::infinity()); // of token 7
  const auto engine = context();
  Session session(*engine);
  std::vector<int32_t> ids(24, 2);
  ids[5] = 7; // the toy keeps rows one after another: numbers 5 * 4 .. are where a model keeps key 0 of positions 20 ..
  EXPECT_TRUE(session.feed(std::span(ids).first(16)));
  const auto logits = session.feed(std::span(ids).last(8));
  ASSERT_FALSE(logits);
  EXPECT_THAT(logits.message(), HasSubstr("a key of position 20 is infinite"));
}

TEST_F(Cuda, WaitsAfterEachPhaseWhereTheEnvironmentSaysSo) {
  setenv("CUDA_LAUNCH_BLOCKING", "1", /*overwrite=*/1);
  const auto engine = context();
  unsetenv("CUDA_LAUNCH_BLOCKING");
  Session session(*engine);
  const std::vector<int32_t> ids = someIds(12);
  const auto logits = session.feed(ids);
  ASSERT_TRUE(logits) << logits.message();
  EXPECT_THAT(*logits, ElementsAreArray(toy::expectedLogits(weights, ids).back()));
}

TEST_F(Cuda, RefusesWhatDoesNotFitItsMemory) {
  const uint8_t nothing = 0;
  EXPECT_THAT(device->load({&nothing, size_t(1) << 46}).message(),
              AllOf(HasSubstr("weights: needs 70368.74 GB on cuda:0, where "), HasSubstr(" are free")));
  EXPECT_THAT(device->createPages({.layers = 1 << 10, .pageBytes = 1 << 20, .pages = 1 << 16, .what = "KV cache"}).message(),
              HasSubstr("KV cache: needs 70368.74 GB on cuda:0"));
  EXPECT_THAT(device->createPages({.layers = ~0u, .pageBytes = ~uint64_t(0), .pages = 9, .what = "KV cache"}).message(),
              HasSubstr("more than an address space"));
}

TEST_F(Cuda, SaysWhatIsWrongWithCode) {
  auto refusal = [&] {
    const auto model = toy::openOn(device, tables, weights);
    return Context::create(*model).message();
  };
  tables.phases[1].launch.entry = "toy_nothing";
  EXPECT_THAT(refusal(), HasSubstr("phase \"layer 0: append\": cuda:0: finding toy_nothing in unit toy: CUDA_ERROR_NOT_FOUND"));
  tables.phases[1].launch.entry = "toy_append";
  const lathe_unit good = tables.units[0], bad = {"toy", LATHE_UNIT_PTX, "nonsense", 8};
  tables.units[0] = bad;
  EXPECT_THAT(refusal(), HasSubstr("cuda:0: loading PTX of unit toy"));
  // The next unit of that name is taken instead.
  tables.units.push_back(good);
  tables.variant.units = tables.units.data();
  tables.variant.n_units = 2;
  const auto engine = context();
  Session session(*engine);
  const std::vector<int32_t> ids = someIds(2);
  EXPECT_THAT(*session.feed(ids), ElementsAreArray(toy::expectedLogits(weights, ids)[1]));
}

// The last: the context goes with it.
TEST_F(Cuda, SaysWhichKernelFailed) {
  tables.phases[0].launch.entry = "toy_fault";
  const auto engine = context();
  Session session(*engine);
  EXPECT_THAT(session.feed(someIds(3), [](const PhaseEvent &) {}).message(),
              AllOf(HasSubstr("cuda:0: phase \"embed\", kernel toy_fault, grid 1 x 3 x 1 of 32 threads"),
                    HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"), HasSubstr("takes nothing more from this process")));
  EXPECT_THAT(session.feed(someIds(3)).message(), HasSubstr("a kernel has failed on it"));
}

} // namespace
} // namespace lathe
