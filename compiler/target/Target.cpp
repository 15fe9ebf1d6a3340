//===- Target.cpp - what programs are compiled for --------------------------------------------------------------===//
#include "compiler/target/Target.h"

using namespace lathe;

static constexpr char kX86[] = "x86_64-unknown-linux-gnu";

const std::vector<TargetDesc> &lathe::targets() {
  static constexpr uint32_t v2 = CpuSSE42, v3 = v2 | CpuAVX | CpuAVX2 | CpuFMA | CpuF16C;
  static constexpr uint32_t v4 = v3 | CpuAVX512 | CpuAVX512VNNI | CpuAVX512BF16 | CpuAVX512Icelake | CpuSSE4A;
  static const std::vector<TargetDesc> all = {
      {.name = "x86-64-v2", .triple = kX86, .features = v2, .lanes = 4},
      {.name = "x86-64-v3", .triple = kX86, .features = v3, .lanes = 8},
      {.name = "x86-64-v4-vnni", .triple = kX86, .features = v4, .lanes = 16},
  };
  return all;
}

std::optional<TargetDesc> lathe::findTarget(const std::string &name) {
  if (name == "host")
    return hostTarget();
  for (const TargetDesc &target : targets())
    if (target.name == name)
      return target;
  return std::nullopt;
}

uint32_t lathe::hostFeatures() {
  uint32_t features = 0;
#if defined(__x86_64__)
  auto add = [&](bool supported, CpuFeature feature) { features |= supported ? feature : 0u; };
  // The compiler's own test also asks the operating system for the registers' state.
  __builtin_cpu_init();
  add(__builtin_cpu_supports("sse4.2"), CpuSSE42);
  add(__builtin_cpu_supports("avx"), CpuAVX);
  add(__builtin_cpu_supports("avx2"), CpuAVX2);
  add(__builtin_cpu_supports("fma"), CpuFMA);
  add(__builtin_cpu_supports("f16c"), CpuF16C);
  add(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"),
      CpuAVX512);
  add(__builtin_cpu_supports("avx512vnni"), CpuAVX512VNNI);
  add(__builtin_cpu_supports("avx512bf16"), CpuAVX512BF16);
  add(__builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi") &&
          __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bitalg") &&
          __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("gfni"),
      CpuAVX512Icelake);
  add(__builtin_cpu_supports("sse4a"), CpuSSE4A);
#endif
  return features;
}

TargetDesc lathe::hostTarget() {
  uint32_t host = hostFeatures();
  TargetDesc best = targets().front();
  for (const TargetDesc &target : targets())
    if ((host & target.features) == target.features)
      best = target;
  return best;
}
