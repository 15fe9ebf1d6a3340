//===- ExactTest.cpp - what kernels promise beyond their meaning --------------------------------------------------===//
#include "test/kernels/Compare.h"
#include "test/kernels/Code.h"
#include <gmock/gmock.h>

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
