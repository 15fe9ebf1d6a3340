//===- Platforms.cpp - where kernels run on this machine ----------------------------------------------------------===//
#include "test/kernels/Platforms.h"
#include "test/kernels/Launched.h"
#include <cstdlib>
#include <map>
#include <tuple>

using namespace lathe;
using namespace lathe::test;

bool test::isForeign(const TargetDesc &target) {
  return target.device == DeviceKind::Cpu && target.triple != hostTarget().triple;
}

std::vector<Platform> test::platforms() {
  // By what algorithms and directives ask a target for.
  std::map<std::tuple<const Backend *, int64_t, uint32_t>, TargetDesc> best;
  for (const Backend *backend : backends())
    for (const TargetDesc &target : targets())
      if (target.device == DeviceKind::Cpu && backend->device == target.device &&
          (isForeign(target) || (hostFeatures() & target.features) == target.features)) {
        const uint32_t dots = target.features & (CpuAVX512_VNNI | CpuAVX_VNNI | CpuDOTPROD);
        best[{backend, target.lanes, dots & CpuAVX512_VNNI ? CpuAVX512_VNNI : dots}] = target;
      }
  std::vector<Platform> all;
  for (auto &[asked, target] : best)
    all.push_back({std::get<0>(asked), std::move(target)});
  if (std::optional<TargetDesc> target = deviceTarget())
    all.push_back({&backendFor(*target), *target});
  const char *only = std::getenv("LATHE_TEST_DEVICE");
  std::erase_if(all, [&](const Platform &platform) {
    return only && (platform.target.device == DeviceKind::Cuda) != (only == std::string("cuda"));
  });
  return all;
}

CompileOptions test::compileOptions() {
  return {.jobs = std::getenv("GTEST_TOTAL_SHARDS") ? 1u : 0u, .cacheDirectory = LATHE_TEST_CACHE, .progress = {}};
}
