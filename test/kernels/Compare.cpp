//===- Compare.cpp - a kernel's results beside what they mean ---------------------------------------------------===//
#include "test/kernels/Compare.h"
#include "compiler/support/Error.h"
#include <cmath>
#include <limits>
#include <numeric>

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

namespace {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

class Comparison {
public:
  Comparison(const std::string &name, Tolerance tolerance) : name(name), tolerance(tolerance) {}

  double tolerated(double meant) const {
    return (tolerance.absolute + tolerance.relative * std::fabs(meant)) * kEpsilon;
  }
  /// `more`: an error that is none.
  void add(size_t i, double value, double meant, double more = 0) {
    if (meant == kFree || value == meant || (std::isnan(value) && std::isnan(meant)))
      return;
    const double error = std::max(0.0, std::fabs(value - meant) - more);
    double share = error == 0 ? 0 : error / tolerated(meant);
    if (!std::isfinite(value) || !std::isfinite(meant))
      share = std::numeric_limits<double>::infinity();
    if (share > worst.share)
      worst = {share, llvm::formatv("{0}[{1}] is {2:e9}, should be {3:e9}", name, i, value, meant).str()};
  }

  Worst worst;

private:
  const std::string name;
  const Tolerance tolerance;
};

} // namespace

/// The row that is in q, of q16 low, scale and sum (compiler/layout/Rows.h).
static Expected<Worst> compareQuantized(const KernelRun &run, const std::vector<double> &row, Tolerance tolerance) {
  const bool q16 = llvm::any_of(run.arguments, [](const Argument &argument) { return argument.name == "low"; });
  const std::vector<double> q = run.read("q"), low = q16 ? run.read("low") : std::vector<double>(q.size());
  const std::vector<double> scale = run.read("scale"), sum = run.read("sum");
  const auto columns = size_t(scaleColumns(q16 ? ActFormat::Q16 : ActFormat::Q8));
  std::vector<double> v(row.size());
  for (size_t i = 0; i < row.size(); ++i)
    v[i] = q16 ? 256 * q[i] + low[i] : q[i];
  for (size_t s = 0; s < sum.size(); ++s)
    if (const auto begin = v.begin() + s * kSumColumns; sum[s] != std::accumulate(begin, begin + kSumColumns, 0.0))
      return makeError("sum[{0}] is {1}, which is not the sum of its columns", s, sum[s]);
  Comparison comparison("row", tolerance);
  for (size_t g = 0; g < scale.size(); ++g) {
    double largest = 0, meant = 0;
    for (size_t i = g * columns; i < (g + 1) * columns; ++i) {
      // Half a step, and what its quotient in f32 is off by: 32512 * 2^-23 of a step.
      comparison.add(i, scale[g] * v[i], row[i], scale[g] * (0.5 + 0x1p-7));
      largest = std::max(largest, std::fabs(scale[g] * v[i]));
      meant = std::max(meant, std::fabs(row[i]));
    }
    comparison.add(g * columns, largest, meant);
  }
  return comparison.worst;
}

Expected<Worst> test::compare(const KernelRun &run, const Numbers &outputs, Tolerance tolerance) {
  Worst worst;
  for (const auto &[name, meant] : outputs) {
    const auto argument = std::ranges::find(run.arguments, name, &Argument::name);
    if (argument == run.arguments.end()) { // "y"
      Expected<Worst> quantized = compareQuantized(run, meant, tolerance);
      if (!quantized)
        return quantized.takeError();
      worst.add(*quantized);
      continue;
    }
    const std::vector<double> values = run.read(name);
    if (values.size() != meant.size())
      return makeError("{0} has {1} elements, and {2} are meant", name, values.size(), meant.size());
    const bool whole = argument->type == ElementType::I32, half = argument->type == ElementType::F16,
               byte = argument->type == ElementType::I8;
    Comparison comparison(name, whole ? Tolerance{0, 0} : tolerance);
    for (size_t i = 0; i < values.size(); ++i) // an f16 has 11 bits, and below 2^-14 none finer than 2^-24
      comparison.add(i, values[i], meant[i],
                     byte   ? 0.5 + 0x1p-10
                     : half ? std::max(std::fabs(meant[i]) * 0x1p-11, 0x1p-25)
                            : 0);
    worst.add(comparison.worst);
  }
  return worst;
}
