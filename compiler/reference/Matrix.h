//===- Matrix.h - the reference's only container ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_REFERENCE_MATRIX_H
#define LATHE_COMPILER_REFERENCE_MATRIX_H

#include <cstdint>
#include <vector>

namespace lathe::reference {

/// Dense rows of numbers; a row is a token's.
template <typename T> struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<T> values; ///< [rows, columns]

  Matrix() = default;
  Matrix(int64_t rows, int64_t columns) : rows(rows), columns(columns), values(rows * columns) {}
  T *row(int64_t r) { return values.data() + r * columns; }
  const T *row(int64_t r) const { return values.data() + r * columns; }
};

/// a . b, in eight sums so that it runs as vectors: the definition leaves the order of additions open.
template <typename T> T dot(const T *a, const T *b, int64_t n) {
  T sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j)
      sums[j] += a[i + j] * b[i + j];
  for (; i < n; ++i)
    sums[i % 8] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

} // namespace lathe::reference

#endif
