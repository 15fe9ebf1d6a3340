//===- BundleTest.cpp - tables, library and folder of a bundle ---------------------------------------------------===//
#include "compiler/link/Bundle.h"
#include "compiler/kernels/Signature.h"
#include "compiler/object/Object.h"
#include "compiler/schedule/Schedule.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/link/MemoryWeights.h"
#include "test/compiler/link/ToyProgram.h"
#include "llvm/ADT/Sequence.h"
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

using namespace lathe;
using testing::HasSubstr;
namespace files = std::filesystem;

namespace {

std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

std::string read(const files::path &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The toy program with real kernels and random weights, and a folder to write to.
class Bundle : public testing::Test {
protected:
  static void SetUpTestSuite() {
    scheduled = new ProgramSet(toySet());
    const TargetDesc target = hostTarget();
    auto chosen = scheduleProgram(*scheduled, backendFor(target), target, RecordBook());
    ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
    auto code = compileAll({backendFor(target), *scheduled, *chosen, target}, {});
    ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
    units = new std::vector<CompiledUnit>(std::move(code->units));
    variants = new std::vector<LinkedVariant>{{scheduled, target, {}}};
    for (const CompiledUnit &one : *units)
      for (auto [place, function] : llvm::zip_equal(one.unit.kernels, one.unit.functions))
        variants->front().kernels.push_back({(*chosen)[place].symbol(), (*chosen)[place].tag, function});
    objects = new std::vector<ObjectBytes>;
    for (const CompiledUnit &one : *units)
      objects->push_back({one.unit.name, one.code});
  }

  void SetUp() override {
    weights.add("embedding", Format::F32, kToyVocabulary, kToyColumns);
    weights.add("head", Format::F32, kToyVocabulary, kToyColumns);
    for (const char *role : {"embedding", "head"}) // small numbers: sums of products stay finite
      for (MemoryWeight &weight = weights.edit(role); int64_t i : llvm::seq<int64_t>(0, weight.blocks.size() / 4)) {
        float value = static_cast<float>((i * 37 + role[0]) % 101 - 50) / 64;
        std::memcpy(&weight.blocks[i * 4], &value, 4);
      }
  }

  BundleInput input() { return {*variants, *objects, info, weights, tokenizer}; }

  llvm::Error write(const std::string &name) {
    auto staging = StagingFolder::create((root / name).string());
    if (!staging)
      return staging.takeError();
    if (llvm::Error failed = writeBundle(input(), **staging))
      return failed;
    return (*staging)->commit();
  }

  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto &entry : files::directory_iterator(root.path))
      names.push_back(entry.path().filename());
    return names;
  }

  static inline ProgramSet *scheduled;
  static inline std::vector<CompiledUnit> *units;
  static inline std::vector<LinkedVariant> *variants;
  static inline std::vector<ObjectBytes> *objects;
  ModelInfo info{"toy", "version: 1\nname: \"toy\"\n"};
  MemoryWeights weights;
  std::string tokenizer = "blob";
  test::TemporaryFolder root;
};

} // namespace

