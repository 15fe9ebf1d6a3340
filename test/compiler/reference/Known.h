//===- Known.h - a model whose logits are known -------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_REFERENCE_KNOWN_H
#define LATHE_TEST_COMPILER_REFERENCE_KNOWN_H

#include "compiler/import/Import.h"
#include "test/compiler/reference/Golden.h"
#include <numeric>

namespace lathe::test {

/// A model, its module, and what is known of it: `batch` sequences of `length` ids.
struct Known {
  explicit Known(const std::string &path, const std::string &goldenPath) : golden(readGolden(goldenPath)) {
    llvm::Expected<Input> read = readInput(path);
    if (!read)
      throw std::runtime_error(llvm::toString(read.takeError()));
    input = std::move(*read);
    auto imported = importModel(context, input.model, input.weights.get());
    if (!imported)
      throw std::runtime_error(llvm::toString(imported.takeError()));
    module = std::move(*imported);
    batch = golden["input_ids"].shape[0];
    length = golden["input_ids"].shape[1];
  }

  template <typename T> reference::Interpreter<T> interpreter(reference::Options options = {}) {
    return reference::Interpreter<T>(*module, lookupIn(*input.weights), options);
  }
  int32_t id(int64_t sequence, int64_t position) {
    return int32_t(golden["input_ids"].values[sequence * length + position]);
  }

  /// All sequences at once, every row's logits: [batch * length, vocabulary].
  template <typename T> reference::Matrix<T> logits(reference::Interpreter<T> &oracle) {
    std::vector<int32_t> ids, positions, slots;
    for (int64_t s = 0; s < batch; ++s)
      for (int64_t p = 0; p < length; ++p) {
        ids.push_back(id(s, p));
        positions.push_back(p);
        slots.push_back(s);
      }
    return run(oracle, "prefill", ids, positions, slots);
  }

  template <typename T>
  static reference::Matrix<T> run(reference::Interpreter<T> &oracle, const char *function,
                                  const std::vector<int32_t> &ids, const std::vector<int32_t> &positions,
                                  const std::vector<int32_t> &slots) {
    std::vector<int32_t> all(ids.size());
    std::iota(all.begin(), all.end(), 0);
    auto result = oracle.step(function, {ids, positions, slots, all});
    if (!result)
      throw std::runtime_error(llvm::toString(result.takeError()));
    return std::move(*result);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  llvm::StringMap<GoldenTensor> golden;
  Input input;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t batch = 0, length = 0;
};

} // namespace lathe::test

#endif
