#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/abi/model_abi.h"
#include <array>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace lathe {

uint32_t cpuFeatures() {
  uint32_t features = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define LATHE_HAS(part) &&__builtin_cpu_supports(part)
#define LATHE_ARM_HAS(part, bit) &&false
#elif defined(__aarch64__)
#define LATHE_HAS(part) &&false
#define LATHE_ARM_HAS(part, bit) &&(getauxval(AT_HWCAP) & (bit))
#else
#error "which processor is this?"
#endif
#define LATHE_CPU_FEATURE(NAME, bit, name, has)                                                                        \
  if (true has)                                                                                                        \
    features |= LATHE_CPU_##NAME;
#include "runtime/abi/cpu_features.def"
#undef LATHE_HAS
#undef LATHE_ARM_HAS
  return features;
}

std::string cpuFeatureNames(uint32_t features) {
  static constexpr auto kNames = [] {
    std::array<const char *, 32> names{};
#define LATHE_CPU_FEATURE(NAME, bit, name, has) names[bit] = name;
#include "runtime/abi/cpu_features.def"
    return names;
  }();
  std::string names;
  for (size_t bit = 0; bit < 32; ++bit) {
    if (!(features >> bit & 1))
      continue;
    if (!names.empty())
      names += ", ";
    names += kNames[bit] ? std::string(kNames[bit]) : "feature " + std::to_string(bit);
  }
  return names;
}

} // namespace lathe
