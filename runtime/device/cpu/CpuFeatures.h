//===- CpuFeatures.h - what this machine can run --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_CPUFEATURES_H
#define LATHE_RUNTIME_DEVICE_CPU_CPUFEATURES_H

#include <cstdint>
#include <string>

namespace lathe {

/// lathe_cpu_feature bits of this machine: what the processor has and the operating system saves across a switch of
/// threads (without that a register file cannot be used).
uint32_t cpuFeatures();

/// "AVX2, FMA": the names of the bits that are set. Bits without a name are "feature 31".
std::string cpuFeatureNames(uint32_t features);

/// Workers that make sense by default: physical cores in this thread's affinity mask, at most the processor time that
/// the cgroup grants, at least 1.
unsigned usableCores();

} // namespace lathe

#endif
