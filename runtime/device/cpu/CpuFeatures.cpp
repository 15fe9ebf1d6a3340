#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/abi/cpu_features.h"
#include <array>

namespace lathe {

uint32_t cpuFeatures() { return lathe_cpu_features(); }

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
