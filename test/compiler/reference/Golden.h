//===- Golden.h - models with known logits ------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_REFERENCE_GOLDEN_H
#define LATHE_TEST_COMPILER_REFERENCE_GOLDEN_H

#include "compiler/reference/Interpreter.h"
#include "compiler/spec/Weights.h"
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

/// sum (x - reference)^2 / sum reference^2.
template <typename T> double nmse(const std::vector<T> &x, const double *reference) {
  double difference = 0, power = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += (double(x[i]) - reference[i]) * (double(x[i]) - reference[i]);
    power += reference[i] * reference[i];
  }
  return difference / power;
}

/// Gives the reference the rows of a checkpoint, which must outlive it.
reference::WeightLookup lookupIn(const WeightSource &source);

} // namespace lathe::test

#endif
