//===- Rowwise.h - ops that treat every row by itself and need no weights -----------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_REFERENCE_ROWWISE_H
#define LATHE_COMPILER_REFERENCE_ROWWISE_H

#include "compiler/dialect/Lathe.h"
#include "compiler/reference/Matrix.h"

namespace lathe::reference {

/// lathe.norm: (x - mean) / sqrt(variance + eps) * weight + bias of each group, mean = 0 for RMS; weight and bias have
/// the group's width or the row's, or are empty.
template <typename T>
Matrix<T> normalize(ir::NormOp op, const Matrix<T> &x, const std::vector<T> &weight, const std::vector<T> &bias);

/// lathe.rope; `lengths` is empty for a rotation that does not depend on them.
template <typename T>
Matrix<T> rotate(const Matrix<T> &x, llvm::ArrayRef<int32_t> positions, llvm::ArrayRef<int32_t> lengths,
                 ir::RotationOp rotation, int64_t headSize, ir::Pairing pairing);

template <typename T> T activate(ir::Activation activation, T x);
/// xielu, with its number for each side of 0.
template <typename T> T xielu(T x, T positive, T negative);

/// lathe.quantize, the numbers that it stands for: round(x / scale) * scale, scale = max|x| / largest over groups.
template <typename T> Matrix<T> quantized(ir::QuantizeOp op, const Matrix<T> &x);

/// y[r, c] = f(x[r, c]).
template <typename T, typename F> Matrix<T> map(const Matrix<T> &x, F f) {
  Matrix<T> y(x.rows, x.columns);
  for (size_t i = 0; i < x.values.size(); ++i)
    y.values[i] = f(x.values[i]);
  return y;
}

/// y[r, c] = f(a[r, c], b[r, c]).
template <typename T, typename F> Matrix<T> map(const Matrix<T> &a, const Matrix<T> &b, F f) {
  Matrix<T> y(a.rows, a.columns);
  for (size_t i = 0; i < a.values.size(); ++i)
    y.values[i] = f(a.values[i], b.values[i]);
  return y;
}

} // namespace lathe::reference

#endif
