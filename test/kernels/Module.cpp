//===- Module.cpp - numbers as weights of a module of ops, for meanings -----------------------------------------===//
#include "test/kernels/Module.h"
#include "compiler/support/Half.h"
#include "compiler/support/Hash.h"
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace lathe;
using namespace lathe::test;

Draw::Draw(const KernelCase &kernelCase) : kernelCase(kernelCase) {}

/// Of a seed and a name, the same on every machine.
static std::mt19937_64 generator(uint64_t seed, const std::string &name) {
  return std::mt19937_64(hashBytes(name, seed + 1));
}

std::vector<double> Draw::operator()(const std::string &name, int64_t count, bool half) const {
  std::mt19937_64 random = generator(kernelCase.seed, name);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> small(-4, 4);
  std::vector<double> numbers(count);
  for (int64_t i = 0; i < count; ++i) {
    const double drawn = normal(random);
    const auto number = float(kernelCase.fill == Fill::Integers ? small(random)
                              : kernelCase.fill == Fill::Infinite && i % 7 == 3
                                  ? std::copysign(std::numeric_limits<double>::infinity(), drawn)
                                  : kernelCase.shift + kernelCase.spread * drawn);
    numbers[i] = half ? halfToFloat(floatToHalf(number)) : number;
  }
  return numbers;
}

std::vector<double> Draw::argument(const std::string &name) const {
  for (const Argument &argument : argumentsOf(kernelCase.kernel))
    if (argument.name == name)
      return (*this)(name, countOf(argument), argument.type == ElementType::F16);
  return {};
}

std::vector<double> Draw::integers(const std::string &name, int64_t count, int64_t low, int64_t high) const {
  std::mt19937_64 random = generator(kernelCase.seed, name);
  std::uniform_int_distribution<int64_t> uniform(low, high);
  std::vector<double> numbers(count);
  for (double &number : numbers)
    number = double(uniform(random));
  return numbers;
}

void Module::matrix(const std::string &name, const std::vector<double> &numbers, int64_t columns) {
  test::Rows &rows = weights[name];
  for (auto begin = numbers.begin(); begin != numbers.end(); begin += columns)
    rows.emplace_back(begin, begin + columns);
}

void Module::rows(const std::string &name, const std::vector<double> &numbers, int64_t columns) {
  if (!weights.contains(name))
    matrix(name, numbers, columns);
  op(name, "lathe.embed %ids, @" + name + " : " + rowsType(columns));
}

void Module::end(const std::string &function, const std::string &result, const std::string &type) {
  functions += "func.func @" + function +
               "(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %rows: tensor<?xi32>, "
               "%lengths: tensor<?xi32>) -> " +
               type + " {\n" + body + "return %" + result + " : " + type + "\n}\n";
  body.clear();
}

mlir::ModuleOp Module::parsed() {
  if (!evaluation)
    evaluation = std::make_unique<Evaluation>(symbols + functions, std::move(weights), options);
  return *evaluation->module;
}

llvm::Expected<Matrix> Module::run(const std::string &function, const Rows &rows) {
  parsed();
  const size_t count = rows.ids.size();
  std::vector<int32_t> positions = rows.positions, slots(count), lengths(rows.length ? count : 0, rows.length);
  positions.resize(count);
  return evaluation->interpreter->step(function, {rows.ids, positions, slots, rows.logitRows, lengths});
}

std::string test::text(double number) {
  char digits[32];
  snprintf(digits, sizeof digits, "%.17e", number);
  return digits;
}

std::string test::text(const std::vector<double> &numbers) {
  std::string list;
  for (double number : numbers)
    list += (list.empty() ? "[" : ", ") + text(number);
  return list + "]";
}

std::string test::rowsType(int64_t columns) { return "tensor<?x" + std::to_string(columns) + "xf32>"; }

std::string test::option(const char *word, double number, double usual) {
  return number == usual ? "" : std::string(" ") + word + " " + text(number);
}

std::string test::option(const char *word, int64_t number) {
  return number ? std::string(" ") + word + " " + std::to_string(number) : "";
}

const char *test::wordOf(Activation activation) {
  static const char *const words[] = {"none", "silu", "gelu_erf", "gelu_tanh", "relu", "relu_squared", "xielu"};
  return words[static_cast<int>(activation)];
}

std::vector<int32_t> test::counting(int64_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<double> test::part(const Matrix &matrix, int64_t r, int64_t first, int64_t count) {
  return {matrix.row(r) + first, matrix.row(r) + first + count};
}
