//===- KernelTest.cpp - symbols and signatures -------------------------------------------------------------------===//
#include "compiler/kernels/Signature.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

using namespace lathe;

namespace {

const Argument &argument(const std::vector<Argument> &list, const std::string &name, bool output = false) {
  for (const Argument &a : list)
    if (a.name == name && a.output == output)
      return a;
  ADD_FAILURE() << "no argument " << name;
  return list.front();
}

std::vector<std::string> names(const KernelDesc &kernel) {
  std::vector<std::string> result;
  for (const Argument &a : signature(kernel))
    result.push_back((a.output ? ">" : "") + a.name);
  return result;
}

using Dims = std::vector<Argument::Dim>;

TEST(Kernel, PanelsHaveTheBytesOfTheLayout) {
  EXPECT_EQ(panelLayout(PackedFormat::Q4_0).stepBytes(), 288);
  EXPECT_EQ(panelLayout(PackedFormat::Q4_1).stepBytes(), 320);
  EXPECT_EQ(panelLayout(PackedFormat::Q8_0).stepBytes(), 544);
  EXPECT_EQ(panelLayout(PackedFormat::Q5_0).stepBytes(), 256 + 64 + 32);
  EXPECT_EQ(panelBytes(PackedFormat::Q4_K, 512), 2 * (64 + 8 * (256 + 16 + 16)));
  EXPECT_EQ(panelBytes(PackedFormat::Q6_K, 512), 2 * (32 + 8 * (256 + 128 + 32)));
  EXPECT_EQ(panelBytes(PackedFormat::Q4_1, 576), 18 * 320);
  EXPECT_EQ(panelBytes(PackedFormat::F32, 7), 7 * 64);
  EXPECT_EQ(panelBytes(PackedFormat::BF16, 7), 7 * 32);
}

TEST(Kernel, WeightsAndScalesShareOneStream) {
  LinearKernel k{
      .format = PackedFormat::Q4_1, .input = ActFormat::Q16, .columns = 64, .outputStride = 48, .rows = 2, .panels = 3};
  EXPECT_THAT(names(k), testing::ElementsAre("q", "low", "scale", "sum", "w", "d", "m", ">y"));
  std::vector<Argument> list = signature(k);
  EXPECT_EQ(argument(list, "w").dims, (Dims{{4, 1}, {16, 4}, {4, 64}, {2, 320}, {3, 640}}));
  EXPECT_EQ(argument(list, "d").dims, (Dims{{16, 1}, {1, 16}, {2, 160}, {3, 320}}));
  EXPECT_EQ(argument(list, "m").dims, argument(list, "d").dims);
  EXPECT_EQ(argument(list, "y", true).dims, (Dims{{16, 1}, {3, 16}, {2, 48}}));
  EXPECT_EQ(argument(list, "sum").dims, (Dims{{4, 1}, {2, 4}}));
  EXPECT_THAT(matrixOffsets(PackedFormat::Q4_1, 64), testing::ElementsAre(0, 256, 288));
}

TEST(Kernel, BlockScalesStandBeforeTheStream) {
  LinearKernel k{.format = PackedFormat::Q5_K,
                 .input = ActFormat::Q16,
                 .columns = 512,
                 .outputStride = 48,
                 .rows = 2,
                 .panels = 3};
  EXPECT_THAT(names(k), testing::ElementsAre("q", "low", "scale", "sum", "w", "wh", "d", "m", "s", "t", ">y"));
  std::vector<Argument> list = signature(k);
  const int64_t step = 256 + 64 + 16 + 16, panel = 2 * 64 + 16 * step;
  EXPECT_EQ(argument(list, "w").dims, (Dims{{4, 1}, {16, 4}, {4, 64}, {16, step}, {3, panel}}));
  EXPECT_EQ(argument(list, "wh").dims, (Dims{{4, 1}, {16, 4}, {1, 64}, {16, step}, {3, panel}}));
  EXPECT_EQ(argument(list, "d").dims, (Dims{{16, 1}, {2, 32}, {3, panel / 2}}));
  EXPECT_EQ(argument(list, "s").dims, (Dims{{16, 1}, {1, 16}, {16, step}, {3, panel}}));
  EXPECT_THAT(matrixOffsets(PackedFormat::Q5_K, 512), testing::ElementsAre(128, 384, 0, 32, 448, 464));
  k.format = PackedFormat::Q6_K; // two groups a step, no minima
  EXPECT_THAT(names(k), testing::ElementsAre("q", "low", "scale", "sum", "w", "wh", "d", "s", ">y"));
  EXPECT_EQ(argument(signature(k), "s").dims[1], (Argument::Dim{2, 16}));
}

TEST(Kernel, FloatRowsArePaddedToPanels) {
  LinearKernel k{.format = PackedFormat::F16,
                 .input = ActFormat::F32,
                 .columns = 172,
                 .bias = true,
                 .gated = true,
                 .residual = true,
                 .outputStride = 32,
                 .rows = 2,
                 .panels = 4};
  EXPECT_THAT(names(k), testing::ElementsAre("x", "w", "bias", "residual", ">y"));
  std::vector<Argument> list = signature(k);
  EXPECT_EQ(argument(list, "x").dims, (Dims{{172, 1}, {2, 176}}));
  EXPECT_EQ(argument(list, "w").type, ElementType::F16);
  EXPECT_EQ(argument(list, "residual").dims, (Dims{{16, 1}, {2, 16}, {2, 32}})); // two pairs
}

TEST(Kernel, AppendWithoutRotationTakesNoTablesAndNoQuery) {
  AppendKernel k{4, 2, 16, {8, Pairing::HalfSplit}, CacheFormat::F16, 16};
  EXPECT_THAT(names(k), testing::ElementsAre("positions", "slots", "pages", "tile", "high", "low", "q", "k", "v", ">qr",
                                             ">K", ">V"));
  k.rotation.rotated = 0;
  EXPECT_THAT(names(k), testing::ElementsAre("positions", "slots", "pages", "tile", "k", "v", ">K", ">V"));
}

TEST(Kernel, PagesReachAsFarAsAnIndexCan) {
  AttendKernel k{.heads = 4,
                 .kvHeads = 2,
                 .headSize = 16,
                 .scale = 0.25,
                 .cache = CacheFormat::F16,
                 .maxPages = 16,
                 .splitPositions = 256};
  std::vector<Argument> list = signature(k);
  Argument::Dim pages = argument(list, "K").dims[2];
  EXPECT_EQ(pages.stride, 2 * 2 * 64 * 16);
  EXPECT_LE(pages.extent * pages.stride, int64_t(1) << 31);
  EXPECT_GT((pages.extent + 1) * pages.stride, (int64_t(1) << 31) - 1);
  EXPECT_EQ(argument(list, "partial", true).dims, (Dims{{18, 1}, {2, 18}, {1, 36}}));
}

// Strides of one row mean nothing: decode's kernel and a prefill's of one row are the same.
TEST(Kernel, AttendTakesRowsThatLieApart) {
  AttendKernel k{4, 2, 16, 0.25, 0, 0, CacheFormat::F16, 16, 256};
  const std::string one = symbol(k);
  EXPECT_FALSE(k.takesRows());
  k.queryStride = 80, k.partialStride = 100;
  EXPECT_TRUE(k.takesRows());
  EXPECT_EQ(symbol(k), one);
  EXPECT_EQ(print(signature(k)), print(signature(AttendKernel{4, 2, 16, 0.25, 0, 0, CacheFormat::F16, 16, 256})));
  k.rows = 4;
  const std::vector<Argument> list = signature(k);
  EXPECT_EQ(argument(list, "positions").dims, (Dims{{4, 1}}));
  EXPECT_EQ(argument(list, "tile").dims, (Dims{{7, 1}}));
  EXPECT_EQ(argument(list, "q").dims, (Dims{{16, 1}, {2, 16}, {4, 80}}));
  EXPECT_EQ(argument(list, "partial", true).dims, (Dims{{18, 1}, {2, 18}, {4, 100}}));
}

TEST(Kernel, QuantisedRowsAreFourArraysInOneBlock) {
  constexpr QuantizedBlock block = quantizedBlock(ActFormat::Q16, 3, 96);
  EXPECT_EQ(block.low, 320); // 288 bytes of each plane
  EXPECT_EQ(block.scale, 640);
  EXPECT_EQ(block.sum, 704);   // 9 scales
  EXPECT_EQ(block.bytes, 832); // 18 sums
}

TEST(Kernel, SymbolsAreIdentifiersAndDifferWhereDescriptionsDo) {
  std::vector<KernelDesc> kernels;
  LinearKernel linear{.format = PackedFormat::Q4_1, .input = ActFormat::Q16, .columns = 576, .outputStride = 576};
  EXPECT_EQ(symbol(linear), "linear_q4_1_q16_k576_r1_p1_s576");
  kernels.push_back(linear);
  auto vary = [&](auto kernel, auto... changes) { (kernels.push_back((changes(kernel), kernel)), ...); };
  vary(
      linear, [](auto &k) { k.format = PackedFormat::Q8_0; }, [](auto &k) { k.bias = true; },
      [](auto &k) { k.activation = Activation::SiLU; }, [](auto &k) { k.gated = true; }, [](auto &k) { k.scale = 0.5; },
      [](auto &k) { k.softcap = 0.5; }, [](auto &k) { k.residual = true; }, [](auto &k) { k.outputStride = 592; },
      [](auto &k) { k.rows = 4; }, [](auto &k) { k.panels = 4; });
  NormKernel norm{NormKind::RMS, 64, 1e-5};
  vary(
      norm, [](auto &) {}, [](auto &k) { k.eps = 1e-6; }, [](auto &k) { k.bias = true; },
      [](auto &k) { k.unitOffset = true; }, [](auto &k) { k.output = ActFormat::Q16; },
      [](auto &k) { k.gatherRows = 8; }, [](auto &k) { k.kind = NormKind::Layer; });
  AppendKernel append{4, 2, 16, {8, Pairing::HalfSplit}, CacheFormat::F16, 16};
  vary(
      append, [](auto &) {}, [](auto &k) { k.splitPositions = 64; }, [](auto &k) { k.cache = CacheFormat::F32; },
      [](auto &k) { k.rotation.pairing = Pairing::Interleaved; }, [](auto &k) { k.rotation.rotated = 16; });
  RotateKernel rotate{4, 16, {8, Pairing::HalfSplit}, 16};
  vary(
      rotate, [](auto &) {}, [](auto &k) { k.heads = 5; }, [](auto &k) { k.rotation.rule = LengthRule::Switch; },
      [](auto &k) { k.rotation.rule = LengthRule::Grow; }, [](auto &k) { k.rotation.magnitude = 1.5; });
  AttendKernel attend{4, 2, 16, 0.25, 0, 0, CacheFormat::F16, 16, 256};
  vary(
      attend, [](auto &) {}, [](auto &k) { k.window = 50; }, [](auto &k) { k.softcap = 50; },
      [](auto &k) { k.scale = 0.125; }, [](auto &k) { k.splitPositions = 64; },
      [](auto &k) { k.rows = 4, k.queryStride = 64, k.partialStride = 96; },
      [](auto &k) { k.rows = 4, k.queryStride = 80, k.partialStride = 96; },
      [](auto &k) { k.rows = 4, k.queryStride = 64, k.partialStride = 112; });
  CombineKernel combine{4, 16, 72, 4, 256};
  vary(
      combine, [](auto &) {}, [](auto &k) { k.output = ActFormat::Q16; }, [](auto &k) { k.maxSplits = 5; },
      [](auto &k) { k.splitStride = 74; });
  EmbedKernel embed{PackedFormat::F32, 100, 64};
  vary(embed, [](auto &) {}, [](auto &k) { k.scale = 8; }, [](auto &k) { k.vocabulary = 101; });

  std::set<std::string> seen;
  for (const KernelDesc &kernel : kernels) {
    std::string text = symbol(kernel);
    EXPECT_TRUE(seen.insert(text).second) << text;
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << text;
    EXPECT_EQ(text.rfind(kernelFamily(kernel).name, 0), 0u) << text;
  }
}

// The kernel cache knows a layout by this text.
TEST(Kernel, ArgumentsThatDifferPrintDifferently) {
  const std::vector<Argument> list = {{"x", ElementType::F32, {{40, 1}, {4, 48}}}, {"y", ElementType::F32, {}, true}};
  EXPECT_EQ(print(list), "x f32[40:1, 4:48] -> y f32[]");
  std::set<std::string> seen = {print(list)};
  auto differs = [&](auto change) {
    std::vector<Argument> other = list;
    change(other);
    return seen.insert(print(other)).second;
  };
  EXPECT_TRUE(differs([](auto &l) { l[0].name = "z"; }));
  EXPECT_TRUE(differs([](auto &l) { l[0].type = ElementType::I32; }));
  EXPECT_TRUE(differs([](auto &l) { l[0].dims[1].extent = 5; }));
  EXPECT_TRUE(differs([](auto &l) { l[0].dims[1].stride = 40; }));
  EXPECT_TRUE(differs([](auto &l) { l[0].dims.pop_back(); }));
  EXPECT_TRUE(differs([](auto &l) { l[1].output = false; }));
  EXPECT_TRUE(differs([](auto &l) { l.pop_back(); }));
}

TEST(Kernel, WhatFewModelsHaveIsNotInOtherSymbols) {
  EXPECT_EQ(symbol(NormKernel{NormKind::RMS, 60, 1e-5}), "norm_rms_f32_k60_eps1em05");
  EXPECT_EQ(symbol(NormKernel{.kind = NormKind::RMS, .columns = 60, .eps = 1e-5, .group = 12, .unweighted = true}),
            "norm_rms_f32_k60_eps1em05_group12_unweighted");
  EXPECT_EQ(symbol(PointwiseKernel{Pointwise::Glu, 64, 0, Activation::SiLU}), "pointwise_glu_f32_k64_silu");
  EXPECT_EQ(names(NormKernel{.kind = NormKind::RMS, .columns = 60, .group = 12, .unweighted = true}),
            (std::vector<std::string>{"x", ">y"}));
  EXPECT_EQ(names(PointwiseKernel{Pointwise::Add, 64, 1}), (std::vector<std::string>{"x", "z", ">y"}));
  AttendKernel attend{5, 5, 12, 0.3, 0, 0, CacheFormat::F16, 4, 256};
  std::string without = symbol(attend);
  attend.alibi = true;
  EXPECT_EQ(symbol(attend), without + "_alibi");
  EXPECT_EQ(argument(signature(attend), "slopes").dims, (Dims{{1, 1}}));
}

} // namespace
