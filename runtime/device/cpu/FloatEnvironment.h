//===- FloatEnvironment.h - one way to round on every worker --------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_FLOATENVIRONMENT_H
#define LATHE_RUNTIME_DEVICE_CPU_FLOATENVIRONMENT_H

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace lathe {

/// While it lives, this thread rounds to nearest, keeps denormals and traps on nothing. The caller of a step may have
/// set other modes; a tile's result must not depend on whether the caller or another worker ran it.
class FloatEnvironment {
public:
#if defined(__x86_64__)
  FloatEnvironment() : saved(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatEnvironment() { _mm_setcsr(saved); }

private:
  uint32_t saved;
#elif defined(__aarch64__)
  FloatEnvironment() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" ::"r"(uint64_t(0)));
  }
  ~FloatEnvironment() { __asm__ volatile("msr fpcr, %0" ::"r"(saved)); }

private:
  uint64_t saved;
#endif
public:
  FloatEnvironment(const FloatEnvironment &) = delete;
  FloatEnvironment &operator=(const FloatEnvironment &) = delete;
};

} // namespace lathe

#endif
