//===- RandomSpecsTest.cpp - specs that nobody has named, compiled and compared with the reference ---------------===//
//
// Each spec is compiled with random weights and must agree with the reference phase by phase, give the same bits
// however its tokens are cut into steps, on one worker or two, and alone or in a batch of three; every third on a GPU too,
// where there is one (ctest has it interpreted). For a long run:
//
//   LATHE_RANDOM_SPECS=500 LATHE_RANDOM_SEED=7 build/test/random_specs_test
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "test/compiler/pipeline/RandomSpecs.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include "compiler/verify/Reference.h"
#include "compiler/verify/Verify.h"
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;
using lathe::test::RandomSpecs;
namespace files = std::filesystem;

namespace {

uint64_t setting(const char *name, uint64_t usual) {
  const char *value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : usual;
}

std::vector<int32_t> someIds(size_t count, size_t salt, uint32_t vocabulary) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(int32_t((salt * 7919 + i * 131 + i * i) % vocabulary));
  return ids;
}

/// A context with room for three whole sequences.
std::unique_ptr<Context> contextOf(const std::shared_ptr<const Model> &model, unsigned threads) {
  return Context::create(model, {.threads = threads, .cachePages = 3 * model->variant().cache.max_pages}).take();
}

/// Logits of all tokens, fed `step` at a time.
std::vector<float> logitsOf(Context &context, std::span<const int32_t> ids, size_t step) {
  std::vector<float> all;
  Session session(context);
  auto keep = [&](size_t, std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); };
  EXPECT_TRUE(bool(session.feedAll(ids, keep, {}, step)));
  return all;
}

/// Logits of three sequences' tokens, a token of each in every step, by sequence.
std::vector<std::vector<float>> batchLogits(Context &context, std::span<const std::vector<int32_t>> sequences) {
  std::vector<Sequence> state;
  for (size_t i = 0; i < sequences.size(); ++i)
    state.push_back(context.newSequence());
  std::vector<std::vector<float>> all(sequences.size());
  for (size_t at = 0; at < sequences[0].size(); ++at) {
    std::vector<StepPart> parts;
    for (size_t i = 0; i < sequences.size(); ++i)
      parts.push_back(
          {&state[i], std::span(sequences[i]).subspan(at, 1), LogitsWanted::Last, uint32_t(sequences[i].size())});
    EXPECT_TRUE(bool(context.step(parts)));
    for (size_t i = 0; i < sequences.size(); ++i)
      all[i].insert(all[i].end(), context.logits(i).begin(), context.logits(i).end());
  }
  return all;
}

void expectSameBits(const std::shared_ptr<const Model> &model) {
  const lathe_model &tables = model->tables();
  const size_t count = std::min<size_t>(tables.max_context, 37);
  std::vector<std::vector<int32_t>> sequences;
  for (size_t i = 0; i < 3; ++i)
    sequences.push_back(someIds(count, i, tables.vocabulary));
  std::unique_ptr<Context> one = contextOf(model, 1), two = contextOf(model, 2);
  const std::vector<std::vector<float>> batched = batchLogits(*two, sequences);
  for (size_t i = 0; i < 3; ++i) {
    const std::vector<float> whole = logitsOf(*one, sequences[i], count);
    EXPECT_TRUE(whole == logitsOf(*two, sequences[i], 7)) << "7 tokens a step on two workers give other bits";
    EXPECT_TRUE(whole == logitsOf(*one, sequences[i], 1)) << "1 token a step gives other bits";
    EXPECT_TRUE(whole == batched[i]) << "a batch of three gives other bits";
  }
}

class CompiledSpecs : public testing::TestWithParam<size_t> {
protected:
  /// On the device; null: on the processor.
  void check(const spec::Model &model, std::optional<CacheFormat> cache, std::shared_ptr<const Device> device = nullptr) {
    const std::string path = (folder / "random.textproto").string();
    std::ofstream(path) << printSpec(model);
    PipelineOptions options;
    options.input.randomWeights = true;
    options.cache = cache;
    options.cacheDirectory = LATHE_RANDOM_SPECS_CACHE;
    if (device)
      options.targets = {*findTarget(device->target())};
    Compilation c(path, options);
    auto compare = [&](Compilation &c) -> llvm::Error {
      Result<std::shared_ptr<const Model>> opened = Model::open(c.staging->path(), {.device = device});
      if (!opened)
        return llvm::createStringError(opened.message());
      std::shared_ptr<const Model> bundle = opened.take();
      llvm::Expected<Verification> verification = verify(bundle, *c.variants.front().module, lookupIn(*c.input.weights),
                                                         {.threads = 2, .budget = 2e7, .progress = {}});
      if (!verification)
        return verification.takeError();
      expectSameBits(bundle);
      return verification->judge("random");
    };
    llvm::Error error = compile(c, (folder / "bundle").string(), compare);
    EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
  }

  test::TemporaryFolder folder;
};

} // namespace

TEST(RandomSpecs, EveryNumberHasValuesToDraw) {
  EXPECT_THAT(RandomSpecs::unknownFields(), testing::IsEmpty())
      << "new fields of model.proto: give kNumbers or kTexts (RandomSpecs.cpp) values that are worth trying";
}

TEST(RandomSpecs, EveryAlternativeIsPartOfSomeValidSpec) {
  RandomSpecs specs(1);
  std::set<std::string> missing = RandomSpecs::allValues();
  for (size_t i = 0; i < 3000 && !missing.empty(); ++i)
    for (const std::string &value : RandomSpecs::valuesOf(specs.next()))
      missing.erase(value);
  std::string refusals;
  for (const auto &[why, count] : specs.refusals)
    refusals += std::to_string(count) + " x " + why + "\n";
  EXPECT_THAT(missing, testing::IsEmpty()) << refusals;
}

/// How many are compiled, each a case of its own, so that ctest can deal them out to several processes.
static size_t compiledCount() { return setting("LATHE_RANDOM_SPECS", 10); }

static const spec::Model &modelNumber(size_t i) {
  static const std::vector<spec::Model> models =
      RandomSpecs(setting("LATHE_RANDOM_SEED", 1)).varied(compiledCount(), std::max<size_t>(300, 3 * compiledCount()));
  return models[i];
}

TEST_P(CompiledSpecs, ComputesWhatTheReferenceDoes) {
  const size_t i = GetParam();
  SCOPED_TRACE("spec " + std::to_string(i) + ":\n" + printSpec(modelNumber(i)));
  const std::optional<CacheFormat> caches[] = {std::nullopt, CacheFormat::F32, CacheFormat::F16};
  check(modelNumber(i), caches[i % 3]);
}

TEST_P(CompiledSpecs, ComputesItOnAGpu) {
  const size_t i = GetParam();
  if (i % 3)
    return; // a step that is interpreted is a hundred times slower
  auto device = findDevice("cuda");
  if (!device)
    GTEST_SKIP() << device.message();
  SCOPED_TRACE("spec " + std::to_string(i) + ":\n" + printSpec(modelNumber(i)));
  check(modelNumber(i), i % 2 ? std::optional(CacheFormat::Q8) : std::nullopt, device.take());
}

INSTANTIATE_TEST_SUITE_P(Random, CompiledSpecs, testing::Range<size_t>(0, compiledCount()));