TEST_F(Bundle, HasTheTablesOfTheProgram) {
  ASSERT_EQ(message(write("toy")), "");
  EXPECT_THAT(entries(), testing::ElementsAre("toy"));
  void *library = dlopen((root / "toy/model.so").c_str(), RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto &model = *static_cast<const lathe_model *>(dlsym(library, LATHE_MODEL_SYMBOL));
  EXPECT_EQ(std::memcmp(model.magic, LATHE_MODEL_MAGIC, 8), 0);
  EXPECT_EQ(model.abi_version, LATHE_ABI_VERSION);
  EXPECT_EQ(model.struct_bytes, sizeof(lathe_model));
  EXPECT_STREQ(model.name, "toy");
  ASSERT_EQ(model.n_variants, 1u);
  const lathe_variant &variant = model.variants[0];
  EXPECT_STREQ(variant.target, hostTarget().name.c_str());
  EXPECT_EQ(variant.features, hostTarget().features);
  EXPECT_STREQ(model.spec, info.spec.c_str());
  EXPECT_EQ(model.vocabulary, kToyVocabulary);
  EXPECT_EQ(variant.cache.page_bytes, 1 * 2 * 64 * 8 * 2u);
  ASSERT_EQ(variant.n_programs, 2u);
  const lathe_program &prefill = variant.programs[1];
  EXPECT_STREQ(prefill.name, "prefill");
  EXPECT_EQ(prefill.max_rows, 4u);
  EXPECT_EQ(variant.programs[0].distinct_sequences, 1u);
  ASSERT_EQ(prefill.n_phases, 2u);
  const lathe_phase &embed = variant.phases[prefill.first_phase], &head = variant.phases[prefill.first_phase + 1];
  EXPECT_STREQ(head.name, "head");
  EXPECT_EQ(head.rows, static_cast<uint32_t>(LATHE_ROWS_LOGITS));
  EXPECT_EQ(head.work.weight_bytes, 7u);
  EXPECT_EQ(head.work.operations, 9u);
  ASSERT_NE(embed.result, 0u);
  EXPECT_EQ(variant.views[embed.result - 1].base, static_cast<uint32_t>(LATHE_BASE_ARENA));

  // Steps of a tile: those of a row and a column unit, times the tile's size.
  const Phase &planned = scheduled->programs[1].phases[1];
  EXPECT_EQ(head.rows_per_tile, planned.rowsPerTile);
  EXPECT_EQ(head.column_tiles, kToyPanels / planned.columnsPerTile);
  ASSERT_EQ(head.n_calls, 1u);
  const lathe_call &linear = variant.calls[head.first_call];
  EXPECT_EQ(std::string(variant.kernels[linear.kernel].symbol), symbol(planned.calls[0].kernel));
  EXPECT_STREQ(variant.kernels[linear.kernel].schedule, "fallback");
  EXPECT_NE(variant.kernels[linear.kernel].function, nullptr);
  const lathe_view &w = variant.views[linear.first_view + 1];
  EXPECT_EQ(w.step[0], 0);
  EXPECT_EQ(w.step[1], planned.columnsPerTile * panelBytes(PackedFormat::F32, kToyColumns));
  const lathe_view &y = variant.views[linear.first_view + 2];
  EXPECT_EQ(y.step[0], planned.rowsPerTile * kToyPanels * 64);
  EXPECT_EQ(y.step[1], planned.columnsPerTile * 64);
  std::vector<Argument> arguments = signature(planned.calls[0].kernel);
  ASSERT_EQ(w.dimensions, arguments[1].dims.size());
  for (uint32_t i = 0; i < w.dimensions; ++i) {
    EXPECT_EQ(variant.dims[w.first_dim + i].extent, arguments[1].dims[i].extent);
    EXPECT_EQ(variant.dims[w.first_dim + i].stride, arguments[1].dims[i].stride);
  }
  const lathe_call &gather = variant.calls[head.first_prologue];
  EXPECT_EQ(gather.scope, static_cast<uint32_t>(LATHE_SCOPE_WORKER));
  EXPECT_EQ(gather.rows_per_call, 1u);
  EXPECT_EQ(variant.views[gather.first_view].step[0], 4);

  ASSERT_EQ(model.n_weights, 3u);
  EXPECT_STREQ(model.weights[1].name, "head");
  EXPECT_EQ(w.offset, model.weights[1].offset);
  EXPECT_STREQ(model.weights[1].format, "f32");
  dlclose(library);
}

TEST_F(Bundle, RunsInTheRuntime) {
  ASSERT_EQ(message(write("toy")), "");
  auto model = Model::open((root / "toy").string());
  ASSERT_TRUE(model) << model.message();
  EXPECT_TRUE((*model)->verifyWeights());
  std::span<const uint8_t> blob = (*model)->tokenizerBlob();
  EXPECT_EQ(std::string(blob.begin(), blob.end()), "blob");
  auto context = Context::create(*model, {.threads = 2});
  ASSERT_TRUE(context) << context.message();
  Sequence sequence = (*context)->newSequence();
  std::vector<int32_t> ids = {3, 74, 0};
  StepPart part{&sequence, ids, LogitsWanted::All};
  auto stepped = (*context)->step({&part, 1});
  ASSERT_TRUE(stepped) << stepped.message();
  ASSERT_EQ((*context)->logitRows(), ids.size());
  std::vector<float> e(kToyColumns), w(kToyColumns);
  for (size_t r = 0; r < ids.size(); ++r)
    for (int64_t v = 0; v < kToyVocabulary; ++v) {
      llvm::cantFail(weights.edit("embedding").readRow(ids[r], e.data()));
      llvm::cantFail(weights.edit("head").readRow(v, w.data()));
      double sum = 0;
      for (int64_t k = 0; k < kToyColumns; ++k)
        sum += double(e[k]) * w[k];
      ASSERT_NEAR((*context)->logits(r)[v], sum, 1e-5) << "row " << r << ", token " << v;
    }
}

TEST_F(Bundle, IsTheSameTwice) {
  ASSERT_EQ(message(write("one")), "");
  ASSERT_EQ(message(write("two")), "");
  for (const char *file : {"model.so", "weights.bin"})
    EXPECT_TRUE(read(root / "one" / file) == read(root / "two" / file)) << file;
}

TEST_F(Bundle, BuildIdFollowsTheContent) {
  auto idOf = [&](const char *name) {
    EXPECT_EQ(message(write(name)), "");
    lathe_weights_header header;
    std::string bytes = read(root / name / "weights.bin");
    std::memcpy(&header, bytes.data(), sizeof header);
    return header.build_id;
  };
  uint64_t first = idOf("a");
  weights.edit("head").blocks[5] ^= 1;
  uint64_t otherWeights = idOf("b");
  info.spec += "# another\n";
  uint64_t otherSpec = idOf("c");
  EXPECT_NE(first, otherWeights);
  EXPECT_NE(otherWeights, otherSpec);
}

TEST_F(Bundle, ReplacesAnOlderOne) {
  ASSERT_EQ(message(write("toy")), "");
  std::string before = read(root / "toy/weights.bin");
  weights.edit("head").blocks[5] ^= 1;
  ASSERT_EQ(message(write("toy")), "");
  EXPECT_NE(read(root / "toy/weights.bin"), before);
  EXPECT_THAT(entries(), testing::ElementsAre("toy"));
}

TEST_F(Bundle, LeavesOtherFoldersAlone) {
  files::create_directory(root / "mine");
  std::ofstream(root / "mine/thesis.tex") << "precious";
  EXPECT_THAT(message(write("mine")), HasSubstr("mine: is a folder with other things than a bundle"));
  std::ofstream(root / "file") << "precious";
  EXPECT_THAT(message(write("file")), HasSubstr("file: exists and is not a bundle's folder"));
  EXPECT_THAT(message(write("no/such/parent")), HasSubstr("there is no folder"));
  EXPECT_EQ(read(root / "mine/thesis.tex"), "precious");
  EXPECT_EQ(read(root / "file"), "precious");
  files::create_directory(root / "empty");
  EXPECT_EQ(message(write("empty/")), "");
}

TEST_F(Bundle, LeavesNothingWhenItFails) {
  ASSERT_EQ(message(write("toy")), "");
  std::string before = read(root / "toy/model.so");
  weights.add("head", Format::Q8_0, kToyVocabulary, 32);
  EXPECT_THAT(message(write("toy")), HasSubstr("head"));
  EXPECT_THAT(message(write("new")), HasSubstr("head"));
  EXPECT_THAT(entries(), testing::ElementsAre("toy"));
  EXPECT_EQ(read(root / "toy/model.so"), before);
}

TEST_F(Bundle, LeavesNothingWhenInterrupted) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto staging = StagingFolder::create((root / "new").string());
      if (!staging || writeBundle(input(), **staging))
        _exit(1);
      raise(signal);
      _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 128 + signal) << status;
    EXPECT_THAT(entries(), testing::IsEmpty());
  }
}

