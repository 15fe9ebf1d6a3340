//===- Experts.cpp - mixtures of experts: who computes what ------------------------------------------------------===//
#include "compiler/reference/Experts.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::reference;

/// The places of the `count` greatest values, of equals the first, in ascending order.
template <typename T> static std::vector<int64_t> greatest(const std::vector<T> &values, int64_t count) {
  std::vector<bool> taken(values.size());
  for (int64_t i = 0; i < count; ++i) {
    int64_t best = -1;
    for (size_t v = 0; v < values.size(); ++v)
      if (!taken[v] && (best < 0 || values[v] > values[best]))
        best = int64_t(v);
    taken[best] = true;
  }
  std::vector<int64_t> places;
  for (size_t v = 0; v < values.size(); ++v)
    if (taken[v])
      places.push_back(int64_t(v));
  return places;
}

template <typename T> static std::vector<T> scores(ir::Scoring scoring, const T *logits, int64_t experts) {
  std::vector<T> result(logits, logits + experts);
  if (scoring == ir::Scoring::Sigmoid) {
    for (T &value : result)
      value = 1 / (1 + std::exp(-value));
    return result;
  }
  const T highest = *llvm::max_element(result);
  T sum = 0;
  for (T &value : result)
    sum += value = std::exp(value - highest);
  for (T &value : result)
    value /= sum;
  return result;
}

/// The experts of all but the `keep` best groups can't be chosen; a group is as good as its two best experts together.
template <typename T> static void dropGroups(std::vector<T> &wanted, int64_t groups, int64_t keep) {
  const int64_t size = wanted.size() / groups;
  std::vector<T> best;
  for (int64_t g = 0; g < groups; ++g) {
    const std::vector<T> own(wanted.begin() + g * size, wanted.begin() + (g + 1) * size);
    const std::vector<int64_t> two = greatest(own, 2);
    best.push_back(own[two[0]] + own[two[1]]);
  }
  const std::vector<int64_t> kept = greatest(best, keep);
  for (size_t e = 0; e < wanted.size(); ++e)
    if (!llvm::is_contained(kept, int64_t(e) / size))
      wanted[e] = -std::numeric_limits<T>::infinity();
}

template <typename T>
Matrix<T> reference::route(ir::RouteOp op, const Matrix<T> &logits, const std::vector<T> &bias,
                           const Chooser<T> &choose) {
  const int64_t experts = logits.columns, choices = ir::widthOf(op.getResult());
  Matrix<T> result(logits.rows, 2 * choices);
  for (int64_t r = 0; r < logits.rows; ++r) {
    const std::vector<T> score = scores(op.getScoring(), logits.row(r), experts);
    std::vector<T> wanted = score; // what choices are made by
    for (size_t e = 0; e < bias.size(); ++e)
      wanted[e] += bias[e];
    std::vector<T> left = wanted;
    if (op.getKeep() < op.getGroups())
      dropGroups(left, op.getGroups(), op.getKeep());
    std::vector<int64_t> chosen = greatest(left, choices);
    if (choose)
      chosen = choose(op, r, wanted, std::move(chosen));
    T sum = op.getNormalize() ? T(0) : T(1);
    for (int64_t expert : chosen)
      sum += op.getNormalize() ? score[expert] : T(0);
    for (int64_t j = 0; j < choices; ++j) {
      result.row(r)[j] = T(chosen[j]);
      result.row(r)[choices + j] = score[chosen[j]] / sum * T(op.getScale().convertToDouble());
    }
  }
  return result;
}

template <typename T> Matrix<T> reference::assign(const Matrix<T> &routes, int64_t experts) {
  const int64_t choices = routes.columns / 2;
  Matrix<T> result(routes.rows * choices, 3);
  int64_t next = 0;
  for (int64_t expert = 0; expert < experts; ++expert)
    for (int64_t r = 0; r < routes.rows; ++r)
      for (int64_t j = 0; j < choices; ++j)
        if (int64_t(routes.row(r)[j]) == expert) {
          T *choice = result.row(next++);
          choice[0] = T(r), choice[1] = T(j), choice[2] = T(expert);
        }
  return result;
}

template <typename T> Matrix<T> reference::dispatch(const Matrix<T> &x, const Matrix<T> &choices) {
  Matrix<T> result(choices.rows, x.columns);
  for (int64_t i = 0; i < choices.rows; ++i)
    std::copy_n(x.row(int64_t(choices.row(i)[0])), x.columns, result.row(i));
  return result;
}

template <typename T>
Matrix<T> reference::collect(const Matrix<T> &x, const Matrix<T> &choices, const Matrix<T> &routes) {
  Matrix<T> result(routes.rows, x.columns);
  for (int64_t i = 0; i < choices.rows; ++i) {
    const int64_t r = int64_t(choices.row(i)[0]), j = int64_t(choices.row(i)[1]);
    const T weight = routes.row(r)[routes.columns / 2 + j];
    for (int64_t c = 0; c < x.columns; ++c)
      result.row(r)[c] += weight * x.row(i)[c];
  }
  return result;
}

template <typename T>
std::vector<std::vector<int64_t>> reference::rowsOfExperts(const Matrix<T> *choices, int64_t rows, int64_t experts) {
  std::vector<std::vector<int64_t>> result(experts);
  for (int64_t i = 0; i < rows; ++i)
    result[choices ? int64_t(choices->row(i)[2]) : 0].push_back(i);
  return result;
}

namespace lathe::reference {
#define INSTANTIATE(T)                                                                                                 \
  template Matrix<T> route(ir::RouteOp, const Matrix<T> &, const std::vector<T> &, const Chooser<T> &);                \
  template Matrix<T> assign(const Matrix<T> &, int64_t);                                                               \
  template Matrix<T> dispatch(const Matrix<T> &, const Matrix<T> &);                                                   \
  template Matrix<T> collect(const Matrix<T> &, const Matrix<T> &, const Matrix<T> &);                                 \
  template std::vector<std::vector<int64_t>> rowsOfExperts(const Matrix<T> *, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
} // namespace lathe::reference
