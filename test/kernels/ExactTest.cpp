//===- ExactTest.cpp - what kernels promise beyond their meaning --------------------------------------------------===//
#include "test/kernels/Compare.h"
#include "test/kernels/Code.h"
#include "test/kernels/Launched.h"
#include <array>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

using namespace lathe;
using namespace lathe::test;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;

namespace {

llvm::ExitOnError must("ExactTest: "); // cantFail is unchecked in a release

Code compiled(const std::vector<KernelDesc> &kernels, const Platform &platform) { return must(Code::of(kernels, platform)); }

class Exact : public testing::TestWithParam<Platform> {};

std::string nameOf(const testing::TestParamInfo<Platform> &info) {
  std::string name = info.param.backend->name + ("_" + info.param.target.name);
  std::ranges::replace_if(name, [](char c) { return !isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Exact, testing::ValuesIn(platforms()), nameOf);

class Tiles : public testing::TestWithParam<PackedFormat> {};
INSTANTIATE_TEST_SUITE_P(All, Tiles, testing::ValuesIn(packedFormats()),
                         [](const auto &info) { return std::string(packedName(info.param)); });

} // namespace

// 32512 in each group makes the scale 1: halves show that rounding is to even.
TEST_P(Exact, RowsRoundHalfToEven) {
  std::vector<double> x(32, 0.0), q(32, 0.0), low(32, 0.0);
  x[0] = 32512, q[0] = 127;
  x[1] = 0.5, x[2] = 1.5, low[2] = 2, x[3] = -0.5, x[4] = -2.5, low[4] = -2, x[5] = 128.5, q[5] = 1, low[5] = -128;
  x[31] = -32510.5, q[31] = -127, low[31] = 2;
  const NormKernel copy{.kind = NormKind::None, .columns = 32, .output = ActFormat::Q16};
  const Code code = compiled({copy}, GetParam());
  KernelRun run(copy);
  run.set("x", x);
  must(run.call(code.function(0)));
  EXPECT_THAT(run.read("q"), ElementsAreArray(q));
  EXPECT_THAT(run.read("low"), ElementsAreArray(low));
  EXPECT_THAT(run.read("sum"), ElementsAre(32512 + 2 - 2 + 128, -32510));
  EXPECT_THAT(run.read("scale"), ElementsAre(1));
}

// A scale would be a denormal, or its inverse infinite.
TEST_P(Exact, TinyRowsAreZero) {
  const NormKernel copy{.kind = NormKind::None, .columns = 64, .output = ActFormat::Q16};
  const Code code = compiled({copy}, GetParam());
  KernelRun run(copy);
  std::vector<double> x(64);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = i % 2 ? 1e-40 : -1e-42;
  run.set("x", x);
  must(run.call(code.function(0)));
  for (const char *output : {"q", "low", "scale", "sum"})
    EXPECT_THAT(run.read(output), Each(0)) << output;
}

// 127 makes a scale 1; a key of two numbers is their sum and difference.
TEST_P(Exact, CachesOfBytesRoundHalfToEven) {
  const AppendKernel k{.heads = 1,
                       .kvHeads = 1,
                       .headSize = 2,
                       .rotation = {0, Pairing::HalfSplit},
                       .cache = CacheFormat::Q8,
                       .maxPages = 1,
                       .ownValueSize = 8};
  const Code code = compiled({k}, GetParam());
  constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  auto appended = [&](const std::vector<double> &key, const std::vector<double> &value) {
    KernelRun run(k);
    run.set({{"positions", {3}}, {"slots", {0}}, {"tile", {0, 0, 0, 0}}, {"k", key}, {"v", value}});
    run.set("pages", std::vector<double>(countOf(argumentsOf(k)[2]), 0));
    must(run.call(code.function(0)));
    const std::vector<double> keys = run.read("K"), values = run.read("V"), scales = run.read("S");
    return std::tuple(std::vector{keys[3], keys[64 + 3], scales[3]},
                      std::vector(values.begin() + 3 * 8, values.begin() + 4 * 8), scales[64 + 3]);
  };
  const auto [key, value, scale] = appended({3, 1}, {127, 0.5, 1.5, -0.5, -2.5, -126.5, 126.5, 0});
  EXPECT_THAT(key, ElementsAre(127, 64, double(4.0f / 254))); // 4 and 2, which is 63.5
  EXPECT_THAT(value, ElementsAre(127, 0, 2, 0, -2, -126, 126, 0));
  EXPECT_EQ(scale, 1);
  // A scale would be a denormal, or its inverse infinite.
  const auto [noKey, noValue, noScale] = appended({1e-40, 0}, {1e-31, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(noKey, Each(0));
  EXPECT_THAT(noValue, Each(0));
  EXPECT_EQ(noScale, 0);
  // What is not finite is to be found in the scale, wherever it stands.
  for (size_t at = 0; at < 8; ++at)
    for (double wrong : {infinity, -infinity, nan}) {
      std::vector<double> numbers(8, 2);
      numbers[at] = wrong;
      const auto [keyOf, valueOf, scaleOf] = appended({numbers[at % 2], numbers[1 - at % 2]}, numbers);
      EXPECT_TRUE(std::isnan(wrong) ? std::isnan(scaleOf) : scaleOf == infinity) << at << " " << wrong;
      EXPECT_TRUE(at > 1 || (std::isnan(wrong) ? std::isnan(keyOf[2]) : keyOf[2] == infinity)) << at << " " << wrong;
    }
}

// The promise behind equal results over batch and chunk sizes: a row's bits do not depend on the tile that it is in.
TEST_P(Tiles, OfLinearsHaveTheSameBits) {
  constexpr int64_t rows = 12, panels = 4;
  const PackedFormat format = GetParam();
  for (const Platform &platform : platforms())
    for (auto [gated, input] : {std::pair{false, ActFormat::Q16},
                                {true, ActFormat::Q16},
                                {false, ActFormat::Q8},
                                {true, ActFormat::Q8},
                                {false, ActFormat::F32}}) {
      if (!isInteger(format) && input == ActFormat::Q8)
        continue;
      LinearKernel many{};
      many.format = format;
      many.input = isInteger(format) ? input : ActFormat::F32;
      many.columns = std::max<int64_t>(160, packedColumns(format));
      many.activation = Activation::SiLU;
      many.gated = gated;
      many.residual = !gated;
      many.outputStride = panels * kPanelRows;
      many.rows = rows, many.panels = panels;
      LinearKernel one = many;
      one.rows = 1;
      const Code code = compiled({many, one}, platform);
      const Example example = must(exampleOf({.kernel = many}));
      KernelRun all(many), single(one);
      for (KernelRun *run : {&all, &single})
        run->setMatrix(example.matrix);
      all.set(example.before);
      must(all.call(code.function(0)));
      const std::vector<double> expected = all.read("y");
      const auto width = int64_t(expected.size()) / rows;
      for (int64_t r : {0, 5, 11}) {
        for (const auto &[name, numbers] : example.before) {
          const auto own = int64_t(numbers.size()) / rows;
          single.set(name, {numbers.begin() + r * own, numbers.begin() + (r + 1) * own});
        }
        must(single.call(code.function(1)));
        EXPECT_THAT(single.read("y"),
                    ElementsAreArray(expected.begin() + r * width, expected.begin() + (r + 1) * width))
            << symbol(many) << " [" << platform.target.name << "] row " << r;
      }
    }
}

// The same of a device's: tiles whose warps share the columns, and tiles out of shared memory of every shape.
TEST_P(Tiles, OfLinearsOnDevicesHaveTheSameBits) {
  constexpr int64_t rows = 128, panels = 8;
  const PackedFormat format = GetParam();
  for (const Platform &platform : platforms())
    for (ActFormat input : {ActFormat::Q16, ActFormat::Q8}) {
      if (platform.target.device != DeviceKind::Cuda || (!isInteger(format) && input == ActFormat::Q8))
        continue;
      LinearKernel largest{};
      largest.format = format;
      largest.input = isInteger(format) ? input : ActFormat::F32;
      // 16 or 11 steps of 32 columns, the last of which may be a part.
      largest.columns = packedColumns(format) == 256 ? 512 : isInteger(format) ? 352 : 340;
      largest.outputStride = panels * kPanelRows;
      largest.rows = rows, largest.panels = panels;
      std::vector<KernelDesc> kernels = {largest};
      for (auto [r, p] : {std::pair<int64_t, int64_t>{1, 1}, {8, 2}, {16, 1}, {16, 8}, {20, 3}, {64, 2}, {64, 8}, {32, 8}, {128, 2}})
        kernels.push_back(withTile(KernelDesc(largest), r, p));
      const Code code = compiled(kernels, platform);
      const Example example = must(exampleOf({.kernel = largest}));
      std::vector<double> expected;
      for (size_t i = 0; i < kernels.size(); ++i) {
        const auto &k = std::get<LinearKernel>(kernels[i]);
        KernelRun run(k);
        run.setMatrix({example.matrix.begin(), example.matrix.begin() + k.panels * panelBytes(format, k.columns)});
        for (const auto &[name, numbers] : example.before)
          run.set(name, {numbers.begin(), numbers.begin() + int64_t(numbers.size()) / rows * k.rows});
        must(run.call(code.function(i)));
        const std::vector<double> y = run.read("y");
        if (i == 0)
          expected = y;
        const int64_t width = k.panels * kPanelRows;
        for (int64_t r = 0; r < k.rows; ++r)
          ASSERT_TRUE(std::equal(y.begin() + r * width, y.begin() + (r + 1) * width,
                                 expected.begin() + r * panels * kPanelRows))
              << symbol(k) << " [" << platform.target.name << "] row " << r;
      }
    }
}

// The same of attention: rows that follow one another, and on a device rows of which some do.
TEST(TilesOfAttention, HaveTheSameBits) {
  const std::vector<int64_t> positions = {62, 63, 64, 7, 8, 65};
  const auto rows = int64_t(positions.size());
  for (const Platform &platform : platforms())
    for (auto [heads, size, window] : {std::array<int64_t, 3>{1, 128, 0}, {3, 64, 0}, {5, 80, 50}, {2, 32, 3}}) {
      AttendKernel many{heads, 1, size, 0.2, window, 0, CacheFormat::F16, 2, 64};
      many.rows = rows, many.queryStride = heads * size + 16, many.partialStride = heads * (size + 2) + 3;
      AttendKernel one = many;
      one.rows = 1;
      if (platform.target.device == DeviceKind::Cuda && !isLaunched(many))
        continue;
      const Code code = compiled({many, one}, platform);
      const Example example = must(exampleOf({.kernel = many, .at = positions}));
      for (const Example::Call &call : example.calls) {
        KernelRun all(many), single(one);
        Numbers inputs = call.inputs;
        std::vector<double> &tile = inputs.at("tile");
        auto first = int64_t(tile[5]), end = first + int64_t(tile[6]);
        if (platform.target.device == DeviceKind::Cuda) { // a block finds its runs itself
          if (first != rows - 1)
            continue; // the last has all of the cache
          inputs.at("slots").assign(rows, 1);
          first = 0, end = rows, tile[5] = 0, tile[6] = double(rows);
        }
        all.set(example.before);
        all.set(inputs);
        must(all.call(code.function(0)));
        const std::vector<double> expected = all.read("partial"), &queries = example.before.at("q");
        const auto width = int64_t(expected.size()) / rows, own = int64_t(queries.size()) / rows;
        for (int64_t r = first; r < end; ++r) {
          Numbers ofRow = inputs;
          ofRow["positions"] = {double(positions[r])}, ofRow["slots"] = {1};
          ofRow["tile"].resize(4);
          ofRow["q"] = {queries.begin() + r * own, queries.begin() + (r + 1) * own};
          single.set(ofRow);
          must(single.call(code.function(1)));
          EXPECT_THAT(single.read("partial"),
                      ElementsAreArray(expected.begin() + r * width, expected.begin() + (r + 1) * width))
              << symbol(many) << " [" << platform.target.name << "] position " << positions[r];
        }
      }
    }
}
