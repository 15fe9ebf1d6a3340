//===- Limits.h - what a machine or a card can do at most -----------------------------------------------*- C++ -*-===//
//
// The roofs that `lathe bench` measures phases against (Williams et al. 2009): how fast memory and caches are read, and
// the rates of multiply-adds (2 operations each). Measured, not looked up: machines and neighbours differ from minute to
// minute.
//
// A limit is the best of several forms of doing the work, each sampled for a millisecond many times: a roof that a
// phase surpasses is none. So measure before and after whatever is held against it:
//
//   Result<MachineMeter> meter = MachineMeter::create(threads, {bytes that a step reads}); // a processor's, cpu/Limits.h
//   meter->measure();
//   ...
//   meter->measure();
//   MachineLimits limits = meter->limits(bytes that a step reads);
//
// Where a program's weights fit the last cache, its steps read faster than memory lets them, for they read the same
// bytes over and over. So a step of n bytes has as its limit the rate at which a region of n bytes can be read so.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_LIMITS_H
#define LATHE_RUNTIME_DEVICE_LIMITS_H

#include "runtime/core/Result.h"
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lathe {

struct MachineLimits {
  std::string machine;  ///< "AMD EPYC 7B13", "NVIDIA H100 80GB HBM3"
  unsigned threads = 0; ///< of a processor, that measured
  double readBytesPerSecond = 0;
  double f32OperationsPerSecond = 0;
  double dot4OperationsPerSecond = 0; ///< of bytes; 0 where the CPU has no SSSE3
  double halfOperationsPerSecond = 0; ///< of 16-bit floats, where there are units of their own; 0: none
  std::string f32Form = {}, dot4Form = {}, halfForm = {}; ///< the instructions that were fastest: "AVX-512 FMA"
};

/// One way to do the work, and how fast it was each time.
struct RoofForm {
  struct Sample {
    unsigned round; ///< measure() call that made it, from 0
    double rate;    ///< a second, of all threads
  };
  std::string name; ///< "8 streams, prefetch"
  std::vector<Sample> samples = {};
  size_t way = 0;          ///< which of its meter's forms
  bool smallPages = false; ///< of a Read: in pages of 4 KB, not of 2 MB
  double limit() const;    ///< the fastest sample; 0 of none
};

struct Roof {
  enum class Kind { Read, F32, Dot4, Half };
  Kind kind;
  std::string name;   ///< "memory", "L3", "L2", "step", "f32", "dot4", "half"
  uint64_t bytes = 0; ///< of a Read: the region that all threads together read over and over
  std::vector<RoofForm> forms = {};

  const RoofForm &best() const; ///< the form with the fastest sample
  double limit() const { return best().limit(); }
};

/// What `roofs` allow steps that read so many bytes, over and over; 0: from memory.
MachineLimits limitsOf(const std::vector<Roof> &roofs, uint64_t footprint = 0);

/// Measures the roofs of one machine or card.
class Meter {
public:
  virtual ~Meter() = default;

  /// Adds samples. The first time all forms are tried, later those that were fast. Fails where memory cannot be had.
  virtual Result<void> measure() = 0;
  const std::vector<Roof> &roofs() const { return all; }
  /// Of steps that read so many bytes, over and over; 0: of memory.
  MachineLimits limits(uint64_t footprint = 0) const;

protected:
  /// Calls sample(form) until the forms have told which are fast, and those how fast they are, or `seconds` are over;
  /// each of them once at least. Fails where one does.
  Result<void> sampleForms(std::vector<RoofForm *> forms, double seconds,
                           const std::function<Result<void>(RoofForm &)> &sample) const;

  std::string machine;
  unsigned threads = 0;
  std::vector<Roof> all;
  unsigned rounds = 0; ///< of measure() that are over
};

} // namespace lathe

#endif
