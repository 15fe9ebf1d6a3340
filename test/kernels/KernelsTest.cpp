//===- KernelsTest.cpp - every kernel computes what its description means ----------------------------------------===//
//
// All cases of all families, on every target of every backend that this machine has. A line for each family says how
// near its results come to what is tolerated, so that a drift is seen before it fails.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/support/Error.h"
#include "test/kernels/Compare.h"
#include "test/kernels/Code.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>

using namespace lathe;
using namespace lathe::test;
using llvm::Error;
using llvm::Expected;

namespace {

/// Some cases of one family: as many as are compiled in a few seconds, so that shards are of one size.
struct Part {
  size_t family = 0;
  std::vector<KernelCase> cases;
  size_t number = 0; ///< of the family's parts
};
constexpr size_t kCasesOfPart = 12, kCasesInAllSchedules = 1;

std::vector<Part> parts(bool schedules) {
  std::vector<Part> all;
  for (auto [family, cases] : llvm::enumerate(allCases()))
    for (size_t number = 0; const KernelCase &one : cases) {
      if (one.benchmark || (schedules && !one.schedules))
        continue;
      if (all.empty() || all.back().family != family ||
          all.back().cases.size() == (schedules ? kCasesInAllSchedules : kCasesOfPart))
        all.push_back({family, {}, number++});
      all.back().cases.push_back(one);
    }
  return all;
}

void PrintTo(const Part &part, std::ostream *out) { *out << part.cases.size() << " cases"; }

std::string nameOf(const testing::TestParamInfo<Part> &info) {
  return kernelFamilies()[info.param.family].name + std::string("_") + std::to_string(info.param.number);
}

struct Line {
  size_t cases = 0, calls = 0;
  Worst worst;
};

/// What is printed of each family at the end.
std::map<size_t, Line> lines;
size_t skipped = 0;

bool runs(const KernelCase &one, const Platform &platform) {
  return platform.target.device == DeviceKind::Cpu || isLaunched(one.kernel);
}

class Summary : public testing::Environment {
  void TearDown() override {
    printf("on");
    for (const Platform &platform : platforms())
      printf(" %s", platform.target.name.c_str());
    for (const TargetDesc &target : targetsOf(DeviceKind::Cpu))
      if (llvm::none_of(platforms(), [&](const Platform &platform) { return platform.target.name == target.name; }))
        printf(", not %s, which this machine does not run", target.name.c_str());
    printf("\n");
    if (skipped)
      printf("%zu cases are of kernels that a CUDA device has no use for\n", skipped);
    for (const auto &[family, line] : lines) {
      const KernelFamily &its = kernelFamilies()[family];
      printf("%-10s %4zu cases, %5zu calls: worst %6.2f of %g eps  %s\n", its.name, line.cases, line.calls,
             line.worst.share * its.tolerance.relative, its.tolerance.relative, line.worst.where.c_str());
    }
  }
};
[[maybe_unused]] const testing::Environment *const summary = testing::AddGlobalTestEnvironment(new Summary);

Error runCase(const KernelCase &one, const Example &example, const KernelFunction &function, Line &line,
              const std::string &target) {
  KernelRun run(one.kernel);
  if (!example.matrix.empty())
    run.setMatrix(example.matrix);
  run.set(example.before);
  const Tolerance tolerance = one.exact ? Tolerance{0, 0} : kernelFamily(one.kernel).tolerance;
  for (const Example::Call &call : example.calls) {
    run.set(call.inputs);
    if (Error wrong = run.call(function))
      return wrong;
    Expected<Worst> worst = compare(run, call.outputs, tolerance);
    if (!worst)
      return makeError("{0} {1}", call.where, llvm::toString(worst.takeError()));
    if (worst->share > 1)
      return makeError("{0} {1}: {2} of what is tolerated", call.where, worst->where, worst->share);
    worst->where = symbol(one.kernel) + " [" + target + "] " + call.where + " " + worst->where;
    line.worst.add(*worst);
    ++line.calls;
  }
  ++line.cases;
  return Error::success();
}

class Kernels : public testing::TestWithParam<Part> {};
INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::ValuesIn(parts(false)), nameOf);

class Schedules : public testing::TestWithParam<Part> {};
INSTANTIATE_TEST_SUITE_P(All, Schedules, testing::ValuesIn(parts(true)), nameOf);

} // namespace

