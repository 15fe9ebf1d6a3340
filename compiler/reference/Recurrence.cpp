//===- Recurrence.cpp - what a sequence's recurrent state is and what changes it ---------------------------------===//
#include "compiler/reference/Recurrence.h"
#include "compiler/support/Error.h"
#include <algorithm>
#include <cmath>

using namespace lathe;
using namespace lathe::reference;

/// The state of row r's sequence, ready for its position: a new one of `size` zeros at position 0.
template <typename T>
static llvm::Expected<State<T> *> stateOf(States<T> &states, int64_t layer, int64_t size, Places places, int64_t r) {
  State<T> &state = states[{layer, places.slots[r]}];
  if (places.positions[r] == 0)
    state = {0, std::vector<T>(size)};
  if (places.positions[r] != state.length || int64_t(state.values.size()) != size)
    return makeError("positions[{0}] = {1} does not follow sequence {2}, which has {3} positions in layer {4}", r,
                     places.positions[r], places.slots[r], state.length, layer);
  ++state.length;
  return &state;
}

template <typename T>
llvm::Expected<Matrix<T>> reference::convolve(States<T> &states, int64_t layer, const Matrix<T> &input,
                                              const Matrix<T> &weight, const std::vector<T> &bias, Places places) {
  const int64_t width = weight.columns, channels = input.columns;
  Matrix<T> result(input.rows, channels);
  for (int64_t r = 0; r < input.rows; ++r) {
    auto state = stateOf(states, layer, width * channels, places, r);
    if (!state)
      return state.takeError();
    auto latest = [&](int64_t position) { return (*state)->values.data() + position % width * channels; };
    const int64_t position = places.positions[r];
    std::copy_n(input.row(r), channels, latest(position));
    for (int64_t c = 0; c < channels; ++c) {
      T sum = bias.empty() ? T(0) : bias[c];
      for (int64_t k = 0; k < width; ++k)
        if (const int64_t seen = position - width + 1 + k; seen >= 0)
          sum += weight.row(c)[k] * latest(seen)[c];
      result.row(r)[c] = sum;
    }
  }
  return result;
}

/// ln(1 + e^x).
template <typename T> static T softplus(T x) { return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x))); }

template <typename T>
llvm::Expected<Matrix<T>> reference::scan(States<T> &states, const ScanParameters<T> &p, const Matrix<T> &input,
                                          const Matrix<T> &dt, const Matrix<T> &b, const Matrix<T> &c, Places places) {
  const int64_t heads = dt.columns, headSize = input.columns / heads, size = b.columns / p.groups;
  Matrix<T> result(input.rows, input.columns);
  for (int64_t r = 0; r < input.rows; ++r) {
    auto state = stateOf(states, p.layer, input.columns * size, places, r);
    if (!state)
      return state.takeError();
    for (int64_t channel = 0; channel < input.columns; ++channel) {
      const int64_t head = channel / headSize, group = head / (heads / p.groups);
      const T *bs = b.row(r) + group * size, *cs = c.row(r) + group * size;
      T step = std::max(softplus(dt.row(r)[head] + p.dtBias[head]), p.dtMin);
      if (p.dtMax > 0)
        step = std::min(step, p.dtMax);
      const T x = input.row(r)[channel];
      T sum = p.d[head] * x, *h = (*state)->values.data() + channel * size;
      for (int64_t n = 0; n < size; ++n) {
        const T a = p.a.rows == 1 ? p.a.row(0)[head] : p.a.row(head)[n];
        h[n] = std::exp(step * a) * h[n] + step * bs[n] * x;
        sum += cs[n] * h[n];
      }
      result.row(r)[channel] = sum;
    }
  }
  return result;
}

namespace lathe::reference {
#define INSTANTIATE(T)                                                                                                 \
  template llvm::Expected<Matrix<T>> convolve(States<T> &, int64_t, const Matrix<T> &, const Matrix<T> &,              \
                                              const std::vector<T> &, Places);                                         \
  template llvm::Expected<Matrix<T>> scan(States<T> &, const ScanParameters<T> &, const Matrix<T> &,                   \
                                          const Matrix<T> &, const Matrix<T> &, const Matrix<T> &, Places);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
} // namespace lathe::reference
