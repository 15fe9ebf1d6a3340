#include "tools/lathe/Quantization.h"
#include "compiler/support/Output.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace lathe::cli {

static llvm::Error writeJson(llvm::ArrayRef<QuantizedTensor> tensors, const std::string &file) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const QuantizedTensor &tensor : tensors)
    all.push_back({{"role", tensor.role},
                   {"tensor", tensor.tensor},
                   {"from", formatName(tensor.from).str()},
                   {"to", formatName(tensor.to).str()},
                   {"rows", tensor.rows},
                   {"columns", tensor.columns},
                   {"rmse", tensor.rmse()},
                   {"nmse", tensor.nmse()}});
  return writeFile(file, [&](llvm::raw_ostream &out) {
    out << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return llvm::Error::success();
  });
}

/// "3 matrices stay as they are: 20, 36 columns are no multiple of 32", or nothing.
static std::string unfitText(const std::map<int64_t, int> &unfit) {
  int count = 0;
  std::string columns;
  for (auto [size, matrices] : unfit) {
    count += matrices;
    columns += (columns.empty() ? "" : ", ") + std::to_string(size);
  }
  if (!count)
    return "";
  return llvm::formatv("{0} stay as they are: {1} columns are no multiple of 32",
                       count == 1 ? "1 matrix" : std::to_string(count) + " matrices", columns);
}

llvm::Error reportQuantization(const QuantizationLog &log, const std::string &file) {
  std::vector<QuantizedTensor> tensors = log.tensors();
  llvm::sort(tensors, [](const auto &a, const auto &b) {
    return std::tuple(-a.nmse(), a.role) < std::tuple(-b.nmse(), b.role);
  });
  std::map<Format, int> counts;
  SquaredError all;
  for (const QuantizedTensor &tensor : tensors) {
    ++counts[tensor.to];
    all.add(tensor.error);
  }
  llvm::raw_ostream &out = llvm::errs();
  auto percent = [](double nmse) { return llvm::formatv("{0:f2} %", 100 * std::sqrt(nmse)).str(); };
  const std::string unfit = unfitText(log.unfitColumns());
  if (tensors.empty()) {
    out << "quantised nothing: " << (unfit.empty() ? "the weights are stored so" : unfit) << '\n';
  } else {
    std::string list;
    for (auto [format, count] : counts)
      list += (list.empty() ? "" : ", ") + llvm::formatv("{0} matrices to {1}", count, formatName(format)).str();
    out << llvm::formatv("quantised {0}; error {1} of the weights, at most {2} ({3}){4}\n", list, percent(all.nmse()),
                         percent(tensors.front().nmse()), tensors.front().role, unfit.empty() ? "" : "; " + unfit);
  }
  return file.empty() ? llvm::Error::success() : writeJson(tensors, file);
}

} // namespace lathe::cli
