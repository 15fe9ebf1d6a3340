// Steps over batches of sequences, on the toy model.
#include "runtime/generate/Context.h"
#include "test/runtime/toy/ToyBundle.h"
#include <gmock/gmock.h>
#include <map>

namespace lathe {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::unique_ptr<Context> context(const toy::Weights &weights, ContextOptions options = {.threads = 2}) {
  return Context::create(toy::model(weights), options).take();
}

std::vector<int32_t> someIds(size_t count, int32_t seed = 0) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(int32_t((i * 7 + i * i * 3 + size_t(seed)) % TOY_VOCABULARY));
  return ids;
}

TEST(Context, BatchesSequencesOfDifferentLength) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights, {.threads = 3, .cachePages = 16});
  const std::vector<int32_t> a = someIds(70), b = someIds(3, 5), c = someIds(9, 2);
  Sequence first = engine->newSequence(), second = engine->newSequence(), third = engine->newSequence();
  const auto step = [&](std::vector<StepPart> parts) {
    const Result<void> done = engine->step(parts);
    EXPECT_TRUE(done) << done.message();
  };
  for (size_t i = 0; i < 70; i += 5)
    step({{&first, std::span(a).subspan(i, 5), LogitsWanted::None}});
  EXPECT_EQ(engine->logitRows(), 0u);

  // Several rows of some sequences: the prefill program; logits in the order of the parts.
  Sequence more = first.fork(65);
  step({{&second, b, LogitsWanted::All},
        {&more, std::span(a).subspan(65, 3), LogitsWanted::Last},
        {&third, {c.data(), 2}, LogitsWanted::Last}});
  EXPECT_STREQ(engine->latestProgram()->name, "prefill");
  ASSERT_EQ(engine->logitRows(), 5u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_THAT(engine->logits(i), ElementsAreArray(toy::expectedLogits(weights, b)[i]));
  EXPECT_THAT(engine->logits(3), ElementsAreArray(toy::expectedLogits(weights, a)[67]));
  EXPECT_THAT(engine->logits(4), ElementsAreArray(toy::expectedLogits(weights, c)[1]));

  // One row of each: the decode program.
  std::vector<int32_t> longer = b;
  longer.push_back(4);
  step({{&second, {&longer[3], 1}}, {&third, {&c[2], 1}}});
  EXPECT_STREQ(engine->latestProgram()->name, "decode");
  EXPECT_THAT(engine->logits(0), ElementsAreArray(toy::expectedLogits(weights, longer)[3]));
  EXPECT_THAT(engine->logits(1), ElementsAreArray(toy::expectedLogits(weights, c)[2]));
  EXPECT_EQ(second.length(), 4u);
  EXPECT_EQ(third.length(), 3u);
}

TEST(Context, RefusesAKeyThatIsNotFinite) {
  toy::Weights weights = toy::integerWeights();
  for (float &scale : weights.scales)
    scale = 1;
  std::fill_n(weights.table.begin() + 7 * 4, 4, std::numeric_limits<float>::infinity()); // of token 7
  const auto engine = context(weights, {.threads = 2, .cachePages = 16});
  Sequence sequence = engine->newSequence();
  std::vector<int32_t> ids(64, 2);
  ids[21] = 7; // the toy keeps rows one after another: numbers 21 * 4 .. are where a model keeps key 1 of 21 * 4 - 64
  std::vector<StepPart> parts;
  for (size_t i = 0; i < 63; ++i) {
    parts = {{&sequence, std::span(ids).subspan(i, 1), LogitsWanted::Last}};
    ASSERT_TRUE(engine->step(parts));
  }
  parts = {{&sequence, std::span(ids).last(1), LogitsWanted::Last}}; // fills the page
  const std::string message = engine->step(parts).message();
  EXPECT_THAT(message, HasSubstr("program decode, phase \""));
  EXPECT_THAT(message, HasSubstr("a key of position 20 is infinite"));
  EXPECT_EQ(sequence.length(), 63u) << "as it was";
  sequence.truncate(20);
  parts = {{&sequence, std::span(ids).first(1), LogitsWanted::Last}};
  EXPECT_TRUE(engine->step(parts)) << "and goes on";
}

