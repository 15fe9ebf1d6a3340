//===- Target.h - what programs are compiled for --------------------------------------------------------*- C++ -*-===//
//
// A target is a device and the instructions that its code may use. Of the CPU's, each runs on every machine whose
// features include its own:
//
//   x86-64-v2        SSE4.2                                         4 lanes of f32
//   x86-64-v3        + AVX AVX2 FMA F16C                            8
//   alderlake        v3 + AVX-VNNI                                  8
//   cascadelake      v3 + AVX-512 F CD BW DQ VL, VNNI               16
//   icelake-server   + IFMA VBMI VBMI2 BITALG VPOPCNTDQ GFNI        16
//   sapphirerapids   + BF16, AVX-VNNI; its AMX is not used          16
//   x86-64-v4-vnni   icelake-server + BF16, SSE4A: Zen 4 and later  16
//   armv8.2-a+dotprod: AArch64 with ASIMD and DOTPROD               4
//
// Of CUDA's, by compute capability: sm_80, sm_86, sm_89, sm_90a (with what only 9.0 has).
//
// A new one: a line in Target.cpp, its features in runtime/abi/cpu_features.def where they are new, and what Halide's
// patterns need of them in compiler/kernels/halide/Builder.cpp.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TARGET_TARGET_H
#define LATHE_COMPILER_TARGET_TARGET_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Bits of TargetDesc::features: CpuAVX2, …, those of lathe_cpu_feature.
enum CpuFeature : uint32_t {
#define LATHE_CPU_FEATURE(NAME, bit, name, has) Cpu##NAME = 1 << bit,
#include "runtime/abi/cpu_features.def"
};

/// What runs a program (lathe_device).
enum class DeviceKind { Cpu, Cuda };

struct TargetDesc {
  std::string name;
  DeviceKind device = DeviceKind::Cpu;
  std::string triple = {}; ///< LLVM's
  std::string tune = {};   ///< Cpu: LLVM's name of the processor whose speeds its code is scheduled for
  uint32_t features = 0;   ///< Cpu: CpuFeature bits that its code needs
  int64_t lanes = 4;       ///< Cpu: f32 in one vector register, of the width that its code uses
  int64_t sm = 0;          ///< Cuda: compute capability, 90 for 9.0

  bool has(uint32_t bits) const { return (features & bits) == bits; }
  /// Cpu: multiplies and adds in one instruction, with one rounding.
  bool fusesProducts() const { return features & (CpuFMA | CpuASIMD); }
};

/// All targets, the plainest first.
const std::vector<TargetDesc> &targets();
/// Those of a device.
std::vector<TargetDesc> targetsOf(DeviceKind device);
/// The target of that name, or for "host" hostTarget().
std::optional<TargetDesc> findTarget(const std::string &name);
/// LLVM's name of the plainest processor of a Cpu target's triple, which its features add to.
const char *baseCpu(std::string_view triple);
/// The Cpu target's features as LLVM writes them: "+avx,+avx2,…".
std::string llvmFeatures(const TargetDesc &target);
/// CpuFeature bits of the machine (and operating system) that this runs on.
uint32_t hostFeatures();
/// The most capable target that this machine runs.
TargetDesc hostTarget();

} // namespace lathe

#endif
