//===- PipelineTest.cpp - from a checkpoint to a bundle that runs ------------------------------------------------===//
#include "compiler/pipeline/Pipeline.h"
#include "runtime/lathe.h"
#include "test/TemporaryFolder.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

using namespace lathe;
using testing::HasSubstr;
namespace files = std::filesystem;

namespace {

const char kModel[] = "test/data/golden/llama-gqa";

std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

std::string read(const files::path &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Pipeline : public testing::Test {
protected:
  static PipelineOptions options() {
    PipelineOptions options;
    options.cacheDirectory = (root / "cache").string();
    return options;
  }

  /// What --emit=`what` prints, or the error.
  static std::string printed(const std::string &what, PipelineOptions with = options()) {
    Compilation c(kModel, std::move(with));
    std::string text;
    llvm::raw_string_ostream out(text);
    llvm::Error failed = emit(c, what, out);
    return failed ? llvm::toString(std::move(failed)) : text;
  }

  static std::string compiled(const std::string &name, const std::function<llvm::Error(Compilation &)> &verify = {},
                              const std::string &cache = "cache") {
    PipelineOptions with = options();
    with.cacheDirectory = (root / cache).string();
    Compilation c(kModel, std::move(with));
    return message(compile(c, (root / name).string(), verify));
  }

  static inline test::TemporaryFolder root;
};

} // namespace

TEST_F(Pipeline, EveryStagePrints) {
  EXPECT_THAT(printed("spec"), HasSubstr("n_layers:"));
  EXPECT_THAT(printed("import"), HasSubstr("lathe.attention"));
  EXPECT_THAT(printed("fusion"), HasSubstr("lathe.phase"));
  EXPECT_THAT(printed("kernels"), HasSubstr("program decode"));
  EXPECT_THAT(printed("schedule"), HasSubstr("fallback"));
  EXPECT_THAT(printed("object"), HasSubstr("bytes  linear_"));
  EXPECT_THAT(printed("link"), HasSubstr("phase \"embed\""));
}

TEST_F(Pipeline, PrintsTheSameTwice) {
  for (const char *stage : {"spec", "import", "fusion", "kernels", "schedule", "link"})
    EXPECT_EQ(printed(stage), printed(stage)) << stage;
}

TEST_F(Pipeline, UnknownStagesAndFormsAreErrors) {
  EXPECT_EQ(printed("optimise"),
            "--emit=optimise: there is no such stage; there are spec, import, fusion, kernels, schedule, object, link");
  EXPECT_EQ(printed("object,exe"), "--emit=object,exe: the stage object has the forms list, asm, ll, stmt, ptx, sass");
  EXPECT_THAT(message(parseTargets("host,z80").takeError()),
              HasSubstr("--target z80 is not known; there are host, x86-64-v2"));
}

TEST_F(Pipeline, TargetsAreTheBestFirstAndOnce) {
  auto targets = parseTargets("x86-64-v2,x86-64-v4-vnni,x86-64-v2,x86-64-v3");
  ASSERT_TRUE(bool(targets));
  std::vector<std::string> names;
  for (const TargetDesc &target : *targets)
    names.push_back(target.name);
  EXPECT_THAT(names, testing::ElementsAre("x86-64-v4-vnni", "x86-64-v3", "x86-64-v2"));
}

TEST_F(Pipeline, CompilesToABundleThatRuns) {
  ASSERT_EQ(compiled("gqa"), "");
  auto model = Model::open((root / "gqa").string());
  ASSERT_TRUE(model) << model.message();
  EXPECT_TRUE((*model)->verifyWeights());
  auto context = Context::create(*model, {.threads = 2});
  ASSERT_TRUE(context) << context.message();
  // All at once and one after another: the same bits.
  std::vector<int32_t> ids = {1, 5, 9, 2, 7};
  Session whole(**context), steps(**context);
  auto first = whole.feed(ids);
  ASSERT_TRUE(first) << first.message();
  std::vector<float> logits(first->begin(), first->end());
  for (int32_t id : ids) {
    auto next = steps.feed({&id, 1});
    ASSERT_TRUE(next) << next.message();
    if (id == ids.back())
      EXPECT_EQ(std::vector<float>(next->begin(), next->end()), logits);
  }
}

TEST_F(Pipeline, CompilesToTheSameBytes) {
  ASSERT_EQ(compiled("one"), "");
  ASSERT_EQ(compiled("two", {}, "cache of two"), ""); // its kernels are made anew
  for (const char *file : {"model.so", "weights.bin"})
    EXPECT_TRUE(read(root / "one" / file) == read(root / "two" / file)) << file;
}

TEST_F(Pipeline, AFailedVerificationLeavesNothing) {
  std::string seen;
  EXPECT_EQ(compiled("bad",
                     [&](Compilation &c) {
                       seen = c.staging->path();
                       EXPECT_TRUE(files::exists(seen + "/model.so"));
                       return llvm::createStringError("the logits are wrong");
                     }),
            "the logits are wrong");
  EXPECT_FALSE(files::exists(seen));
  EXPECT_FALSE(files::exists(root / "bad"));
}

TEST_F(Pipeline, ASpecNeedsWeightsToBecomeABundle) {
  std::string spec = (root / "model.textproto").string();
  std::ofstream(spec) << printed("spec");
  Compilation c(spec, options());
  EXPECT_THAT(message(compile(c, (root / "none").string())), HasSubstr("--random-weights"));
  EXPECT_FALSE(files::exists(root / "none"));
  PipelineOptions random = options();
  random.input.randomWeights = true;
  Compilation again(spec, random);
  EXPECT_EQ(message(compile(again, (root / "random").string())), "");
  EXPECT_TRUE(Model::open((root / "random").string()));
}

TEST_F(Pipeline, MakesAProgramThatStandsAlone) {
  PipelineOptions alone = options();
  alone.standalone = LATHE_STANDALONE;
  std::string program = (root / "gqa-program").string();
  for (int again = 0; again < 2; ++again) {
    Compilation c(kModel, alone);
    ASSERT_EQ(message(compile(c, program)), "");
  }
  std::string answer = (root / "answer").string();
  auto run = [&](const std::string &arguments) {
    int status = std::system(("cd / && " + program + " " + arguments + " > " + answer + " 2>&1").c_str());
    return WEXITSTATUS(status);
  };
  ASSERT_EQ(run("--ids '1 5 9 2 7' -n 4 --threads 1"), 0) << read(answer);
  std::istringstream words(read(answer));
  std::vector<int32_t> ids(4);
  for (int32_t &id : ids)
    words >> id;
  ASSERT_TRUE(words) << read(answer);

  ASSERT_EQ(compiled("gqa-folder"), "");
  auto model = Model::open((root / "gqa-folder").string());
  ASSERT_TRUE(model) << model.message();
  auto context = Context::create(*model, {.threads = 1});
  ASSERT_TRUE(context) << context.message();
  std::vector<int32_t> prompt = {1, 5, 9, 2, 7};
  auto report = Session(**context).generate(prompt, {.maxTokens = 4});
  ASSERT_TRUE(report) << report.message();
  EXPECT_EQ(ids, report->ids);

  EXPECT_EQ(run("--nonsense"), 2);
  EXPECT_EQ(run("--prompt hello"), 1) << "this model has no tokenizer";
  files::resize_file(program, files::file_size(program) - 1);
  EXPECT_EQ(run("--ids 1"), 1);
  EXPECT_THAT(read(answer), HasSubstr("carries no model"));
  Compilation c(kModel, alone);
  EXPECT_THAT(message(compile(c, program)), HasSubstr("exists and is not a compiled model"));
}
