//===- Golden.h - models with known logits ------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_REFERENCE_GOLDEN_H
#define LATHE_TEST_COMPILER_REFERENCE_GOLDEN_H

#include "compiler/reference/Interpreter.h"
#include "compiler/spec/Weights.h"
#include "compiler/support/Nmse.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace lathe::test {

/// One tensor of a golden.safetensors, f32 or i64, as doubles (both are exact).
struct GoldenTensor {
  std::vector<int64_t> shape;
  std::vector<double> values;
};
/// Reads a file that the repository vouches for; throws when it is not there.
llvm::StringMap<GoldenTensor> readGolden(const std::string &path);

/// Infinite of nothing, too.
template <typename T> double nmse(const std::vector<T> &x, const double *reference) {
  SquaredError sum;
  for (size_t i = 0; i < x.size(); ++i)
    sum.add(x[i], reference[i]);
  return x.empty() ? std::numeric_limits<double>::infinity() : sum.nmse();
}

/// Gives the reference the rows of a checkpoint, which must outlive it.
reference::WeightLookup lookupIn(const WeightSource &source);

} // namespace lathe::test

#endif
