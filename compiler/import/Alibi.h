//===- Alibi.h - slopes of attention with linear biases -----------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_IMPORT_ALIBI_H
#define LATHE_COMPILER_IMPORT_ALIBI_H

#include <cstdint>
#include <vector>

namespace lathe {

/// Slope of each head (arXiv:2108.12409), times `scale`: for n = 2^k heads 2^(-(h + 1) * maxBias / n); for another n
/// those of the greatest 2^k below it, then the first, third, fifth ... of 2^(k+1).
std::vector<double> alibiSlopes(int64_t heads, double maxBias, double scale);

} // namespace lathe

#endif
