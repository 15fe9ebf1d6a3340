//===- HalideHarness.h - compiles a kernel, runs it, compares it --------------------------------------*- C++ -*-===//
//
//   KernelRun run(NormKernel{...});
//   run.fill("x", values);            // f64 values, in the order of the argument's dims (innermost first), converted
//   run.call();
//   run.expectNear("y", reference);   // within the registry's tolerance
//
// Every argument ends at an unmapped page, so that reading past it ends the test; outputs also have guard bytes before
// them. Extents marked * in Signature.h become kOpenExtent.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_COMPILER_KERNELS_HALIDEHARNESS_H
#define LATHE_TEST_COMPILER_KERNELS_HALIDEHARNESS_H

#include "compiler/backend/Backend.h"
#include "compiler/kernels/Signature.h"
#include "runtime/abi/model_abi.h"
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace lathe::test {

inline constexpr int64_t kOpenExtent = 6;

/// Bytes that end at an unmapped page.
class GuardedBytes {
public:
  explicit GuardedBytes(size_t size);
  ~GuardedBytes();
  GuardedBytes(const GuardedBytes &) = delete;
  GuardedBytes &operator=(const GuardedBytes &) = delete;
  uint8_t *data() const { return begin; }
  size_t size() const { return bytes; }
  /// Nothing has been written in front of the data.
  bool intact() const;

private:
  uint8_t *mapping, *begin;
  size_t mapped, bytes;
};

/// A kernel as native code in this process; the same kernel is compiled once a process.
lathe_kernel_function compileAndLoad(const KernelDesc &kernel, const TargetDesc &target, const Values &values);

class KernelRun {
public:
  explicit KernelRun(const KernelDesc &kernel, const TargetDesc &target = hostTarget());
  KernelRun(const KernelDesc &kernel, const TargetDesc &target, const Values &values);

  /// Elements that the argument's dims address: product of the extents.
  int64_t count(const std::string &name) const;
  void fill(const std::string &name, const std::vector<double> &values);
  void fill(const std::string &name, const std::function<double(int64_t)> &value);
  /// A packed matrix's bytes as the arguments that isMatrixPart, of a linear or an embed.
  void fillMatrix(const std::vector<uint8_t> &panels);
  /// Raw bytes from the argument's first element on.
  uint8_t *bytes(const std::string &name);
  std::vector<double> read(const std::string &name) const;
  void call();
  /// Compares with the tolerance of the registry (times `slack`), and prints the worst place.
  void expectNear(const std::string &name, const std::vector<double> &reference, double slack = 1) const;
  void expectEqual(const std::string &name, const std::vector<double> &reference) const;

  const KernelDesc kernel;
  const TargetDesc target;

private:
  struct Slot {
    Argument argument;
    std::shared_ptr<GuardedBytes> storage;
    uint8_t *host;
    std::vector<lathe_dim> dims;
    lathe_buffer buffer;
  };
  const Slot &slot(const std::string &name) const;
  /// Byte offset of element `index` (innermost first).
  static int64_t offset(const Slot &slot, int64_t index);

  std::vector<Slot> slots;
  lathe_kernel_function function;
};

/// Whether an argument of that name is a view into a packed matrix.
bool isMatrixPart(const std::string &argument);

/// Of the targets that this machine runs, the best of each vector width, with dot products of four bytes and without.
/// What LLVM makes of the others is tested by whole models (test/conformance).
std::vector<TargetDesc> runnableTargets();
/// Standard normal values, the same for the same seed.
std::vector<double> randomValues(int64_t count, uint64_t seed);
/// Small integers in [-range, range]: sums of their products are exact in f32.
std::vector<double> randomIntegers(int64_t count, uint64_t seed, int range = 4);
double toF32(double value);
uint16_t halfBits(double value);
double halfValue(uint16_t bits);

/// A row as quantised outputs q, scale, sum of `run` compared with `row` (f64).
void expectQuantized(const KernelRun &run, const std::vector<double> &row);

} // namespace lathe::test

#endif
