//===- QuantizationLog.h - what quantising a model costs ------------------------------------------------*- C++ -*-===//
//
// Weights are quantised row by row as they are read (DerivedWeights.h); each row leaves its squared error here, so that
// a report costs no second pass.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_QUANTIZATIONLOG_H
#define LATHE_COMPILER_SPEC_QUANTIZATIONLOG_H

#include "compiler/spec/Weights.h"
#include "compiler/support/Nmse.h"
#include <deque>
#include <map>

namespace lathe {

/// One converted matrix. Errors are sums over its rows that have been read.
struct QuantizedTensor {
  std::string role, tensor;
  Format from, to;
  int64_t rows, columns;
  SquaredError error; ///< of the numbers after, against those before

  double nmse() const { return error.nmse(); }
  /// Root of the mean squared error.
  double rmse() const;
};

class QuantizationLog {
public:
  /// Not while rows are recorded. Returns the index for record.
  size_t add(const Weight &original, Format to);
  /// Thread-safe; a row that is read again says the same again.
  void record(size_t index, int64_t row, llvm::ArrayRef<float> before, llvm::ArrayRef<float> after);
  /// A matrix that keeps its format, because its columns are no multiple of 32, the smallest block. Counted.
  void addUnfit(const Weight &original) { ++unfit[original.columns]; }
  /// In the model's order. Not while rows are recorded.
  std::vector<QuantizedTensor> tensors() const;
  /// How many matrices of so many columns did not fit.
  const std::map<int64_t, int> &unfitColumns() const { return unfit; }

private:
  struct Entry {
    QuantizedTensor tensor;
    std::vector<float> error, power; ///< [rows]
  };
  std::deque<Entry> entries;
  std::map<int64_t, int> unfit;
};

} // namespace lathe

#endif