TEST_P(Kernels, ComputeWhatTheyMean) {
  const std::vector<KernelCase> &cases = GetParam().cases;
  std::vector<Example> examples;
  for (const KernelCase &one : cases) {
    Expected<Example> example = exampleOf(one);
    ASSERT_TRUE(bool(example)) << symbol(one.kernel) << ": " << llvm::toString(example.takeError());
    ASSERT_FALSE(example->calls.empty()) << symbol(one.kernel);
    examples.push_back(std::move(*example));
  }
  for (const Platform &platform : platforms()) {
    std::vector<Scheduled> schedule;
    std::map<std::string, size_t> bySymbol;
    for (const KernelCase &one : cases)
      if (runs(one, platform) && bySymbol.emplace(symbol(one.kernel), schedule.size()).second)
        schedule.push_back({one.kernel, fallbackValues(one.kernel, platform.target), "fallback"});
    Expected<Code> code = Code::of(schedule, platform);
    ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
    for (auto [one, example] : llvm::zip_equal(cases, examples))
      if (!runs(one, platform))
        ++skipped;
      else if (Error wrong = runCase(one, example, code->function(bySymbol[symbol(one.kernel)]), lines[GetParam().family],
                                platform.target.name))
        ADD_FAILURE() << symbol(one.kernel) << " [" << platform.target.name << "] " << one.note << " "
                      << llvm::toString(std::move(wrong));
  }
}

/// The fallback, and for each parameter the least and the greatest of its choices that the constraint allows with it.
static std::vector<Values> ends(const Space &space) {
  std::vector<Values> all = {space.fallback()};
  for (const Parameter &parameter : space.parameters) {
    std::vector<Values> allowed;
    for (int64_t choice : parameter.choices) {
      Values values = space.fallback();
      values.set(parameter.name, choice);
      if (space.holds(values))
        allowed.push_back(values);
    }
    for (const Values &values : {allowed.front(), allowed.back()})
      if (!llvm::is_contained(all, values))
        all.push_back(values);
  }
  return all;
}

TEST_P(Schedules, HaveTheSameBits) {
  for (const KernelCase &one : GetParam().cases)
    for (const Platform &platform : platforms()) {
      Expected<Example> example = exampleOf(one);
      ASSERT_TRUE(bool(example)) << llvm::toString(example.takeError());
      std::vector<Scheduled> schedule;
      for (const Values &values : ends(platform.backend->space(one.kernel, {}, platform.target)))
        schedule.push_back({one.kernel, values, "end", int(schedule.size())});
      if (schedule.size() == 1 || !runs(one, platform))
        continue; // Cases.OfEveryFamily: it has more on another platform
      Expected<Code> code = Code::of(schedule, platform);
      ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
      std::vector<std::string> first;
      for (size_t i = 0; i < schedule.size(); ++i) {
        KernelRun run(one.kernel);
        if (!example->matrix.empty())
          run.setMatrix(example->matrix);
        run.set(example->before);
        std::vector<std::string> bits;
        for (const Example::Call &call : example->calls) {
          run.set(call.inputs);
          Error wrong = run.call(code->function(i));
          ASSERT_FALSE(bool(wrong)) << llvm::toString(std::move(wrong));
          bits.push_back(run.outputs());
        }
        if (i == 0)
          first = bits;
        EXPECT_TRUE(bits == first) << symbol(one.kernel) << " [" << platform.target.name
                                   << "]: " << schedule[i].values.print() << " beside " << schedule[0].values.print();
      }
    }
}

// What is not in a case is not tested.
TEST(Cases, OfEveryFamily) {
  for (auto [family, cases] : llvm::zip_equal(kernelFamilies(), allCases())) {
    EXPECT_TRUE(llvm::any_of(cases, [](const KernelCase &one) { return !one.benchmark; })) << family.name;
    EXPECT_TRUE(llvm::any_of(cases, [](const KernelCase &one) { return one.benchmark; }))
        << family.name << " has no size to be measured at";
    const bool varies = llvm::any_of(cases, [](const KernelCase &one) {
      return llvm::any_of(targets(), [&](const TargetDesc &target) {
        return !backendFor(target).space(one.kernel, {}, target).parameters.empty();
      });
    });
    EXPECT_EQ(varies, llvm::any_of(cases, [](const KernelCase &one) { return one.schedules; }))
        << family.name << ": cases in all schedules are there where there is more than one";
  }
}
