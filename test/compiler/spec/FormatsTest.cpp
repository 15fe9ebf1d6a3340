#include "TestFiles.h"
#include "compiler/spec/Blocks.h"
#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/Safetensors.h"
#include "compiler/support/Half.h"
#include "compiler/support/Nmse.h"
#include "gmock/gmock.h"
#include <algorithm>
#include <cmath>

using namespace lathe;
using namespace lathe::test;

namespace {

std::vector<float> floatsOf(const Tensor &tensor) {
  std::vector<float> values(*countElements(tensor.shape));
  std::memcpy(values.data(), tensor.data, values.size() * sizeof(float));
  return values;
}

/// test/data/quants: NAME.bin holds 16 rows of 512 columns (8 for 16-bit floats and ternaries), half of them quantised
/// from numbers and half of random bits; NAME.f32.safetensors their values by gguf-py, which agrees with ggml's C code
/// to the last bit, and for some formats the numbers that the first rows were quantised from.
class Golden : public testing::TestWithParam<Format> {
protected:
  void SetUp() override {
    const std::string base = "test/data/quants/" + formatName(GetParam()).upper();
    blocks = readBytes(base + ".bin");
    ASSERT_EQ(messageOf(addSafetensors(base + ".f32.safetensors", file)), "");
  }
  const uint8_t *bytes() const { return reinterpret_cast<const uint8_t *>(blocks.data()); }
  std::string blocks;
  Checkpoint file;
};

std::string nameOf(const testing::TestParamInfo<Format> &info) { return formatName(info.param).str(); }

std::vector<Format> allButF32() {
  std::vector<Format> all;
  for (const FormatInfo &each : formats())
    if (each.format != Format::F32)
      all.push_back(each.format);
  return all;
}

TEST_P(Golden, DequantizesExactly) {
  const std::vector<float> expected = floatsOf(*file.find("f32"));
  ASSERT_EQ(rowBytes(GetParam(), expected.size()), int64_t(blocks.size()));
  std::vector<float> actual(expected.size());
  dequantize(GetParam(), bytes(), expected.size(), actual.data());
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i])) << "number " << i;
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden, testing::ValuesIn(allButF32()), nameOf);

class ReferenceRule : public Golden {};

TEST_P(ReferenceRule, QuantizesByIt) {
  const std::vector<float> source = floatsOf(*file.find("source"));
  std::vector<uint8_t> actual(rowBytes(GetParam(), source.size()));
  quantize(GetParam(), source.data(), source.size(), actual.data());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_EQ(actual[i], bytes()[i]) << "byte " << i << ", in block " << i / blockBytes(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Formats, ReferenceRule,
                         testing::Values(Format::F16, Format::BF16, Format::Q8_0, Format::Q4_0, Format::Q4_1,
                                         Format::Q5_0, Format::Q5_1),
                         nameOf);

class BlocksOf256 : public Golden {};

TEST_P(BlocksOf256, ArePutTogetherAsTheyWere) {
  const int64_t bytesOfBlock = blockBytes(GetParam());
  for (size_t at = 0; at < blocks.size(); at += bytesOfBlock) {
    IntegerBlock block;
    takeApart(GetParam(), bytes() + at, block);
    std::vector<uint8_t> again(bytesOfBlock);
    putTogether(GetParam(), block, again.data());
    for (int64_t i = 0; i < bytesOfBlock; ++i)
      ASSERT_EQ(again[i], bytes()[at + i]) << "byte " << i << " of the block at " << at;
  }
}

TEST(Nmse, IsInfiniteWhereANumberIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  auto of = [](std::vector<std::pair<double, double>> pairs) {
    SquaredError sum;
    for (auto [got, want] : pairs)
      sum.add(got, want);
    return sum.nmse();
  };
  EXPECT_EQ(of({{3, 2}, {0, 1}}), 2 / 5.0);
  EXPECT_EQ(of({{0, 0}, {2, 2}}), 0);
  EXPECT_EQ(of({{1, 0}}), infinity) << "all that is right is 0";
  for (double wrong : {nan, infinity, -infinity}) {
    EXPECT_EQ(of({{1, 1}, {wrong, 1}}), infinity);
    EXPECT_EQ(of({{1, 1}, {1, wrong}}), infinity);
    EXPECT_EQ(of({{1, 1}, {wrong, wrong}}), infinity);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, BlocksOf256, testing::Values(Format::Q4_K, Format::Q5_K, Format::Q6_K), nameOf);

/// Squared error of the format on `source` by its squared sum.
double nmseOf(Format format, const std::vector<float> &source) {
  std::vector<uint8_t> blocks(rowBytes(format, source.size()));
  quantize(format, source.data(), source.size(), blocks.data());
  std::vector<float> stored(source.size());
  dequantize(format, blocks.data(), source.size(), stored.data());
  SquaredError sum;
  for (size_t i = 0; i < source.size(); ++i)
    sum.add(stored[i], source[i]);
  return sum.nmse();
}

/// What rounding each group of `columns` to `levels` integers from its least to its largest number leaves, the scales
/// not rounded at all. `symmetric`: from minus its largest magnitude to that.
double plainNmse(const std::vector<float> &source, size_t columns, int levels, bool symmetric = false) {
  SquaredError sum;
  for (size_t g = 0; g < source.size(); g += columns) {
    const auto [least, most] = std::minmax_element(source.begin() + g, source.begin() + g + columns);
    const double high = symmetric ? std::max(-*least, *most) : *most, low = symmetric ? -high : *least;
    const double scale = (high - low) / (levels - 1);
    for (size_t i = g; i < g + columns; ++i)
      sum.add(low + scale * std::nearbyint((source[i] - low) / scale), source[i]);
  }
  return sum.nmse();
}

/// Normal numbers. llama.cpp 0.3.36's ggml_quantize_chunk leaves 5.01e-3, 1.252e-3 and 3.00e-4 of the same.
TEST(QuantizeK, LeavesLessErrorThanRoundingAndThanLlamaCpp) {
  Checkpoint file;
  ASSERT_EQ(messageOf(addSafetensors("test/data/quants/Q8_0.f32.safetensors", file)), "");
  const std::vector<float> source = floatsOf(*file.find("source"));
  const double q4 = nmseOf(Format::Q4_K, source), q5 = nmseOf(Format::Q5_K, source), q6 = nmseOf(Format::Q6_K, source);
  EXPECT_LT(q4, plainNmse(source, 32, 16));
  EXPECT_LT(q5, plainNmse(source, 32, 32));
  EXPECT_LT(q6, plainNmse(source, 16, 64, /*symmetric=*/true));
  EXPECT_LT(q4, 5.01e-3);
  EXPECT_LT(q5, 1.252e-3);
  EXPECT_LT(q6, 3.00e-4);
}

/// Rows that leave nothing to choose come back as they are, or nearly.
TEST(QuantizeK, TakesUnusualRows) {
  for (Format format : {Format::Q4_K, Format::Q5_K, Format::Q6_K}) {
    std::vector<float> one(256);
    one[0] = 1;
    EXPECT_LT(nmseOf(format, one), 1e-6) << formatName(format).str();
    EXPECT_LT(nmseOf(format, std::vector<float>(256, 0.37f)), 1e-6) << formatName(format).str();
    EXPECT_LT(nmseOf(format, std::vector<float>(256, -0.37f)), 1e-6) << formatName(format).str();
    std::vector<float> zeros(256), stored(256, 1.0f);
    std::vector<uint8_t> block(blockBytes(format));
    quantize(format, zeros.data(), 256, block.data());
    dequantize(format, block.data(), 256, stored.data());
    EXPECT_THAT(stored, testing::Each(0.0f));
  }
}

TEST(Half, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = halfToFloat(half);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value))));
    else
      ASSERT_EQ(floatToHalf(value), half);
    if (!std::isnan(bfloatToFloat(half)))
      ASSERT_EQ(floatToBfloat(bfloatToFloat(half)), half);
  }
}

