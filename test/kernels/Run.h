//===- Run.h - a kernel's memory, and its calls -------------------------------------------------------*- C++ -*-===//
//
//   KernelRun run(NormKernel{...});
//   run.set("x", values);             // in the order of the argument's dims (the first fastest), converted
//   run.call(function);
//   run.read("y");
//
// Every argument ends at an unmapped page, so that reading or writing past it ends the program; before it are guard
// bytes, which a call must leave as they are.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_RUN_H
#define LATHE_TEST_KERNELS_RUN_H

#include "compiler/kernels/Signature.h"
#include "runtime/abi/model_abi.h"
#include "test/kernels/Code.h"
#include "test/kernels/Meaning.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

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

class KernelRun {
public:
  explicit KernelRun(const KernelDesc &kernel);

  /// Both end the program on a name or a number of numbers that the kernel does not have: the test is wrong.
  void set(const std::string &name, const std::vector<double> &values);
  void set(const Numbers &numbers);
  /// A packed matrix as the arguments that are views into it.
  void setMatrix(const std::vector<uint8_t> &panels);
  std::vector<double> read(const std::string &name) const;
  /// The bytes of all outputs.
  std::string outputs() const;
  /// Fails where the function does, or has written in front of an argument.
  [[nodiscard]] llvm::Error call(const KernelFunction &function);

  const KernelDesc kernel;
  const std::vector<Argument> arguments;
  std::vector<void *> pointers; ///< what a call takes; a null after the last

private:
  struct Slot {
    std::shared_ptr<GuardedBytes> storage;
    uint8_t *host;
    std::vector<lathe_dim> dims;
    lathe_buffer buffer;
  };
  size_t find(const std::string &name) const;

  std::vector<Slot> slots; ///< of the arguments
};

/// Whether an argument of that name is a view into a packed matrix, where the kernel has one.
bool isMatrixPart(const KernelDesc &kernel, const std::string &argument);

} // namespace lathe::test

#endif
