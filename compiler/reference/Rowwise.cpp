//===- Rowwise.cpp - ops that treat every row by itself and need no weights --------------------------------------===//
#include "compiler/reference/Rowwise.h"
#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lathe;
using namespace lathe::reference;

template <typename T>
Matrix<T> reference::normalize(ir::NormOp op, const Matrix<T> &x, const std::vector<T> &weight,
                               const std::vector<T> &bias) {
  const int64_t n = op.getGroup() ? op.getGroup() : x.columns;
  const T eps = T(op.getEps().convertToDouble()), one = op.getUnitOffset() ? 1 : 0;
  Matrix<T> y(x.rows, x.columns);
  for (int64_t group = 0; group < x.rows * (x.columns / n); ++group) { // rows lie one after another
    const T *in = x.values.data() + group * n;
    T *out = y.values.data() + group * n;
    T mean = 0, square = 0;
    if (op.getKind() == ir::NormKind::Layer) {
      for (int64_t i = 0; i < n; ++i)
        mean += in[i];
      mean /= T(n);
    }
    for (int64_t i = 0; i < n; ++i)
      square += (in[i] - mean) * (in[i] - mean);
    const T root = std::sqrt(square / T(n) + eps);
    auto of = [&](const std::vector<T> &vector, int64_t i) { return vector[(group * n + i) % int64_t(vector.size())]; };
    for (int64_t i = 0; i < n; ++i)
      out[i] =
          (in[i] - mean) / root * (weight.empty() ? T(1) : one + of(weight, i)) + (bias.empty() ? T(0) : of(bias, i));
  }
  return y;
}

/// Radians a position of pair i, in a sequence of that length.
static double frequencyOf(ir::RotationOp rotation, int64_t i, int64_t length) {
  const int64_t limit = rotation.getLimit(), pairs = rotation.getFrequencies().size();
  if (limit == 0 || length <= limit)
    return rotation.getFrequencies()[i];
  if (rotation.getLongFrequencies())
    return (*rotation.getLongFrequencies())[i];
  const double stretch = 1 + rotation.getGrowth().convertToDouble() * double(length - limit) / double(limit);
  return rotation.getFrequencies()[i] * std::pow(stretch, -double(i) / double(pairs - 1));
}

template <typename T>
Matrix<T> reference::rotate(const Matrix<T> &x, llvm::ArrayRef<int32_t> positions, llvm::ArrayRef<int32_t> lengths,
                            ir::RotationOp rotation, int64_t headSize, ir::Pairing pairing) {
  const int64_t pairs = rotation.getFrequencies().size();
  Matrix<T> y = x; // components beyond the pairs stay
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t i = 0; i < pairs; ++i) {
      const int64_t length = lengths.empty() ? 0 : lengths[r];
      const bool beyond = rotation.getLongFrequencies() && length > int64_t(rotation.getLimit());
      const double magnitude = (beyond ? rotation.getLongMagnitude() : rotation.getMagnitude()).convertToDouble();
      const double angle = positions[r] * frequencyOf(rotation, i, length);
      const T cosine = T(magnitude * std::cos(angle)), sine = T(magnitude * std::sin(angle));
      const bool split = pairing == ir::Pairing::HalfSplit;
      const int64_t first = split ? i : 2 * i, second = split ? i + pairs : 2 * i + 1;
      for (int64_t head = 0; head < x.columns; head += headSize) {
        const T a = x.row(r)[head + first], b = x.row(r)[head + second];
        y.row(r)[head + first] = a * cosine - b * sine;
        y.row(r)[head + second] = a * sine + b * cosine;
      }
    }
  return y;
}

template <typename T> T reference::activate(ir::Activation activation, T x) {
  switch (activation) {
  case ir::Activation::SiLU:
    return x / (T(1) + std::exp(-x));
  case ir::Activation::GELUErf:
    return x * (T(1) + std::erf(x * T(std::numbers::sqrt2 / 2))) / T(2);
  case ir::Activation::GELUTanh: // arXiv:1606.08415, section 2
    return x * (T(1) + std::tanh(T(std::sqrt(2 / std::numbers::pi)) * (x + T(0.044715) * x * x * x))) / T(2);
  case ir::Activation::ReLU:
    return std::max(x, T(0));
  case ir::Activation::ReLUSquared:
    return std::max(x, T(0)) * std::max(x, T(0));
  case ir::Activation::XIELU:
    break;
  }
  llvm_unreachable("xielu has numbers of its own");
}

template <typename T> T reference::xielu(T x, T positive, T negative) {
  return (x > 0 ? positive * x * x : (negative + T(0.5)) * (std::expm1(x) - x)) + x / 2;
}

template <typename T> Matrix<T> reference::quantized(ir::QuantizeOp op, const Matrix<T> &x) {
  const bool q16 = llvm::isa<ir::Q16Type>(op.getType().getElementType());
  const size_t columns = q16 ? 32 : 16;
  const T most = q16 ? T(32512) : T(127);
  Matrix<T> y(x.rows, x.columns);
  for (size_t group = 0; group < x.values.size(); group += columns) {
    T largest = 0;
    for (size_t i = 0; i < columns; ++i)
      largest = std::max(largest, std::abs(x.values[group + i]));
    const T scale = largest / most;
    for (size_t i = 0; i < columns; ++i)
      y.values[group + i] = scale == 0 ? T(0) : std::nearbyint(x.values[group + i] / scale) * scale;
  }
  return y;
}

namespace lathe::reference {
#define INSTANTIATE(T)                                                                                                 \
  template Matrix<T> normalize(ir::NormOp, const Matrix<T> &, const std::vector<T> &, const std::vector<T> &);         \
  template Matrix<T> rotate(const Matrix<T> &, llvm::ArrayRef<int32_t>, llvm::ArrayRef<int32_t>, ir::RotationOp,       \
                            int64_t, ir::Pairing);                                                                     \
  template T activate(ir::Activation, T);                                                                              \
  template T xielu(T, T, T);                                                                                           \
  template Matrix<T> quantized(ir::QuantizeOp, const Matrix<T> &);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
} // namespace lathe::reference
