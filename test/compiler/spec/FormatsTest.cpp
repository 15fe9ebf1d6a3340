#include "TestFiles.h"
#include "compiler/spec/Half.h"
#include "compiler/spec/Safetensors.h"
#include "gmock/gmock.h"
#include <cmath>

using namespace lathe;
using namespace lathe::test;

namespace {

std::vector<float> floatsOf(const Tensor &tensor) {
  std::vector<float> values(*countElements(tensor.shape));
  std::memcpy(values.data(), tensor.data, values.size() * sizeof(float));
  return values;
}

/// test/data/quants: NAME.bin holds 16 rows of 512 columns (8 for 16-bit floats), NAME.f32.safetensors their values and
/// the numbers that the first rows were quantised from.
class Golden : public testing::TestWithParam<std::pair<Format, const char *>> {
protected:
  void SetUp() override {
    const std::string base = std::string("test/data/quants/") + GetParam().second;
    blocks = readBytes(base + ".bin");
    ASSERT_EQ(messageOf(addSafetensors(base + ".f32.safetensors", file)), "");
  }
  const uint8_t *bytes() const { return reinterpret_cast<const uint8_t *>(blocks.data()); }
  std::string blocks;
  Checkpoint file;
};

TEST_P(Golden, DequantizesExactly) {
  const std::vector<float> expected = floatsOf(*file.find("f32"));
  ASSERT_EQ(rowBytes(GetParam().first, expected.size()), int64_t(blocks.size()));
  std::vector<float> actual(expected.size());
  dequantize(GetParam().first, bytes(), expected.size(), actual.data());
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i])) << "number " << i;
}

TEST_P(Golden, QuantizesByTheReferenceRule) {
  const std::vector<float> source = floatsOf(*file.find("source"));
  std::vector<uint8_t> actual(rowBytes(GetParam().first, source.size()));
  quantize(GetParam().first, source.data(), source.size(), actual.data());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_EQ(actual[i], bytes()[i]) << "byte " << i << ", in block " << i / blockBytes(GetParam().first);
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden,
                         testing::Values(std::pair(Format::F16, "F16"), std::pair(Format::BF16, "BF16"),
                                         std::pair(Format::Q8_0, "Q8_0"), std::pair(Format::Q4_0, "Q4_0"),
                                         std::pair(Format::Q4_1, "Q4_1")),
                         [](const auto &info) { return info.param.second; });

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
  std::vector<float> row(32);
  for (float bad : {INFINITY, -INFINITY, NAN, 3e38f, 1e-45f}) {
    row[7] = bad;
    for (Format format : {Format::F16, Format::BF16, Format::Q8_0, Format::Q4_0, Format::Q4_1}) {
      std::vector<uint8_t> blocks(rowBytes(format, 32));
      quantize(format, row.data(), 32, blocks.data());
    }
  }
}

TEST(Formats, HaveNames) {
  EXPECT_EQ(llvm::cantFail(parseFormat("Q4_1")), Format::Q4_1);
  EXPECT_EQ(formatName(Format::BF16), "bf16");
  EXPECT_EQ(messageOf(parseFormat("q9")), "weight format 'q9' is unknown; known: f32, f16, bf16, q8_0, q4_0, q4_1");
}

} // namespace
