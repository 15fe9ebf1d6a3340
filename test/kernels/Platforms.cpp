//===- Platforms.cpp - where kernels run on this machine ----------------------------------------------------------===//
#include "test/kernels/Platforms.h"
#include <cstdlib>

using namespace lathe;
using namespace lathe::test;

std::vector<Platform> test::platforms() {
  std::vector<Platform> all;
  for (const Backend *backend : backends())
    for (const TargetDesc &target : targets())
      if (target.device == DeviceKind::Cpu && backend->device == target.device &&
          (hostFeatures() & target.features) == target.features)
        all.push_back({backend, target});
  return all;
}

CompileOptions test::compileOptions() {
  return {.jobs = std::getenv("GTEST_TOTAL_SHARDS") ? 1u : 0u, .cacheDirectory = LATHE_TEST_CACHE, .progress = {}};
}