TEST(Half, RoundsToNearestEven) {
  // Between neighbours a and b: the midpoint goes to the even one, anything beside it to the nearer.
  for (uint32_t half = 0; half < 0x7bff; ++half) {
    const float middle = (halfToFloat(half) + halfToFloat(half + 1)) / 2; // exact in f32
    const uint32_t even = half % 2 == 0 ? half : half + 1;
    ASSERT_EQ(floatToHalf(middle), even);
    ASSERT_EQ(floatToHalf(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(floatToHalf(std::nextafter(middle, 1e9f)), half + 1);
    ASSERT_EQ(floatToHalf(-middle), even | 0x8000);
  }
  EXPECT_EQ(floatToHalf(65519.99f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(-INFINITY), 0xfc00);
}

TEST(Formats, TakeAnyNumbers) {
  // Infinities and not-a-number have no right answer, but must not be undefined behaviour.
  std::vector<float> row(256);
  for (float bad : {INFINITY, -INFINITY, NAN, 3e38f, 1e-45f}) {
    row[7] = bad;
    for (const FormatInfo &each : formats())
      if (each.quantizes) {
        std::vector<uint8_t> blocks(rowBytes(each.format, 256));
        quantize(each.format, row.data(), 256, blocks.data());
      }
  }
}

TEST(Formats, HaveNames) {
  EXPECT_EQ(findFormat("Q4_1"), Format::Q4_1);
  EXPECT_EQ(findFormat("q9"), std::nullopt);
  EXPECT_EQ(formatName(Format::BF16), "bf16");
  EXPECT_EQ(formatNames(FormatSet::Elements), "f32, f16, bf16");
}

/// A spec's weight_format and --quantize have the same words.
TEST(Formats, ThatLatheMakesAreTheSpecs) {
  for (const FormatInfo &each : formats()) {
    const std::optional<spec::WeightFormat> made = protoFormat(each.format);
    ASSERT_EQ(made.has_value(), each.quantizes) << each.name;
    if (made)
      EXPECT_EQ(formatOf(*made), each.format);
  }
  for (int number = 1; number < spec::WeightFormat_ARRAYSIZE; ++number)
    EXPECT_TRUE(formatOf(static_cast<spec::WeightFormat>(number))) << number;
}

} // namespace
