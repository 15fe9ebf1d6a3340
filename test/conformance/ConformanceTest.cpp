//===- ConformanceTest.cpp - what every backend and every device must do ------------------------------------------===//
//
// Whole tiny models through a backend onto its device. What they compute is compared with compiler/reference, phase by
// phase; together the models have every family of kernels, or the last test fails.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/pipeline/Pipeline.h"
#include "compiler/verify/Reference.h"
#include "compiler/verify/Verify.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include "test/conformance/Second.h"
#include "llvm/ADT/STLExtras.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <thread>

using namespace lathe;
using testing::HasSubstr;

namespace {

/// A backend, a target of it, and the device that runs it.
struct Platform {
  const char *name;
  const Backend *backend;
  TargetDesc target;
  std::shared_ptr<const Device> device;
};

void PrintTo(const Platform &platform, std::ostream *out) { *out << platform.target.name << " on " << platform.name; }

std::vector<Platform> platforms() {
  std::vector<Platform> all = {{"second", &test::secondBackend(), test::secondTarget(), test::secondDevice()}};
  for (const TargetDesc &target : targets())
    if (target.device == DeviceKind::Cpu && !(target.features & ~hostFeatures()))
      all.push_back({"cpu", &backendFor(target), target, findDevice("cpu").take()});
  if (auto cuda = findDevice("cuda")) {
    const TargetDesc target = *findTarget((*cuda)->target());
    all.push_back({"cuda", &backendFor(target), target, cuda.take()});
  } else {
    printf("not on a GPU: %s\n", cuda.message().c_str());
  }
  return all;
}

/// Grouped heads, windows and caps, positions of every kind, experts, both mixers of recurrent layers.
constexpr const char *kModels[] = {"llama-gqa", "gpt2",  "gemma3", "gpt-oss",       "qwen2-moe", "mamba-odd",
                                   "jamba",     "bamba", "phi-qk", "llama-dynamic", "hunyuan"};

/// The first `some` where each step is interpreted, which is a hundred times slower; says how many are left out.
template <typename T> std::vector<T> firstOnGpu(const Platform &platform, std::vector<T> all, size_t some) {
  if (platform.name != std::string_view("cuda"))
    return all;
  printf("on %s %zu of %zu models\n", platform.device->name().c_str(), some, all.size());
  all.resize(some);
  return all;
}

std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

using Logits = std::vector<float>;

class Conformance : public testing::TestWithParam<Platform> {
protected:
  const Platform &platform() const { return GetParam(); }

  /// The model as the platform compiles it; once a process.
  std::shared_ptr<const Model> modelOf(const std::string &name, std::string *verdict = nullptr,
                                       const std::string &quantize = "", const std::string &activations = "",
                                       const std::string &cache = "") {
    static std::map<std::string, std::shared_ptr<const Model>> known;
    const std::string called = name + quantize + activations + cache;
    std::shared_ptr<const Model> &model = known[platform().target.name + called];
    if (model && !verdict)
      return model;
    PipelineOptions options;
    options.backend = platform().backend;
    options.targets = {platform().target};
    options.input.quantize = quantize;
    options.activations = findActFormat(activations);
    options.cache = findCacheFormat(cache);
    Compilation c("test/data/golden/" + name, options);
    std::string problem = message(compile(c, folder.file(called), [&](Compilation &c) -> llvm::Error {
      auto opened = Model::open(c.staging->path(), {.device = platform().device});
      if (!opened)
        return llvm::createStringError(opened.message());
      model = opened.take();
      for (const Phase &phase : llvm::concat<const Phase>(c.variants.front().set.programs.front().phases,
                                                          c.variants.front().set.programs.back().phases))
        for (const Call &call : llvm::concat<const Call>(phase.prologue, phase.calls))
          families.insert(kernelFamily(call.kernel).name);
      if (!verdict || !quantize.empty()) // what is quantised exists in the bundle only
        return llvm::Error::success();
      auto verified = verify(model, *c.variants.front().module, lookupIn(*c.input.weights),
                             {.threads = 2, .budget = 3e7, .progress = {}});
      if (!verified)
        return verified.takeError();
      return verified->judge(name);
    }));
    if (verdict)
      *verdict = problem;
    else
      EXPECT_EQ(problem, "");
    return model;
  }