TEST_F(Bundle, GoesWhereALinkLeads) {
  ASSERT_EQ(message(write("toy")), "");
  std::string before = read(root / "toy/weights.bin");
  for (const char *link : {"link", "dangling"})
    files::create_symlink(link == std::string("link") ? "toy" : "later", root / link);
  weights.edit("head").blocks[0] ^= 1;
  ASSERT_EQ(message(write("link")), "");
  ASSERT_EQ(message(write("dangling")), "");
  EXPECT_THAT(entries(), testing::UnorderedElementsAre("dangling", "later", "link", "toy"));
  EXPECT_TRUE(files::is_symlink(root / "link") && files::is_symlink(root / "dangling"));
  EXPECT_NE(read(root / "toy/weights.bin"), before);
  EXPECT_EQ(read(root / "later/weights.bin"), read(root / "toy/weights.bin"));
}

TEST_F(Bundle, NamesAKernelThatNeedsMore) {
  std::vector<ObjectBytes> broken = *objects;
  broken[0].bytes = objects->back().bytes; // so the first one's function is nowhere
  BundleInput wrong{*variants, broken, info, weights, tokenizer};
  auto staging = StagingFolder::create((root / "toy").string());
  ASSERT_TRUE(bool(staging));
  EXPECT_THAT(message(writeBundle(wrong, **staging)),
              HasSubstr("needs the symbol " + variants->front().kernels.front().function));
}

TEST_F(Bundle, SaysWhichKernelWasNotCompiled) {
  std::vector<LinkedVariant> fewer = *variants;
  fewer.front().kernels.pop_back();
  BundleInput wrong{fewer, *objects, info, weights, tokenizer};
  auto staging = StagingFolder::create((root / "toy").string());
  ASSERT_TRUE(bool(staging));
  EXPECT_THAT(message(writeBundle(wrong, **staging)), HasSubstr("was not compiled"));
}

TEST_F(Bundle, PrintsItsTables) {
  std::string text;
  llvm::raw_string_ostream out(text);
  ASSERT_EQ(message(printBundle(*variants, info, 4, out)), "");
  EXPECT_THAT(text, HasSubstr("program prefill: 4 rows, 4 logit rows"));
  EXPECT_THAT(text, HasSubstr("phase \"head\""));
  EXPECT_THAT(text, HasSubstr("(fallback)"));
}
