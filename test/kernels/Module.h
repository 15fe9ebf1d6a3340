//===- Module.h - numbers as weights of a module of ops, for meanings ---------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_KERNELS_MODULE_H
#define LATHE_TEST_KERNELS_MODULE_H

#include "test/compiler/reference/Evaluate.h"
#include "test/kernels/Meaning.h"

namespace lathe::test {

using Matrix = reference::Matrix<double>;

/// Draws the inputs of a case. The same name gives the same numbers again.
class Draw {
public:
  explicit Draw(const KernelCase &kernelCase);

  /// As the case says, exact in f32; with `half` in f16.
  std::vector<double> operator()(const std::string &name, int64_t count, bool half = false) const;
  /// For the argument of that name.
  std::vector<double> argument(const std::string &name) const;
  /// Integers in [low, high].
  std::vector<double> integers(const std::string &name, int64_t count, int64_t low, int64_t high) const;

private:
  const KernelCase &kernelCase;
};

/// A module whose functions are written op by op.
///
///   Module m;
///   m.rows("x", numbers, columns);                 // @x, and %x: row ids[i] of it
///   m.vector("weight", …);                         // @weight
///   m.op("y", "lathe.norm rms %x, @weight eps 1.0e-5 : " + rowsType(columns));
///   m.end("f", "y", rowsType(columns));            // func @f gives %y
///   Expected<Matrix> y = m.run("f", {.ids = {0}});
class Module {
public:
  explicit Module(reference::Options options = {}) : options(options) {}
  void matrix(const std::string &name, const std::vector<double> &numbers, int64_t columns);
  void vector(const std::string &name, const std::vector<double> &numbers) { matrix(name, numbers, numbers.size()); }
  void rows(const std::string &name, const std::vector<double> &numbers, int64_t columns);
  void symbol(const std::string &text) { symbols += text + "\n"; }
  void op(const std::string &result, const std::string &text) { body += "%" + result + " = " + text + "\n"; }
  void op(const std::string &text) { body += text + "\n"; }
  /// Ends a function of ops, whose result is %`result`.
  void end(const std::string &function, const std::string &result, const std::string &type);

  struct Rows {
    std::vector<int32_t> ids;
    std::vector<int32_t> positions = {}; ///< 0 where there are none
    std::vector<int32_t> logitRows = {};
    int32_t length = 0; ///< of the sequence that all are of; 0: as far as the positions go
  };
  /// Nothing is added after the first run. The cache and states stay from run to run.
  llvm::Expected<Matrix> run(const std::string &function, const Rows &rows);
  mlir::ModuleOp parsed();

private:
  const reference::Options options;
  std::map<std::string, test::Rows> weights;
  std::string symbols, body, functions;
  std::unique_ptr<Evaluation> evaluation;
};

/// As the dialect's text has it: a number, exactly; a list; "tensor<?xNxf32>".
std::string text(double number);
std::string text(const std::vector<double> &numbers);
std::string rowsType(int64_t columns);
/// " word number" where the number is not the usual one.
std::string option(const char *word, double number, double usual);
std::string option(const char *word, int64_t number);
const char *wordOf(Activation activation);

/// 0, 1, …, count - 1.
std::vector<int32_t> counting(int64_t count);
/// `count` columns from `first` on of row r.
std::vector<double> part(const Matrix &matrix, int64_t r, int64_t first, int64_t count);
inline std::vector<double> row(const Matrix &matrix, int64_t r) { return part(matrix, r, 0, matrix.columns); }

} // namespace lathe::test

#endif
