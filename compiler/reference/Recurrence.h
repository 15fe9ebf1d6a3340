//===- Recurrence.h - what a sequence's recurrent state is and what changes it --------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_REFERENCE_RECURRENCE_H
#define LATHE_COMPILER_REFERENCE_RECURRENCE_H

#include "compiler/reference/Attention.h"
#include "compiler/reference/Matrix.h"
#include "llvm/Support/Error.h"
#include <map>

namespace lathe::reference {

/// Of each layer and sequence.
template <typename T> struct State {
  int64_t length = 0;    ///< positions that it has seen
  std::vector<T> values; ///< lathe.conv: latest inputs, [position mod width][channel]; lathe.scan: [channel][N]
};
template <typename T> using States = std::map<std::pair<int64_t, int32_t>, State<T>>;

/// lathe.conv: weight [channels, width]; bias [channels], or none.
template <typename T>
llvm::Expected<Matrix<T>> convolve(States<T> &states, int64_t layer, const Matrix<T> &input, const Matrix<T> &weight,
                                   const std::vector<T> &bias, Places places);

/// The weights and limits of lathe.scan.
template <typename T> struct ScanParameters {
  int64_t layer, groups;
  Matrix<T> a; ///< [heads, N], or [1, heads]
  std::vector<T> d, dtBias;
  T dtMin, dtMax;
};
/// lathe.scan.
template <typename T>
llvm::Expected<Matrix<T>> scan(States<T> &states, const ScanParameters<T> &parameters, const Matrix<T> &input,
                               const Matrix<T> &dt, const Matrix<T> &b, const Matrix<T> &c, Places places);

} // namespace lathe::reference

#endif
