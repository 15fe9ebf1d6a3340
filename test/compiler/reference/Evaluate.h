//===- Evaluate.h - a few ops on a few numbers --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_REFERENCE_EVALUATE_H
#define LATHE_TEST_COMPILER_REFERENCE_EVALUATE_H

#include "compiler/reference/Interpreter.h"
#include "compiler/support/Error.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include <map>
#include <stdexcept>

namespace lathe::test {

using Rows = std::vector<std::vector<float>>;

/// A module of declared weights `numbers` ("f32") and functions in `text`, ready to run. Functions get their rows with
/// lathe.embed from a weight.
class Evaluation {
public:
  Evaluation(const std::string &text, std::map<std::string, Rows> numbers, reference::Options options = {})
      : numbers(std::move(numbers)) {
    context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>();
    std::string whole;
    for (auto &[name, rows] : this->numbers)
      whole += llvm::formatv("lathe.weight @{0} \"f32\" : tensor<{1}x{2}xf32>\n", name, rows.size(), rows[0].size());
    module = mlir::parseSourceString<mlir::ModuleOp>(whole + text, &context);
    if (!module)
      throw std::runtime_error("the test's module is wrong: see above");
    interpreter.emplace(
        *module,
        [this](llvm::StringRef role) -> llvm::Expected<reference::WeightRows> {
          auto found = this->numbers.find(role.str());
          if (found == this->numbers.end())
            return makeError("no weight {0}", role);
          const Rows &rows = found->second;
          return reference::WeightRows{int64_t(rows.size()), int64_t(rows[0].size()), [&rows](int64_t row, float *out) {
                                         std::copy(rows[row].begin(), rows[row].end(), out);
                                         return llvm::Error::success();
                                       }};
        },
        options);
  }

  /// Function @f for rows `ids` at `positions` (0 when none are given), of sequence 0 unless `slots` says so; each row
  /// of the result, or the error as one row of nothing and `error`.
  std::vector<std::vector<double>> run(std::vector<int32_t> ids, std::vector<int32_t> positions = {},
                                       std::vector<int32_t> slots = {}, std::vector<int32_t> logitRows = {}) {
    positions.resize(std::max(positions.size(), ids.size()));
    slots.resize(std::max(slots.size(), ids.size()));
    error.clear();
    auto result = interpreter->step("f", {ids, positions, slots, logitRows});
    if (!result) {
      error = llvm::toString(result.takeError());
      return {};
    }
    std::vector<std::vector<double>> rows;
    for (int64_t r = 0; r < result->rows; ++r)
      rows.emplace_back(result->row(r), result->row(r) + result->columns);
    return rows;
  }

  std::string error;
  std::map<std::string, Rows> numbers;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::optional<reference::Interpreter<double>> interpreter;
};

/// @f with `body` after %x = the embedded rows, `width` wide; the body makes %y, `resultWidth` wide.
inline std::string function(const std::string &body, int64_t width, int64_t resultWidth) {
  return llvm::formatv(R"(
    func.func @f(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>)
        -> tensor<?x{2}xf32> {{
      %x = lathe.embed %ids, @x : tensor<?x{1}xf32>
      {0}
      return %y : tensor<?x{2}xf32>
    })",
                       body, width, resultWidth)
      .str();
}

} // namespace lathe::test

#endif
