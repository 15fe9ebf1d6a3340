#include "compiler/spec/QuantizationLog.h"
#include <atomic>
#include <cmath>
#include <numeric>

namespace lathe {

double QuantizedTensor::rmse() const { return std::sqrt(error.error / (double(rows) * double(columns))); }

size_t QuantizationLog::add(const Weight &original, Format to) {
  entries.push_back({{original.role, original.tensor, original.format, to, original.rows, original.columns, {}},
                     std::vector<float>(original.rows),
                     std::vector<float>(original.rows)});
  return entries.size() - 1;
}

void QuantizationLog::record(size_t index, int64_t row, llvm::ArrayRef<float> before, llvm::ArrayRef<float> after) {
  SquaredError sum;
  for (size_t i = 0; i < before.size(); ++i)
    sum.add(after[i], before[i]);
  Entry &entry = entries[index];
  std::atomic_ref(entry.error[row]).store(static_cast<float>(sum.error), std::memory_order_relaxed);
  std::atomic_ref(entry.power[row]).store(static_cast<float>(sum.power), std::memory_order_relaxed);
}

std::vector<QuantizedTensor> QuantizationLog::tensors() const {
  std::vector<QuantizedTensor> result;
  for (const Entry &entry : entries) {
    QuantizedTensor tensor = entry.tensor;
    tensor.error = {std::accumulate(entry.error.begin(), entry.error.end(), 0.0),
                    std::accumulate(entry.power.begin(), entry.power.end(), 0.0)};
    result.push_back(std::move(tensor));
  }
  return result;
}

} // namespace lathe
