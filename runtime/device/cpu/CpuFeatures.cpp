#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/abi/model_abi.h"
#include <array>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lathe {

#if defined(__x86_64__)
namespace {

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d))
    return {};
  return r;
}

bool hasBits(uint32_t value, std::initializer_list<int> bits) {
  for (int bit : bits)
    if (!(value >> bit & 1))
      return false;
  return true;
}

/// XCR0: the register files that the operating system saves.
uint64_t savedState() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

} // namespace

// Bit positions: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
uint32_t cpuFeatures() {
  const Registers one = cpuid(1, 0), seven = cpuid(7, 0), sevenOne = cpuid(7, 1);
  uint32_t features = 0;
  if (hasBits(one.c, {20}))
    features |= LATHE_CPU_SSE4_2;
  if (hasBits(cpuid(0x80000001, 0).c, {6}))
    features |= LATHE_CPU_SSE4A;
  const bool saves = hasBits(one.c, {27}); // OSXSAVE: xgetbv may be used
  const uint64_t state = saves ? savedState() : 0;
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6; // XMM, YMM; and opmask, upper halves of ZMM, ZMM16-31
  if ((state & kYmm) == kYmm && hasBits(one.c, {28})) {
    features |= LATHE_CPU_AVX;
    if (hasBits(seven.b, {5}))
      features |= LATHE_CPU_AVX2;
    if (hasBits(one.c, {12}))
      features |= LATHE_CPU_FMA;
    if (hasBits(one.c, {29}))
      features |= LATHE_CPU_F16C;
  }
  if ((state & kZmm) == kZmm && hasBits(seven.b, {16 /*F*/, 17 /*DQ*/, 28 /*CD*/, 30 /*BW*/, 31 /*VL*/})) {
    features |= LATHE_CPU_AVX512;
    if (hasBits(seven.c, {11}))
      features |= LATHE_CPU_AVX512_VNNI;
    if (hasBits(sevenOne.a, {5}))
      features |= LATHE_CPU_AVX512_BF16;
    if (hasBits(seven.b, {21 /*IFMA*/}) &&
        hasBits(seven.c, {1 /*VBMI*/, 6 /*VBMI2*/, 8 /*GFNI*/, 12 /*BITALG*/, 14 /*VPOPCNTDQ*/}))
      features |= LATHE_CPU_AVX512_ICELAKE;
  }
  return features;
}
#else
uint32_t cpuFeatures() { return 0; }
#endif

std::string cpuFeatureNames(uint32_t features) {
  static constexpr std::array kNames = {"SSE4.2",      "AVX",         "AVX2",           "FMA",  "F16C", "AVX512",
                                        "AVX512-VNNI", "AVX512-BF16", "AVX512-ICELAKE", "SSE4A"};
  std::string names;
  for (size_t bit = 0; bit < 32; ++bit) {
    if (!(features >> bit & 1))
      continue;
    if (!names.empty())
      names += ", ";
    names += bit < kNames.size() ? std::string(kNames[bit]) : "feature " + std::to_string(bit);
  }
  return names;
}

} // namespace lathe
