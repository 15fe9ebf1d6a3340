//===- Limits.h - what this machine can do at most ----------------------------------------------------------*- C++ -*-===//
//
// The roofline that `lathe bench` measures phases against (Williams et al. 2009): memory read bandwidth, and the rates
// of multiply-adds (2 operations each) in f32 and in u8 * i8 -> i32 groups of four, which is what quantised kernels
// use. Measured, not looked up: machines and neighbours differ from minute to minute.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_LIMITS_H
#define LATHE_RUNTIME_DEVICE_CPU_LIMITS_H

#include <string>

namespace lathe {

struct MachineLimits {
  std::string cpu;  ///< "AMD EPYC 7B13"
  unsigned threads; ///< that measured
  double readBytesPerSecond = 0;
  double f32OperationsPerSecond = 0;
  double dot4OperationsPerSecond = 0; ///< 0 where the CPU has neither AVX2 nor VNNI
  std::string f32Form, dot4Form;      ///< the instructions measured: "AVX-512 FMA", "AVX2 vpmaddubsw+vpmaddwd"
};

/// Takes about a second and 512 MB of memory (less where memory is short).
MachineLimits measureMachine(unsigned threads);

} // namespace lathe

#endif
