//===- Experts.h - mixtures of experts: who computes what ---------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_REFERENCE_EXPERTS_H
#define LATHE_COMPILER_REFERENCE_EXPERTS_H

#include "compiler/dialect/Lathe.h"
#include "compiler/reference/Matrix.h"
#include <functional>

namespace lathe::reference {

/// Says what a row chooses where its scores alone do not: gets the row, the scores that choices are made by, and the
/// choice that they make, ascending; gives as many. For comparisons with a program whose rounding tips near ties.
template <typename T>
using Chooser = std::function<std::vector<int64_t>(ir::RouteOp op, int64_t row, const std::vector<T> &wanted,
                                                   std::vector<int64_t> chosen)>;

/// lathe.route: [rows, 2 * choices], first the experts in ascending order, then their weights. `bias` has an element
/// for each expert, or none.
/// `choose` may be empty.
template <typename T>
Matrix<T> route(ir::RouteOp op, const Matrix<T> &logits, const std::vector<T> &bias, const Chooser<T> &choose);

/// lathe.assign: a row {row, which of its choices, expert} for each choice of each row, by expert.
template <typename T> Matrix<T> assign(const Matrix<T> &routes, int64_t experts);

/// lathe.dispatch: the row of x of each choice.
template <typename T> Matrix<T> dispatch(const Matrix<T> &x, const Matrix<T> &choices);

/// lathe.collect: the weighted sum of each row's choices.
template <typename T> Matrix<T> collect(const Matrix<T> &x, const Matrix<T> &choices, const Matrix<T> &routes);

/// Rows of a linear's input for each expert: those of its choices. Without choices: one expert that has all `rows`.
template <typename T>
std::vector<std::vector<int64_t>> rowsOfExperts(const Matrix<T> *choices, int64_t rows, int64_t experts);

} // namespace lathe::reference

#endif
