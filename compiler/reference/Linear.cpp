//===- Linear.cpp - ops that read weights -------------------------------------------------------------------------===//
#include "compiler/reference/Experts.h"
#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Rowwise.h"
#include "compiler/support/Error.h"
#include <optional>
#include <thread>

using namespace lathe;
using namespace lathe::reference;

namespace {

/// Runs work(begin, end) over [0, count) on `threads` threads; each index is the work of one. The error of the lowest
/// indices is the result.
template <typename F> llvm::Error parallelFor(int64_t count, unsigned threads, F work) {
  std::vector<std::thread> others;
  std::vector<std::optional<llvm::Error>> errors(std::max(threads, 1u));
  for (unsigned t = 1; t < threads; ++t)
    others.emplace_back([=, &errors] { errors[t] = work(count * t / threads, count * (t + 1) / threads); });
  errors[0] = work(0, count / std::max(threads, 1u));
  for (std::thread &other : others)
    other.join();
  llvm::Error first = llvm::Error::success();
  for (std::optional<llvm::Error> &error : errors)
    if (!first)
      first = std::move(*error);
    else
      llvm::consumeError(std::move(*error));
  return first;
}

/// Multiplications below which a thread costs more than it saves.
constexpr int64_t kSmallWork = 1 << 18;

} // namespace

template <typename T>
llvm::Expected<std::vector<WeightRows>> Interpreter<T>::sources(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol) {
  std::vector<WeightRows> result;
  for (ir::WeightOp weight : ir::weightsOf(symbols, user, symbol)) {
    WeightRows &known = found[weight.getSymName()];
    if (!known.read) {
      llvm::Expected<WeightRows> looked = lookup(weight.getSymName());
      if (!looked)
        return looked.takeError();
      llvm::ArrayRef<int64_t> declared = weight.getType().getShape();
      if (looked->rows != declared[0] || looked->columns != declared[1])
        return makeError("weight {0} is [{1}, {2}]; the module declares [{3}, {4}]", weight.getSymName(), looked->rows,
                         looked->columns, declared[0], declared[1]);
      known = std::move(*looked);
    }
    result.push_back(known);
  }
  return result;
}

template <typename T>
llvm::Expected<std::vector<T>> Interpreter<T>::vector(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol) {
  std::vector<T> result;
  if (!symbol)
    return result;
  auto parts = sources(user, symbol);
  if (!parts)
    return parts.takeError();
  std::vector<float> row;
  for (const WeightRows &part : *parts) {
    row.resize(part.columns);
    if (llvm::Error error = part.read(0, row.data()))
      return std::move(error);
    result.insert(result.end(), row.begin(), row.end());
  }
  return result;
}

template <typename T>
llvm::Expected<Matrix<T>> Interpreter<T>::matrix(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol) {
  auto parts = sources(user, symbol);
  if (!parts)
    return parts.takeError();
  const WeightRows &weight = parts->front();
  Matrix<T> result(weight.rows, weight.columns);
  std::vector<float> row(weight.columns);
  for (int64_t r = 0; r < weight.rows; ++r) {
    if (llvm::Error error = weight.read(r, row.data()))
      return std::move(error);
    std::copy(row.begin(), row.end(), result.row(r));
  }
  return result;
}

template <typename T> llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::EmbedOp op, llvm::ArrayRef<int32_t> ids) {
  auto tables = sources(op, op.getTableAttr());
  if (!tables)
    return tables.takeError();
  const T scale = T(op.getScale().convertToDouble());
  Matrix<T> result(ids.size(), ir::widthOf(op.getResult()));
  std::vector<float> row(result.columns);
  for (auto [r, id] : llvm::enumerate(ids)) {
    int64_t index = id < 0 ? id : id + op.getOffset();
    auto table = tables->begin();
    for (; table != tables->end() && index >= table->rows; ++table)
      index -= table->rows;
    if (index < 0 || table == tables->end())
      return makeError("ids[{0}] = {1} is not a row of {2}", r, id, op.getTable());
    if (llvm::Error error = table->read(index, row.data()))
      return std::move(error);
    for (int64_t i = 0; i < result.columns; ++i)
      result.row(r)[i] = scale * T(row[i]);
  }
  return result;
}

template <typename T> llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::NormOp op, const Matrix<T> &input) {
  auto weight = vector(op, op.getWeightAttr());
  if (!weight)
    return weight.takeError();
  auto bias = vector(op, op.getBiasAttr());
  if (!bias)
    return bias.takeError();
  return normalize(op, input, *weight, *bias);
}