TEST(Context, ChoosesTheSmallestProgramThatFits) {
  const auto engine = context(toy::integerWeights(), {.threads = 1, .cachePages = 16});
  std::vector<Sequence> sequences;
  for (int i = 0; i < 4; ++i)
    sequences.push_back(engine->newSequence());
  const std::vector<int32_t> ids = someIds(8);
  const auto programOf = [&](std::vector<StepPart> parts) {
    const Result<void> done = engine->step(parts);
    return done ? engine->latestProgram()->name : done.message();
  };
  EXPECT_EQ(programOf({{&sequences[0], {ids.data(), 1}}}), "decode");
  EXPECT_EQ(programOf({{&sequences[0], {ids.data(), 2}}}), "prefill"); // two rows of one sequence
  EXPECT_EQ(programOf({{&sequences[0], {ids.data(), 8}}}), "prefill");
  EXPECT_EQ(
      programOf({{&sequences[0], {ids.data(), 1}}, {&sequences[1], {ids.data(), 1}}, {&sequences[2], {ids.data(), 1}}}),
      "decode");
  EXPECT_EQ(programOf({{&sequences[0], {ids.data(), 1}},
                       {&sequences[1], {ids.data(), 1}},
                       {&sequences[2], {ids.data(), 1}},
                       {&sequences[3], {ids.data(), 1}}}),
            "prefill"); // 4 > 3 rows
  EXPECT_THAT(programOf({{&sequences[0], someIds(9)}}), HasSubstr("no program of the model takes a step of 9 rows"));
  EXPECT_THAT(programOf({{&sequences[0], ids, LogitsWanted::All}}), HasSubstr("with logits of 8"));
  EXPECT_EQ(engine->maxRows(), 8u);
  EXPECT_EQ(engine->maxLogitRows(), 5u);
}

TEST(Context, RefusesBadStepsWithoutChange) {
  const auto engine = context(toy::integerWeights()), other = context(toy::integerWeights());
  Sequence sequence = engine->newSequence(), stranger = other->newSequence();
  const std::vector<int32_t> ids = someIds(3);
  const auto refusal = [&](std::vector<StepPart> parts) {
    const Result<void> done = engine->step(parts);
    return done ? "(ran)" : done.message();
  };
  EXPECT_THAT(refusal({}), HasSubstr("a step of 0 sequences"));
  EXPECT_THAT(refusal(std::vector<StepPart>(5, {&sequence, ids})), HasSubstr("a step of 5 sequences; 1 to 4"));
  EXPECT_THAT(refusal({{&stranger, ids}}), HasSubstr("another context"));
  EXPECT_THAT(refusal({{nullptr, ids}}), HasSubstr("another context"));
  EXPECT_THAT(refusal({{&sequence, ids}, {&sequence, ids}}), HasSubstr("same sequence"));
  EXPECT_THAT(refusal({{&sequence, {}}}), HasSubstr("no tokens"));
  EXPECT_THAT(refusal({{&sequence, std::vector<int32_t>{1, 11}}}), HasSubstr("token 11 is not in the vocabulary"));
  EXPECT_THAT(refusal({{&sequence, std::vector<int32_t>(201)}}), HasSubstr("sequence full: it has 0 of 200"));
  EXPECT_THAT(refusal({{&sequence, ids, LogitsWanted::Last, 2}}),
              HasSubstr("2 known tokens; its sequence will have 3"));
  EXPECT_THAT(refusal({{&sequence, ids, LogitsWanted::Last, 201}}), HasSubstr("201 known tokens"));
  EXPECT_EQ(sequence.length(), 0u);
  EXPECT_EQ(engine->cache()->freePages(), engine->cache()->capacity());
}