  std::unique_ptr<Context> contextOf(const std::shared_ptr<const Model> &model) {
    return Context::create(model, {.threads = 2, .cachePages = 8 * model->variant().cache.max_pages}).take();
  }

  static std::vector<int32_t> someIds(const Model &model, size_t count, uint64_t seed) {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < count; ++i)
      ids.push_back(int32_t((seed * 31 + i * 7 + i * i) % model.tables().vocabulary));
    return ids;
  }

  static Logits feedAll(Session &session, std::span<const int32_t> ids, size_t step) {
    Logits all;
    auto keep = [&](size_t, std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); };
    EXPECT_TRUE(bool(session.feedAll(ids, keep, {}, step)));
    return all;
  }

  static inline std::set<std::string> families;
  test::TemporaryFolder folder;
};

INSTANTIATE_TEST_SUITE_P(Platforms, Conformance, testing::ValuesIn(platforms()), [](const auto &info) {
  std::string name = info.param.target.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

} // namespace

TEST_P(Conformance, ComputesWhatTheReferenceDoes) {
  for (const char *name : kModels) {
    std::string verdict;
    modelOf(name, &verdict);
    EXPECT_EQ(verdict, "") << name;
  }
  for (const KernelFamily &family : kernelFamilies())
    EXPECT_TRUE(families.contains(family.name)) << "no model here has a kernel of the family " << family.name;
}

TEST_P(Conformance, ComputesWhatTheReferenceDoesWithACacheOfBytes) {
  std::vector<const char *> models(std::begin(kModels), std::end(kModels));
  for (const char *name : firstOnGpu(platform(), models, 4)) {
    std::string verdict;
    const auto model = modelOf(name, &verdict, "", "", "q8");
    EXPECT_EQ(verdict, "") << name;
    EXPECT_TRUE(!model->variant().cache.layers || model->variant().cache.type.code == LATHE_INT) << name;
  }
}

TEST_P(Conformance, SameBitsInAnyChunksAndBatches) {
  using Kind = std::tuple<const char *, const char *, const char *, const char *>;
  const std::vector<Kind> kinds = {{"llama-gqa", "", "", ""},        {"llama-gqa", "q8_0", "", "q8"},
                                   {"llama-gqa", "q4_0", "q8", ""},  {"jamba", "", "", ""},
                                   {"gpt-oss", "", "", ""},          {"gemma3", "", "", "q8"},
                                   {"llama-gqa", "q8_0", "", ""},    {"llama-gqa", "q8_0", "q8", ""},
                                   {"llama-gqa", "q5_1", "f32", ""}, {"gpt-oss", "", "", "q8"},
                                   {"gemma3", "", "", ""}};
  for (auto [name, quantize, activations, cache] : firstOnGpu(platform(), kinds, 6)) {
    const auto model = modelOf(name, nullptr, quantize, activations, cache);
    const auto context = contextOf(model);
    const size_t count = std::min<size_t>(model->tables().max_context, 37);
    std::vector<Logits> alone;
    std::vector<std::vector<int32_t>> ids;
    for (uint64_t i = 0; i < 3; ++i) {
      ids.push_back(someIds(*model, count, i));
      Session whole(*context), sevens(*context), ones(*context);
      alone.push_back(feedAll(whole, ids[i], count));
      EXPECT_TRUE(alone[i] == feedAll(sevens, ids[i], 7)) << name << ": in sevens";
      EXPECT_TRUE(alone[i] == feedAll(ones, ids[i], 1)) << name << ": one by one";
    }
    // Three sequences in each step, prefill and decode mixed.
    std::vector<Sequence> sequences;
    std::vector<Logits> together(3);
    std::vector<size_t> fed(3);
    for (size_t i = 0; i < 3; ++i)
      sequences.push_back(context->newSequence());
    const size_t sizes[] = {1, 3, 5};
    while (*std::ranges::min_element(fed) < count) {
      std::vector<StepPart> parts;
      std::vector<std::pair<size_t, size_t>> of; // sequence, tokens
      for (size_t i = 0; i < 3; ++i)
        if (const size_t some = std::min(sizes[i], count - fed[i])) {
          parts.push_back({&sequences[i], std::span(ids[i]).subspan(fed[i], some), LogitsWanted::All, uint32_t(count)});
          of.push_back({i, some});
        }
      ASSERT_TRUE(bool(context->step(parts)));
      size_t row = 0;
      for (auto [i, some] : of) {
        for (size_t j = 0; j < some; ++j, ++row)
          together[i].insert(together[i].end(), context->logits(row).begin(), context->logits(row).end());
        fed[i] += some;
      }
    }
    for (size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(alone[i] == together[i]) << name << ": in a batch";
  }
}

// Whole steps of each decode program, one row less, and one more.
TEST_P(Conformance, ManySequencesInAStepHaveTheBitsOfEachAlone) {
  constexpr size_t kMost = 64, kTokens = 5;
  PipelineOptions options;
  options.backend = platform().backend;
  options.targets = {platform().target};
  options.sequences = kMost;
  for (auto [name, quantize] : {std::pair("llama-gqa", ""), {"llama-gqa", "q4_0"}, {"qwen2-moe", ""}}) {
    options.input.quantize = quantize;
    Compilation c(std::string("test/data/golden/") + name, options);
    const std::string bundle = folder.file(name + std::string(quantize) + "-many");
    ASSERT_EQ(message(compile(c, bundle)), "");
    const auto model = Model::open(bundle, {.device = platform().device}).take();
    ASSERT_EQ(model->tables().max_slots, kMost);
    const auto context = Context::create(model, {.threads = 2, .cachePages = kMost + 1}).take();
    std::vector<std::vector<int32_t>> ids;
    std::vector<Logits> alone;
    for (size_t i = 0; i < kMost; ++i) {
      Session session(*context);
      ids.push_back(someIds(*model, kTokens, i));
      alone.push_back(feedAll(session, ids[i], kTokens));
    }
    const std::span programs(model->variant().programs, model->variant().n_programs);
    for (size_t count : {size_t(1), size_t(2), size_t(3), size_t(7), size_t(8), size_t(9), kMost - 1, kMost}) {
      std::vector<Sequence> sequences;
      std::vector<Logits> together(count);
      for (size_t i = 0; i < count; ++i)
        sequences.push_back(context->newSequence());
      for (size_t at = 0; at < kTokens; ++at) {
        std::vector<StepPart> parts;
        for (size_t i = 0; i < count; ++i)
          parts.push_back({&sequences[i], std::span(ids[i]).subspan(at, 1)});
        ASSERT_TRUE(bool(context->step(parts)));
        for (size_t i = 0; i < count; ++i)
          together[i].insert(together[i].end(), context->logits(i).begin(), context->logits(i).end());
      }
      EXPECT_EQ(context->latestProgram(),
                &*std::ranges::find_if(programs, [&](const lathe_program &one) { return one.max_rows >= count; }));
      EXPECT_EQ(context->latestProgram()->distinct_sequences, 1u);
      for (size_t i = 0; i < count; ++i)
        EXPECT_TRUE(together[i] == alone[i]) << name << " " << quantize << ", sequence " << i << " of " << count;
    }
  }
}

TEST_P(Conformance, ForksShareWhatTheyHaveAndGoTheirOwnWays) {
  for (auto [name, cache] : {std::pair("llama-gqa", ""), {"llama-gqa", "q8"}, {"jamba", ""}}) {
    const auto model = modelOf(name, nullptr, "", "", cache);
    const auto context = contextOf(model);
    const std::vector<int32_t> ids = someIds(*model, 20, 5), other = someIds(*model, 9, 8);
    Session session(*context);
    feedAll(session, ids, 20);
    Session fork = session.fork();
    const Logits first = feedAll(session, other, 4), second = feedAll(fork, ids, 4);
    std::vector<int32_t> whole = ids;
    whole.insert(whole.end(), other.begin(), other.end());
    Session fresh(*context);
    const Logits expected = feedAll(fresh, whole, whole.size());
    EXPECT_TRUE(std::equal(first.rbegin(), first.rend(), expected.rbegin())) << name;
    whole.resize(ids.size());
    whole.insert(whole.end(), ids.begin(), ids.end());
    Session again(*context);
    const Logits expectedFork = feedAll(again, whole, whole.size());
    EXPECT_TRUE(std::equal(second.rbegin(), second.rend(), expectedFork.rbegin())) << name;
  }
}

TEST_P(Conformance, PagesThatComeBackAreClear) {
  const auto model = modelOf("llama-gqa");
  auto context = Context::create(model, {.threads = 1, .cachePages = 1}).take();
  const std::vector<int32_t> ids = someIds(*model, 11, 3);
  Logits first;
  for (int round = 0; round < 3; ++round) {
    Session session(*context);
    const Logits logits = feedAll(session, ids, 4);
    if (round == 0)
      first = logits;
    EXPECT_TRUE(first == logits) << round;
    EXPECT_EQ(context->cache()->freePages(), 0u);
  }
  EXPECT_EQ(context->cache()->freePages(), 1u);
}

TEST_P(Conformance, GreedyTokensAreThoseOfTheCpu) {
  for (const char *name : {"llama-gqa", "gpt2", "qwen2-moe"}) {
    const auto model = modelOf(name);
    PipelineOptions options;
    Compilation c(std::string("test/data/golden/") + name, options);
    ASSERT_EQ(message(compile(c, folder.file("cpu"))), "");
    auto cpu = Model::open(folder.file("cpu")).take();
    std::vector<std::vector<int32_t>> generated;
    for (const auto &each : {model, cpu}) {
      const auto context = contextOf(each);
      Session session(*context);
      auto report = session.generate(someIds(*each, 5, 1), {.maxTokens = 24});
      ASSERT_TRUE(bool(report)) << report.message();
      generated.push_back(report->ids);
    }
    EXPECT_EQ(generated[0], generated[1]) << name;
  }
}

// A device may look for the largest logits itself: the tokens are those that the sampler gives of all.
TEST_P(Conformance, SampledTokensAreThoseOfAllLogits) {
  for (const char *name : {"llama-gqa", "jamba"}) {
    const auto model = modelOf(name);
    const auto context = contextOf(model);
    if (std::string_view(platform().name) == "cuda") {
      EXPECT_EQ(context->largestFor(Sampler::create({}).take()).count, 1u);
    }
    const std::vector<int32_t> prompt = someIds(*model, 5, 1);
    for (const SamplerOptions &sampling : {SamplerOptions{},
                                           {.repetitionPenalty = 1.3f, .repetitionWindow = 8},
                                           {.repetitionPenalty = 0.8f},
                                           {.temperature = 1},
                                           {.temperature = 0.8f, .topK = 20, .topP = 0.9f, .seed = 5},
                                           {.temperature = 1.5f, .topP = 0.7f, .seed = 6},
                                           {.temperature = 1, .minP = 0.2f, .seed = 7},
                                           {.temperature = 2, .topK = 8, .minP = 0.05f, .repetitionPenalty = 1.2f}}) {
      constexpr size_t kTokens = 24;
      Session session(*context), byHand(*context);
      auto report = session.generate(prompt, {.sampling = sampling, .maxTokens = kTokens});
      ASSERT_TRUE(bool(report)) << report.message();
      Sampler sampler = Sampler::create(sampling).take();
      std::vector<int32_t> ids;
      auto logits = byHand.feed(prompt);
      while (logits && ids.size() < kTokens) {
        ids.push_back(*sampler.sample(*logits, byHand.ids()));
        logits = byHand.feed({&ids.back(), 1});
      }
      ASSERT_TRUE(bool(logits)) << logits.message();
      EXPECT_EQ(report->ids, ids) << name << ", temperature " << sampling.temperature << ", top-k " << sampling.topK;
    }
  }
}

TEST_P(Conformance, ObserversSeeEachPhaseWithItsResult) {
  const auto model = modelOf("llama-gqa");
  const auto context = contextOf(model);
  Session session(*context);
  const std::vector<int32_t> ids = someIds(*model, 3, 2);
  size_t phases = 0, results = 0;
  ASSERT_TRUE(bool(session.feed(ids, [&](const PhaseEvent &event) {
    EXPECT_EQ(event.phase, phases++);
    EXPECT_EQ(event.table->name != nullptr, true);
    if (!event.fetch)
      return;
    ++results;
    const float *rows = event.fetch();
    for (size_t r = 0; r < event.rows; ++r)
      for (size_t i = 0; i < event.columns; ++i)
        EXPECT_TRUE(std::isfinite(rows[r * event.rowStride + i])) << event.table->name;
  })));
  EXPECT_EQ(phases, context->latestProgram()->n_phases);
  EXPECT_GT(results, phases / 2);
}

TEST_P(Conformance, RefusesRowsThatDoNotFitAndGoesOn) {
  const auto model = modelOf("llama-gqa");
  const auto context = contextOf(model);
  Sequence sequence = context->newSequence();
  const int32_t good = 1, bad = int32_t(model->tables().vocabulary);
  EXPECT_THAT(context->step({{StepPart{&sequence, {&bad, 1}}}}).message(), HasSubstr("not in the vocabulary"));
  EXPECT_EQ(sequence.length(), 0u);
  EXPECT_TRUE(bool(context->step({{StepPart{&sequence, {&good, 1}}}})));
  EXPECT_EQ(sequence.length(), 1u);
}

TEST_P(Conformance, ContextsOfOneModelRunAtOnce) {
  const auto model = modelOf("llama-gqa");
  const std::vector<int32_t> ids = someIds(*model, 12, 4);
  std::vector<Logits> results(3);
  std::vector<std::thread> threads;
  for (Logits &result : results)
    threads.emplace_back([&] {
      const auto context = contextOf(model);
      for (int round = 0; round < 4; ++round) {
        Session session(*context);
        result = feedAll(session, ids, 5);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_TRUE(results[0] == results[1] && results[1] == results[2]);
}

// As compile's own check does: a kernel that adds where it should multiply is named.
TEST(Gpu, AWrongKernelIsFound) {
  auto device = findDevice("cuda");
  if (!device)
    GTEST_SKIP() << device.message();
  PipelineOptions options;
  options.targets = {*findTarget((*device)->target())};
  Backend wrong = backendFor(options.targets.front());
  wrong.units = [](const ProgramSet &set, const std::vector<Scheduled> &schedule, const TargetDesc &target) {
    std::vector<CodeUnit> units = backendFor(target).units(set, schedule, target);
    std::erase_if(units, [](const CodeUnit &unit) { return unit.kind != LATHE_UNIT_PTX; });
    return units;
  };
  wrong.compile = [](const CodeUnit &unit, const ProgramSet &set, const std::vector<Scheduled> &schedule,
                     const TargetDesc &target) {
    Emitted ptx = backendFor(target).compile(unit, set, schedule, target);
    const size_t begin = ptx.bytes.find(".entry norm_rms_"), at = ptx.bytes.find("mul.rn.f32", begin);
    if (begin != std::string::npos && at != std::string::npos)
      ptx.bytes.replace(at, 3, "add");
    return ptx;
  };
  test::TemporaryFolder folder;
  for (const Backend *backend : {&backendFor(options.targets.front()), const_cast<const Backend *>(&wrong)}) {
    options.backend = backend;
    Compilation c("test/data/golden/llama-gqa", options);
    const std::string verdict = message(compile(c, folder.file("bundle"), [&](Compilation &c) -> llvm::Error {
      auto model = Model::open(c.staging->path(), {.device = *device});
      if (!model)
        return llvm::createStringError(model.message());
      auto verified = verify(*model, *c.variants.front().module, lookupIn(*c.input.weights), {});
      return verified ? verified->judge("bundle") : verified.takeError();
    }));
    if (backend == &wrong)
      EXPECT_THAT(verdict, HasSubstr("norm"));
    else
      EXPECT_EQ(verdict, "");
  }
}

TEST(Platforms, RunTheirOwnVariantsOnly) {
  PipelineOptions options;
  options.backend = &test::secondBackend();
  options.targets = {test::secondTarget()};
  Compilation c("test/data/golden/llama-gqa", options);
  test::TemporaryFolder folder;
  ASSERT_EQ(message(compile(c, folder.file("second"))), "");
  // Without a driver, or on a card that is no "second".
  EXPECT_THAT(Model::open(folder.file("second")).message(), HasSubstr("was compiled for second, and"));
  EXPECT_TRUE(bool(Model::open(folder.file("second"), {.device = test::secondDevice()})));
}
