//===- Limits.h - what this machine can do at most ------------------------------------------------------*- C++ -*-===//
//
// The roofs that `lathe bench` measures phases against (Williams et al. 2009): how fast all threads together read from
// memory and from caches, and the rates of multiply-adds (2 operations each) in f32 and in u8 * i8 -> i32 groups of
// four, which is what quantised kernels use. Measured, not looked up: machines and neighbours differ from minute to
// minute.
//
// A limit is the best of several forms of doing the work, each sampled for a millisecond many times: a roof that a
// phase surpasses is none. So measure before and after whatever is held against it:
//
//   Result<MachineMeter> meter = MachineMeter::create(threads, {bytes that a step reads});
//   meter->measure();
//   ...
//   meter->measure();
//   MachineLimits limits = meter->limits(bytes that a step reads);
//
// Where a program's weights fit the last cache, its steps read faster than memory lets them, for they read the same
// bytes over and over. So a step of n bytes has as its limit the rate at which a region of n bytes can be read so.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_LIMITS_H
#define LATHE_RUNTIME_DEVICE_CPU_LIMITS_H

#include "runtime/core/Result.h"
#include "runtime/device/cpu/WorkerPool.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lathe {

struct MachineLimits {
  std::string cpu;      ///< "AMD EPYC 7B13"
  unsigned threads = 0; ///< that measured
  double readBytesPerSecond = 0;
  double f32OperationsPerSecond = 0;
  double dot4OperationsPerSecond = 0; ///< 0 where the CPU has no SSSE3
  std::string f32Form, dot4Form;      ///< the instructions that were fastest: "AVX-512 FMA", "AVX-512 vpdpbusd"
};

/// One way to do the work, and how fast it was each time.
struct RoofForm {
  struct Sample {
    unsigned round; ///< measure() call that made it, from 0
    double rate;    ///< a second, of all threads
  };
  std::string name; ///< "8 streams, prefetch"
  std::vector<Sample> samples = {};
  size_t way = 0;          ///< among readForms(), f32Forms() or dot4Forms()
  bool smallPages = false; ///< of a Read: in pages of 4 KB, not of 2 MB
  double limit() const;    ///< the fastest sample; 0 of none
};

struct Roof {
  enum class Kind { Read, F32, Dot4 };
  Kind kind;
  std::string name;   ///< "memory", "L3", "L2", "step", "f32", "dot4"
  uint64_t bytes = 0; ///< of a Read: the region that all threads together read over and over
  std::vector<RoofForm> forms = {};

  const RoofForm &best() const; ///< the form with the fastest sample
  double limit() const { return best().limit(); }
};

class MachineMeter {
public:
  /// `footprints`: bytes that steps read, whose rates are wanted too. Fails where the system has not so many threads.
  static Result<MachineMeter> create(unsigned threads, std::vector<uint64_t> footprints = {});

  /// Adds samples: about a second and a quarter GB of memory (1 GB where the last cache is as large, less where memory
  /// is short). The first time all forms are tried, later those that were fast. Fails where memory cannot be had.
  Result<void> measure();
  const std::vector<Roof> &roofs() const { return all; }
  /// Of steps that read so many bytes, over and over; 0: of memory.
  MachineLimits limits(uint64_t footprint = 0) const;

private:
  MachineMeter() = default;
  Result<void> measureReads(bool smallPages);
  void measureOperations();

  std::string processor;
  uint64_t cachePerThread = 0; ///< the L2
  std::unique_ptr<WorkerPool> workers;
  std::vector<Roof> all;
  unsigned rounds = 0;
};

/// Of memory, measured once.
Result<MachineLimits> measureMachine(unsigned threads);

} // namespace lathe

#endif