template <typename T>
llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::ConvOp op, const Matrix<T> &input, Places places) {
  auto weight = matrix(op, op.getWeightAttr());
  if (!weight)
    return weight.takeError();
  auto bias = vector(op, op.getBiasAttr());
  if (!bias)
    return bias.takeError();
  return convolve(convStates, op.getLayer(), input, *weight, *bias, places);
}

template <typename T>
llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::ScanOp op, const Matrix<T> &input, const Matrix<T> &dt,
                                                   const Matrix<T> &b, const Matrix<T> &c, Places places) {
  auto a = matrix(op, op.getAAttr());
  if (!a)
    return a.takeError();
  auto d = vector(op, op.getDAttr());
  if (!d)
    return d.takeError();
  auto bias = vector(op, op.getDtBiasAttr());
  if (!bias)
    return bias.takeError();
  const ScanParameters<T> parameters{op.getLayer(),
                                     op.getGroups(),
                                     std::move(*a),
                                     std::move(*d),
                                     std::move(*bias),
                                     T(op.getDtMin().convertToDouble()),
                                     T(op.getDtMax().convertToDouble())};
  return scan(scanStates, parameters, input, dt, b, c, places);
}

template <typename T>
llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::LinearOp op, const Matrix<T> &input, const Matrix<T> *choices) {
  Matrix<T> result(input.rows, ir::widthOf(op.getResult()));
  const int64_t experts = op.getExperts();
  const std::vector<std::vector<int64_t>> rowsOf = rowsOfExperts(choices, input.rows, experts);
  if (op.getBiases()) {
    int64_t offset = 0;
    for (auto symbol : op.getBiases()->getAsRange<mlir::FlatSymbolRefAttr>()) {
      auto parts = sources(op, symbol);
      if (!parts)
        return parts.takeError();
      for (const WeightRows &bias : *parts) {
        std::vector<float> stored(bias.columns);
        if (llvm::Error error = bias.read(0, stored.data()))
          return std::move(error);
        const int64_t part = bias.columns / experts;
        for (int64_t e = 0; e < experts; ++e)
          for (int64_t r : rowsOf[e])
            std::copy_n(stored.begin() + e * part, part, result.row(r) + offset);
        offset += part;
      }
    }
  }
  int64_t offset = 0;
  for (auto symbol : op.getWeights().template getAsRange<mlir::FlatSymbolRefAttr>()) {
    auto parts = sources(op, symbol);
    if (!parts)
      return parts.takeError();
    for (const WeightRows &weight : *parts) {
      const bool small = weight.rows * weight.columns * input.rows < kSmallWork;
      const int64_t part = weight.rows / experts;
      auto multiply = [&, offset](int64_t begin, int64_t end) -> llvm::Error {
        std::vector<float> stored(weight.columns);
        std::vector<T> row(weight.columns);
        for (int64_t n = begin; n < end; ++n) {
          const std::vector<int64_t> &rows = rowsOf[n / part];
          if (rows.empty())
            continue;
          if (llvm::Error error = weight.read(n, stored.data()))
            return error;
          std::copy(stored.begin(), stored.end(), row.begin());
          for (int64_t r : rows)
            result.row(r)[offset + n % part] += dot(row.data(), input.row(r), weight.columns);
        }
        return llvm::Error::success();
      };
      if (llvm::Error error = parallelFor(weight.rows, small ? 1 : options.threads, multiply))
        return std::move(error);
      offset += part;
    }
  }
  return result;
}

// The rest of the class is instantiated by Interpreter.cpp.
#define INSTANTIATE(T)                                                                                                 \
  template llvm::Expected<std::vector<WeightRows>> Interpreter<T>::sources(mlir::Operation *,                          \
                                                                           mlir::FlatSymbolRefAttr);                   \
  template llvm::Expected<std::vector<T>> Interpreter<T>::vector(mlir::Operation *, mlir::FlatSymbolRefAttr);          \
  template llvm::Expected<Matrix<T>> Interpreter<T>::matrix(mlir::Operation *, mlir::FlatSymbolRefAttr);               \
  template llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::EmbedOp, llvm::ArrayRef<int32_t>);                   \
  template llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::NormOp, const Matrix<T> &);                          \
  template llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::LinearOp, const Matrix<T> &, const Matrix<T> *);     \
  template llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::ConvOp, const Matrix<T> &, Places);                  \
  template llvm::Expected<Matrix<T>> Interpreter<T>::evaluate(ir::ScanOp, const Matrix<T> &, const Matrix<T> &,        \
                                                              const Matrix<T> &, const Matrix<T> &, Places);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
