//===- Target.cpp - what programs are compiled for --------------------------------------------------------------===//
#include "compiler/target/Target.h"
#include "runtime/abi/cpu_features.h"

using namespace lathe;

static constexpr char kX86[] = "x86_64-unknown-linux-gnu", kArm[] = "aarch64-unknown-linux-gnu",
                      kCuda[] = "nvptx64-nvidia-cuda";

const std::vector<TargetDesc> &lathe::targets() {
  static constexpr uint32_t v2 = CpuSSE4_2, v3 = v2 | CpuAVX | CpuAVX2 | CpuFMA | CpuF16C;
  static constexpr uint32_t cascadelake = v3 | CpuAVX512 | CpuAVX512_VNNI, icelake = cascadelake | CpuAVX512_ICELAKE;
  static constexpr uint32_t sapphirerapids = icelake | CpuAVX512_BF16 | CpuAVX_VNNI;
  static constexpr uint32_t zen4 = icelake | CpuAVX512_BF16 | CpuSSE4A;
  static constexpr uint32_t armDot = CpuASIMD | CpuDOTPROD;
  static const std::vector<TargetDesc> all = {
      {.name = "x86-64-v2", .triple = kX86, .tune = "nehalem", .features = v2, .lanes = 4},
      {.name = "x86-64-v3", .triple = kX86, .tune = "haswell", .features = v3, .lanes = 8},
      {.name = "alderlake", .triple = kX86, .tune = "alderlake", .features = v3 | CpuAVX_VNNI, .lanes = 8},
      {.name = "cascadelake", .triple = kX86, .tune = "cascadelake", .features = cascadelake, .lanes = 16},
      {.name = "icelake-server", .triple = kX86, .tune = "icelake-server", .features = icelake, .lanes = 16},
      {.name = "sapphirerapids", .triple = kX86, .tune = "sapphirerapids", .features = sapphirerapids, .lanes = 16},
      {.name = "x86-64-v4-vnni", .triple = kX86, .tune = "znver4", .features = zen4, .lanes = 16},
      {.name = "armv8.2-a+dotprod", .triple = kArm, .tune = "neoverse-n1", .features = armDot, .lanes = 4},
      {.name = "sm_80", .device = DeviceKind::Cuda, .triple = kCuda, .sm = 80},
      {.name = "sm_86", .device = DeviceKind::Cuda, .triple = kCuda, .sm = 86},
      {.name = "sm_89", .device = DeviceKind::Cuda, .triple = kCuda, .sm = 89},
      {.name = "sm_90a", .device = DeviceKind::Cuda, .triple = kCuda, .sm = 90},
  };
  return all;
}

std::vector<TargetDesc> lathe::targetsOf(DeviceKind device) {
  std::vector<TargetDesc> all;
  for (const TargetDesc &target : targets())
    if (target.device == device)
      all.push_back(target);
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

const char *lathe::baseCpu(std::string_view triple) { return triple == kArm ? "generic" : "x86-64"; }

std::string lathe::llvmFeatures(const TargetDesc &target) {
  std::string features;
#define LATHE_HAS(part) features += features.empty() ? "+" part : ",+" part;
#define LATHE_ARM_HAS(part, bit) LATHE_HAS(part)
#define LATHE_CPU_FEATURE(NAME, bit, name, has)                                                                        \
  if (target.features & Cpu##NAME) {                                                                                   \
    has                                                                                                                \
  }
#include "runtime/abi/cpu_features.def"
#undef LATHE_HAS
#undef LATHE_ARM_HAS
  return features;
}

uint32_t lathe::hostFeatures() { return lathe_cpu_features(); }

TargetDesc lathe::hostTarget() {
  uint32_t host = hostFeatures();
  TargetDesc best = targets().front();
  for (const TargetDesc &target : targetsOf(DeviceKind::Cpu))
    if ((host & target.features) == target.features)
      best = target;
  return best;
}