TEST(Context, AFullCacheStopsTheWholeStep) {
  const auto engine = context(toy::integerWeights(), {.threads = 2, .cachePages = 1});
  Sequence a = engine->newSequence(), b = engine->newSequence();
  const std::vector<int32_t> ids = someIds(2);
  const StepPart parts[] = {{&a, ids}, {&b, ids}};
  EXPECT_THAT(engine->step(parts).message(), HasSubstr("KV cache full"));
  EXPECT_EQ(a.length(), 0u);
  EXPECT_EQ(engine->cache()->freePages(), 1u) << "what the first part had prepared is free again";
  EXPECT_TRUE(engine->step({parts, 1}));
}

TEST(Context, AKernelsFailureLeavesTheSequence) {
  toy::Weights weights = toy::integerWeights();
  weights.table[5 * TOY_WIDTH] = TOY_FAIL;
  const auto engine = context(weights);
  Sequence sequence = engine->newSequence();
  const std::vector<int32_t> good{1, 2}, bad{5};
  const StepPart fine{&sequence, good}, broken{&sequence, bad};
  ASSERT_TRUE(engine->step({&fine, 1}));
  EXPECT_EQ(engine->step({&broken, 1}).message(),
            "phase \"layer 0: append\" of program decode: kernel toy_append failed with code 7");
  EXPECT_EQ(sequence.length(), 2u);
  EXPECT_EQ(engine->logitRows(), 0u);
  ASSERT_TRUE(engine->step({&fine, 1}));
  EXPECT_THAT(engine->logits(0), ElementsAreArray(toy::expectedLogits(weights, std::vector<int32_t>{1, 2, 1, 2})[3]));
}

TEST(Context, ObserversSeeEachPhase) {
  const toy::Weights weights = toy::integerWeights();
  const auto engine = context(weights, {.threads = 3});
  Sequence sequence = engine->newSequence();
  const std::vector<int32_t> ids = someIds(3);
  const StepPart part{&sequence, ids, LogitsWanted::Last};
  std::vector<std::string> names;
  std::map<std::string, std::vector<float>> rows;
  ASSERT_TRUE(engine->step({&part, 1}, [&](const PhaseEvent &event) {
    EXPECT_EQ(event.phase, names.size());
    names.push_back(event.table->name);
    if (event.fetch)
      for (size_t r = 0; r < event.rows; ++r)
        rows[names.back()].insert(rows[names.back()].end(), event.fetch() + r * event.rowStride,
                                  event.fetch() + r * event.rowStride + event.columns);
  }));
  EXPECT_THAT(names, ElementsAreArray({"embed", "layer 0: append", "layer 0: attend", "layer 0: combine",
                                       "layer 1: append", "layer 1: attend", "layer 1: combine", "logits"}));
  EXPECT_EQ(rows.count("layer 0: attend"), 0u);
  EXPECT_EQ(rows["embed"].size(), 3u * TOY_WIDTH);
  for (size_t k = 0; k < TOY_WIDTH; ++k)
    EXPECT_EQ(rows["embed"][TOY_WIDTH + k], weights.table[size_t(ids[1]) * TOY_WIDTH + k]);
  EXPECT_THAT(rows["logits"], ElementsAreArray(toy::expectedLogits(weights, ids)[2]));
}

TEST(Context, SaysWhatIsTooMuch) {
  EXPECT_THAT(Context::create(toy::model(toy::integerWeights()), {.threads = 100000}).message(),
              HasSubstr("at most 1024"));
  EXPECT_THAT(Context::create(toy::model(toy::integerWeights()), {.cachePages = ~0u}).message(),
              HasSubstr("KV cache: 4294967295 pages of 64 positions are more than the kernels can count: "));
}

} // namespace
} // namespace lathe
