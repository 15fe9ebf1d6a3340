//===- PtxTest.cpp - NVIDIA's assembler takes every kernel --------------------------------------------------------===//
//
// All cases of all families, those of real models' sizes too, for the oldest CUDA target and the newest: no errors, and next
// to nothing spills. Linears of few rows have the tile that the backend gives them. Prints the most registers of each
// family.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/backend/nvvm/Ptx.h"
#include "compiler/support/Error.h"
#include "test/kernels/Case.h"
#include "test/kernels/Launched.h"
#include <cstdio>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Kernels of one family that are assembled together.
struct Part {
  TargetDesc target;
  size_t family = 0, number = 0;
  std::vector<KernelDesc> kernels = {};
};
constexpr size_t kKernelsOfPart = 24;
constexpr int64_t kSpilled = 16; ///< bytes that may be: they lie outside of loops

KernelDesc asTiled(const KernelDesc &kernel) {
  const auto *linear = std::get_if<LinearKernel>(&kernel);
  return linear && linear->rows <= 8 ? withTile(kernel, linear->rows, linear->gated ? 2 : 1) : kernel;
}

std::vector<TargetDesc> ends() {
  std::vector<TargetDesc> cuda;
  for (const TargetDesc &target : targets())
    if (target.device == DeviceKind::Cuda)
      cuda.push_back(target);
  return {cuda.front(), cuda.back()};
}

std::vector<Part> parts() {
  std::vector<Part> all;
  const std::vector<std::vector<KernelCase>> families = allCases();
  for (const TargetDesc &target : ends())
    for (size_t family = 0; family < families.size(); ++family) {
      std::set<std::string> done;
      for (const KernelCase &one : families[family]) {
        const KernelDesc kernel = asTiled(one.kernel);
        if (!isLaunched(kernel) || !done.insert(symbol(kernel)).second)
          continue;
        if (done.size() % kKernelsOfPart == 1)
          all.push_back({target, family, done.size() / kKernelsOfPart});
        all.back().kernels.push_back(kernel);
      }
    }
  return all;
}

void PrintTo(const Part &part, std::ostream *out) { *out << part.kernels.size() << " kernels"; }

std::string nameOf(const testing::TestParamInfo<Part> &info) {
  return info.param.target.name + "_" + kernelFamilies()[info.param.family].name + "_" +
         std::to_string(info.param.number);
}

std::map<std::string, Usage> most; ///< of each family and target

class Summary : public testing::Environment {
  void TearDown() override {
    for (const auto &[name, usage] : most)
      printf("%-20s at most %3d registers: %s\n", name.c_str(), int(usage.registers), usage.entry.c_str());
  }
};
[[maybe_unused]] const testing::Environment *const summary = testing::AddGlobalTestEnvironment(new Summary);

class Ptx : public testing::TestWithParam<Part> {};
INSTANTIATE_TEST_SUITE_P(All, Ptx, testing::ValuesIn(parts()), nameOf);

} // namespace

TEST_P(Ptx, IsAssembledWithoutSpills) {
  if (findPtxas().empty())
    GTEST_SKIP() << "there is no ptxas";
  const Part &part = GetParam();
  std::vector<Scheduled> schedule;
  for (const KernelDesc &kernel : part.kernels)
    schedule.push_back({kernel, fallbackValues(kernel, part.target), "fallback"});
  llvm::Expected<LaunchedModule> module = launchedModule(schedule, part.target);
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  std::string report;
  const Emitted cubin = cubinOf(module->ptx, part.target, &report);
  ASSERT_EQ(cubin.error, "");
  const std::vector<Usage> usages = usagesIn(report);
  EXPECT_GE(usages.size(), 1u) << report;
  Usage &family = most[part.target.name + " " + kernelFamilies()[part.family].name];
  for (const Usage &usage : usages) {
    EXPECT_GT(usage.registers, 0) << report;
    EXPECT_LE(usage.spilled, kSpilled) << usage.entry;
    EXPECT_LE(usage.stack, kSpilled) << usage.entry << " has an array in local memory";
    if (usage.registers > family.registers)
      family = usage;
  }
}
