#include "compiler/spec/Weights.h"
#include "compiler/spec/Blocks.h"
#include "compiler/support/Error.h"
#include "llvm/Support/Endian.h"
#include <cmath>

namespace lathe {

using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

namespace {

/// Where a block keeps its f16 factors, by which all its numbers are multiplied.
llvm::ArrayRef<int64_t> factorsOf(Format format) {
  static constexpr int64_t first[] = {0}, firstTwo[] = {0, 2}, q2k[] = {80, 82};
  static constexpr int64_t q3k[] = {108}, q6k[] = {208}, tq1[] = {52}, tq2[] = {64};
  switch (format) {
  case Format::Q8_0:
  case Format::Q4_0:
  case Format::Q5_0:
  case Format::IQ4_NL:
  case Format::IQ4_XS:
    return first;
  case Format::Q4_1:
  case Format::Q5_1:
  case Format::Q4_K:
  case Format::Q5_K:
    return firstTwo;
  case Format::Q2_K:
    return q2k;
  case Format::Q3_K:
    return q3k;
  case Format::Q6_K:
    return q6k;
  case Format::TQ1_0:
    return tq1;
  case Format::TQ2_0:
    return tq2;
  case Format::MXFP4: // a power of two, in one byte
  case Format::F32:
  case Format::F16:
  case Format::BF16:
    return {};
  }
  llvm_unreachable("a format that is not in the table");
}

/// Whether one of `count` numbers has all of `exponent`'s bits. Without a branch, so that it runs as vectors.
template <typename Bits> bool anyWithout(Bits exponent, Bits (*read)(const void *), const uint8_t *at, int64_t count) {
  unsigned found = 0;
  for (int64_t i = 0; i < count; ++i)
    found |= (read(at + i * sizeof(Bits)) & exponent) == exponent;
  return found != 0;
}

/// False: all are finite.
bool mayBeNonFinite(Format format, const uint8_t *blocks, int64_t columns) {
  constexpr uint16_t halfExponent = 0x7c00, brainExponent = 0x7f80;
  switch (format) {
  case Format::F32:
    return anyWithout<uint32_t>(0x7f800000, read32le, blocks, columns);
  case Format::F16:
    return anyWithout<uint16_t>(halfExponent, read16le, blocks, columns);
  case Format::BF16:
    return anyWithout<uint16_t>(brainExponent, read16le, blocks, columns);
  default:
    break;
  }
  const int64_t bytes = blockBytes(format), count = columns / blockColumns(format);
  for (int64_t i = 0; i < count && format == Format::MXFP4; ++i)
    if (blocks[i * bytes] >= 253) // 2^126 times 6 is infinite
      return true;
  for (int64_t at : factorsOf(format))
    for (int64_t i = 0; i < count; ++i)
      if ((read16le(blocks + i * bytes + at) & halfExponent) == halfExponent)
        return true;
  return false;
}

} // namespace

int64_t findNonFinite(Format format, const uint8_t *blocks, int64_t columns) {
  if (!mayBeNonFinite(format, blocks, columns))
    return -1;
  std::vector<float> values(columns);
  dequantize(format, blocks, columns, values.data());
  auto found = llvm::find_if(values, [](float value) { return !std::isfinite(value); });
  return found == values.end() ? -1 : found - values.begin();
}

llvm::Error Weight::readBlocks(int64_t row, uint8_t *out) const {
  if (llvm::Error error = makeBlocks(row, out))
    return error;
  const int64_t column = findNonFinite(format, out, columns);
  if (column < 0)
    return llvm::Error::success();
  std::vector<float> values(columns);
  dequantize(format, out, columns, values.data());
  return makeError("{0} is {1}; a finite number would be right", place(row, column), double(values[column]));
}

llvm::Error Weight::readRow(int64_t row, float *out) const {
  std::vector<uint8_t> blocks(rowBytes(format, columns));
  if (llvm::Error error = readBlocks(row, blocks.data()))
    return error;
  dequantize(format, blocks.data(), columns, out);
  return llvm::Error::success();
}

std::string Weight::place(int64_t row, int64_t column) const {
  return llvm::formatv("tensor '{0}': row {1}, column {2}", printable(tensor), row, column).str();
}

} // namespace lathe
