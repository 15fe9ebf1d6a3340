//===- NeedsTest.cpp - registers, shared memory and stack of kernels, as data --------------------------------------===//
//
// What ptxas makes of a list of phases, for each CUDA target: nothing spills, nothing has a stack, and the rest is as
// test/data/needs has it, so that a change is a diff to be read. The tables are those of --emit=object,list. After a change
// that is meant:
//
//   LATHE_UPDATE_NEEDS=1 build/test/PtxTest --gtest_filter='*Needs*' && git diff test/data/needs
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/backend/nvvm/Ptx.h"
#include "compiler/pipeline/Pipeline.h"
#include "test/kernels/Case.h"
#include "test/kernels/Launched.h"
#include <algorithm>
#include <cstdlib>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Wanted {
  TargetDesc target;
  std::string model; ///< of models/; empty: single kernels
};

void PrintTo(const Wanted &wanted, std::ostream *out) { *out << wanted.model << " for " << wanted.target.name; }

/// Dense, mixture, recurrent: what fusion makes of them. Without weights their matrices are of f32.
constexpr const char *kModels[] = {"", "llama3.2-1b", "mixtral-8x7b", "mamba-130m"};

std::vector<Wanted> everything() {
  std::vector<Wanted> all;
  for (const TargetDesc &target : targets())
    if (target.device == DeviceKind::Cuda)
      for (const char *model : kModels)
        all.push_back({target, model});
  return all;
}

std::string nameOf(const testing::TestParamInfo<Wanted> &info) {
  std::string name = info.param.target.name + "_" + (info.param.model.empty() ? "kernels" : info.param.model);
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

/// Kernels of real models' sizes of every family; linears of every format, of one row and of many, and of some the other
/// choices of activations. (All of them would be minutes of ptxas, whose work PtxTest does once.)
std::vector<KernelDesc> singleKernels() {
  std::vector<KernelDesc> kernels;
  std::set<std::string> done;
  auto add = [&](const KernelDesc &kernel) {
    if (isLaunched(kernel) && done.insert(symbol(kernel)).second)
      kernels.push_back(kernel);
  };
  for (const std::vector<KernelCase> &cases : allCases())
    for (const KernelCase &one : cases)
      if (one.benchmark && !std::holds_alternative<LinearKernel>(one.kernel))
        add(one.kernel);
  auto addLinear = [&](PackedFormat format, ActFormat input) {
    for (int64_t rows : {1, 64}) {
      LinearKernel k{};
      k.format = format;
      k.input = input;
      k.columns = 2048;
      k.rows = rows;
      k.panels = rows == 1 ? 1 : 8;
      k.outputStride = k.panels * kPanelRows;
      add(k);
    }
  };
  for (PackedFormat format : packedFormats())
    addLinear(format, isInteger(format) ? ActFormat::Q16 : ActFormat::F32);
  for (PackedFormat format : {PackedFormat::Q4_0, PackedFormat::Q8_0})
    for (ActFormat input : {ActFormat::F32, ActFormat::Q8})
      addLinear(format, input);
  return kernels;
}

/// Programs and their schedule.
struct Code {
  ProgramSet set;
  std::vector<Scheduled> schedule;
};

llvm::Expected<Code> codeOf(const Wanted &wanted) {
  Code code;
  if (wanted.model.empty()) {
    for (const KernelDesc &kernel : singleKernels()) {
      code.set.programs.push_back(programOf(kernel));
      code.set.programs.back().name = kernelFamily(kernel).name;
      code.schedule.push_back({kernel, fallbackValues(kernel, wanted.target), "fallback"});
    }
    return code;
  }
  PipelineOptions options;
  options.targets = {wanted.target};
  Compilation c("models/" + wanted.model + ".textproto", options);
  for (const Stage &stage : stages()) {
    if (stage.name == "object")
      break;
    if (llvm::Error failed = stage.run(c))
      return failed;
  }
  return Code{std::move(c.variants.front().set), std::move(c.variants.front().schedule)};
}

/// "13.0": numbers are those of one version.
std::string version() {
  const std::string command = "'" + findPtxas() + "' --version";
  std::string said;
  if (FILE *pipe = popen(command.c_str(), "r")) {
    for (int c; (c = fgetc(pipe)) != EOF;)
      said += char(c);
    pclose(pipe);
  }
  const size_t at = said.find("release ");
  return at == std::string::npos ? "" : said.substr(at + 8, said.find(',', at) - at - 8);
}

std::string fileText(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Needs : public testing::TestWithParam<Wanted> {};
INSTANTIATE_TEST_SUITE_P(All, Needs, testing::ValuesIn(everything()), nameOf);

} // namespace

TEST_P(Needs, AreThoseOfTheFile) {
  if (findPtxas().empty())
    GTEST_SKIP() << "there is no ptxas";
  const Wanted &wanted = GetParam();
  llvm::Expected<Code> code = codeOf(wanted);
  ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
  std::string table;
  llvm::raw_string_ostream out(table);
  const Backend &backend = backendFor(wanted.target);
  llvm::Error failed =
      printForm({backend, code->set, code->schedule, wanted.target}, {"object", "list", "#"}, out);
  ASSERT_FALSE(bool(failed)) << llvm::toString(std::move(failed));

  std::istringstream lines(table);
  size_t kernels = 0;
  for (std::string line; std::getline(lines, line);) {
    long registers, shared, stack, spilled;
    if (sscanf(line.c_str(), "%ld %ld %ld %ld", &registers, &shared, &stack, &spilled) != 4)
      continue;
    ++kernels;
    EXPECT_GT(registers, 0) << line;
    EXPECT_TRUE(stack == 0 && spilled == 0) << line;
  }
  EXPECT_GT(kernels, 10u);

  const std::string path =
      "test/data/needs/" + (wanted.model.empty() ? "kernels" : wanted.model) + "." + wanted.target.name + ".txt";
  table = "# ptxas " + version() + "\n" + table;
  if (std::getenv("LATHE_UPDATE_NEEDS")) {
    std::ofstream(path) << table;
    return;
  }
  const std::string known = fileText(path);
  if (known.substr(0, known.find('\n')) != table.substr(0, table.find('\n')))
    GTEST_SKIP() << path << " is of another ptxas than " << version() << ": nothing spills, the rest was not compared";
  std::istringstream before(known), now(table);
  for (std::string was, is; std::getline(before, was), std::getline(now, is), before || now;)
    if (was != is) {
      ADD_FAILURE() << path << ": has\n" << was << "\nand ptxas says\n" << is << "\nLATHE_UPDATE_NEEDS=1 writes it anew";
      break;
    }
}
