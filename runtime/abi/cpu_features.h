/* cpu_features.h - which of cpu_features.def the machine has that this runs on: compiler and runtime ask in one way. */
#ifndef LATHE_RUNTIME_ABI_CPU_FEATURES_H
#define LATHE_RUNTIME_ABI_CPU_FEATURES_H

#include <stdint.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* Bits of lathe_variant.features. */
static inline uint32_t lathe_cpu_features(void) {
  uint32_t features = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define LATHE_HAS(part) &&__builtin_cpu_supports(part)
#define LATHE_ARM_HAS(part, bit) &&0
#elif defined(__aarch64__)
#define LATHE_HAS(part) &&0
#define LATHE_ARM_HAS(part, bit) &&(getauxval(AT_HWCAP) & (bit))
#else
#error "which processor is this?"
#endif
#define LATHE_CPU_FEATURE(NAME, bit, name, has)                                                                        \
  if (1 has)                                                                                                           \
    features |= UINT32_C(1) << bit;
#include "runtime/abi/cpu_features.def"
#undef LATHE_HAS
#undef LATHE_ARM_HAS
  return features;
}

#endif
