#include "compiler/spec/MappedWeight.h"
#include "compiler/support/Error.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>
#include <numeric>

namespace lathe {

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

static int64_t elementsOf(const Tensor &tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t(1), std::multiplies<int64_t>());
}

std::string MappedWeight::place(int64_t row, int64_t column) const {
  const int64_t units = (vector ? columns : rows) / int64_t(parts.size()), unit = vector ? column : row;
  const int64_t part = unit / units, at = layout.of(order.stored(unit % units));
  const Tensor &tensor = *tensors[tensors.size() == 1 ? 0 : part];
  int64_t index = vector ? at : transposed ? column * layout.total + at : at * columns + column;
  if (tensors.size() == 1)
    index += part * (elementsOf(tensor) / int64_t(parts.size()));
  std::vector<int64_t> indices(tensor.shape.size());
  for (size_t i = indices.size(); i-- > 0; index /= tensor.shape[i])
    indices[i] = index % tensor.shape[i];
  std::string where = indices.size() == 1   ? llvm::formatv("element {0}", indices[0]).str()
                      : indices.size() == 2 ? llvm::formatv("row {0}, column {1}", indices[0], indices[1]).str()
                                            : "element " + shapeText(indices);
  return llvm::formatv("{0}: tensor '{1}': {2}", *file, printable(tensor.name), where).str();
}

float MappedWeight::transformed(float value) const {
  switch (transform) {
  case spec::TensorBinding::NEGATIVE_EXP:
    return static_cast<float>(-std::exp(double(value)));
  case spec::TensorBinding::SOFTPLUS:
    return static_cast<float>(std::max(double(value), 0.0) + std::log1p(std::exp(-std::abs(double(value)))));
  default:
    return value;
  }
}

void MappedWeight::readStored(int64_t row, uint8_t *out) const {
  const int64_t size = blockBytes(stored), units = (vector ? columns : rows) / int64_t(parts.size());
  if (vector) {
    for (int64_t i = 0; i < columns; ++i)
      std::memcpy(out + i * size, parts[i / units] + layout.of(order.stored(i % units)) * size, size);
    return;
  }
  const uint8_t *data = parts[row / units];
  const int64_t at = layout.of(order.stored(row % units)), bytes = rowBytes(stored, columns);
  if (!scales.empty())
    return joinMxfp4(data, scales[row / units], at * (columns / blockColumns(stored)), out);
  if (!transposed) {
    std::memcpy(out, data + at * bytes, bytes);
    return;
  }
  for (int64_t i = 0; i < columns; ++i)
    std::memcpy(out + i * size, data + (i * layout.total + at) * size, size);
}

void MappedWeight::joinMxfp4(const uint8_t *nibbles, const uint8_t *scaleBytes, int64_t first, uint8_t *out) const {
  constexpr int64_t half = 16; // bytes of a block's 32 columns
  for (int64_t block = first; block < first + columns / (2 * half); ++block) {
    const uint8_t *in = nibbles + block * half;
    *out++ = scaleBytes[block];
    for (int64_t i = 0; i < half; ++i) {
      auto code = [&](int64_t column) { return in[column / 2] >> (column % 2 * 4) & 15; };
      *out++ = static_cast<uint8_t>(code(i) | code(i + half) << 4);
    }
  }
}

llvm::Error MappedWeight::makeBlocks(int64_t row, uint8_t *out) const {
  if (stored == format && transform == spec::TensorBinding::AS_STORED) {
    readStored(row, out);
    return llvm::Error::success();
  }
  std::vector<uint8_t> blocks(rowBytes(stored, columns));
  std::vector<float> values(columns);
  readStored(row, blocks.data());
  dequantize(stored, blocks.data(), columns, values.data());
  for (int64_t i = 0; i < columns; ++i)
    if (const float value = values[i]; std::isfinite(value) && !std::isfinite(values[i] = transformed(value)))
      return makeError("{0} is {1:e2}, whose exponential no f32 can hold", place(row, i), double(value));
  quantize(format, values.data(), columns, out);
  return llvm::Error::success();
}

} // namespace lathe
