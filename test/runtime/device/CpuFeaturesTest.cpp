#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/abi/model_abi.h"
#include <gtest/gtest.h>
#include <sched.h>

namespace lathe {
namespace {

#if defined(__x86_64__)
TEST(CpuFeatures, AgreesWithTheCompilersOwnDetection) {
  __builtin_cpu_init();
  const uint32_t features = cpuFeatures();
  EXPECT_EQ(bool(features & LATHE_CPU_SSE4_2), bool(__builtin_cpu_supports("sse4.2")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX), bool(__builtin_cpu_supports("avx")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX2), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(bool(features & LATHE_CPU_FMA), bool(__builtin_cpu_supports("fma")));
  EXPECT_EQ(bool(features & LATHE_CPU_F16C), bool(__builtin_cpu_supports("f16c")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX512),
            __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl"));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX512_VNNI), bool(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX512_BF16), bool(__builtin_cpu_supports("avx512bf16")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX512_ICELAKE),
            __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi") &&
                __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bitalg") &&
                __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("gfni"));
  EXPECT_EQ(bool(features & LATHE_CPU_SSE4A), bool(__builtin_cpu_supports("sse4a")));
  EXPECT_EQ(bool(features & LATHE_CPU_AVX_VNNI), bool(__builtin_cpu_supports("avxvnni")));
}
#endif

TEST(CpuFeatures, HaveNames) {
  EXPECT_EQ(cpuFeatureNames(0), "");
  EXPECT_EQ(cpuFeatureNames(LATHE_CPU_AVX2 | LATHE_CPU_AVX512_VNNI), "AVX2, AVX512-VNNI");
  EXPECT_EQ(cpuFeatureNames(LATHE_CPU_FMA | 1u << 31), "FMA, feature 31");
}

TEST(UsableCores, RespectsTheAffinityMask) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(usableCores(), 1u);
  EXPECT_LE(usableCores(), unsigned(CPU_COUNT(&before)));
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before))
      CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usableCores(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

} // namespace
} // namespace lathe
