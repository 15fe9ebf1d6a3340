//===- LargestTest.cpp - the largest logits of rows, found on a CUDA device ---------------------------------------===//
//
// The kernels by way of the runtime's class, against a sort; and what the sampler makes of their results, against the
// sampler with all logits.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/backend/nvvm/Ptx.h"
#include "compiler/kernels/gpu/Largest.h"
#include "compiler/kernels/gpu/PhaseKernel.h"
#include "runtime/abi/model_abi.h"
#include "runtime/device/cuda/Largest.h"
#include "runtime/sample/Sampler.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace lathe {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

Emitted ptxFor(const TargetDesc &target) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  gpu::writeLargest(*module, LATHE_LARGEST_LOGITS_ENTRY, /*fromKeys=*/false, LATHE_LARGEST_NUMBERS, target);
  gpu::writeLargest(*module, LATHE_LARGEST_KEYS_ENTRY, /*fromKeys=*/true, LATHE_LARGEST_NUMBERS, target);
  return ptxOf(*module, target);
}

TEST(Largest, IsAssembledWithoutSpills) {
  if (findPtxas().empty())
    GTEST_SKIP() << "there is no ptxas";
  for (const TargetDesc &target : targets()) {
    if (target.device != DeviceKind::Cuda)
      continue;
    const Emitted ptx = ptxFor(target);
    ASSERT_EQ(ptx.error, "");
    std::string report;
    ASSERT_EQ(cubinOf(ptx.bytes, target, &report).error, "") << target.name;
    EXPECT_NE(report.find(" 0 bytes spill stores"), std::string::npos) << report;
    for (const char digit : std::string("123456789"))
      EXPECT_EQ(report.find(std::string(1, digit) + " bytes spill stores"), std::string::npos) << report;
  }
}

/// The code on the first device.
class OnDevice : public testing::Test {
protected:
  void SetUp() override {
    Result<std::vector<const cuda::Card *>> cards = cuda::cards();
    if (!cards)
      GTEST_SKIP() << cards.message();
    card = cards->front();
    ASSERT_TRUE(card->enter());
    const TargetDesc *best = nullptr;
    for (const TargetDesc &target : targets())
      if (target.device == DeviceKind::Cuda && (uint32_t(target.sm) == card->sm ||
                                                (uint32_t(target.sm) < card->sm && target.name.back() != 'a')))
        best = &target;
    if (!best)
      GTEST_SKIP() << "no target is as old as " << card->model;
    const Emitted ptx = ptxFor(*best);
    ASSERT_EQ(ptx.error, "");
    CUmodule loaded = nullptr;
    ASSERT_EQ(card->driver.cuModuleLoadData(&loaded, ptx.bytes.c_str()), CUDA_SUCCESS);
    module = cuda::Module(*card, loaded);
    ASSERT_EQ(card->driver.cuModuleGetFunction(&functions.ofLogits, loaded, LATHE_LARGEST_LOGITS_ENTRY), CUDA_SUCCESS);
    ASSERT_EQ(card->driver.cuModuleGetFunction(&functions.ofKeys, loaded, LATHE_LARGEST_KEYS_ENTRY), CUDA_SUCCESS);
    Result<cuda::Stream> made = cuda::createStream(*card);
    ASSERT_TRUE(made) << made.message();
    stream = made.take();
  }

  /// The largest `kept` of each row.
  std::vector<std::vector<TokenLogit>> find(const std::vector<std::vector<float>> &rows, uint32_t kept,
                                            const std::vector<float> &temperatures = {},
                                            std::vector<double> *weightSums = nullptr) {
    const size_t count = rows[0].size(), stride = (count + 15) / 16 * 16;
    std::vector<float> all(rows.size() * stride, kInfinity); // behind a row is what must not be found
    for (size_t row = 0; row < rows.size(); ++row)
      std::ranges::copy(rows[row], all.begin() + ptrdiff_t(row * stride));
    Result<cuda::DeviceMemory> memory = cuda::DeviceMemory::create(*card, all.size() * sizeof(float), "logits");
    EXPECT_TRUE(memory) << memory.message();
    EXPECT_EQ(card->driver.cuMemcpyHtoD_v2(memory->address(), all.data(), all.size() * sizeof(float)), CUDA_SUCCESS);
    std::vector<double> scales = {0};
    for (size_t i = 0; i < temperatures.size(); ++i)
      scales.insert(scales.end() - 1, 1 / double(temperatures[i]));
    Result<cuda::DeviceMemory> scaleMemory = cuda::DeviceMemory::create(*card, scales.size() * sizeof(double), "scales");
    EXPECT_TRUE(scaleMemory) << scaleMemory.message();
    EXPECT_EQ(card->driver.cuMemcpyHtoD_v2(scaleMemory->address(), scales.data(), scales.size() * sizeof(double)),
              CUDA_SUCCESS);
    cuda::Largest largest(*card, functions, {memory->address(), stride, count, scaleMemory->address()});
    EXPECT_EQ(largest.most(), LATHE_LARGEST_MOST);
    bool moved = false;
    EXPECT_TRUE(largest.makeRoom(rows.size(), kept, moved));
    EXPECT_TRUE(moved);
    EXPECT_EQ(largest.enqueue(rows.size(), kept, !temperatures.empty(), stream.get()), CUDA_SUCCESS);
    EXPECT_EQ(card->driver.cuStreamSynchronize(stream.get()), CUDA_SUCCESS);
    largest.take(rows.size(), kept, temperatures);
    std::vector<std::vector<TokenLogit>> found;
    for (size_t row = 0; row < rows.size(); ++row)
      found.emplace_back(largest.of(row).tokens.begin(), largest.of(row).tokens.end());
    for (size_t row = 0; weightSums && row < rows.size(); ++row) {
      weightSums->push_back(largest.of(row).weightSum);
      partSums.assign(largest.of(row).partSums.begin(), largest.of(row).partSums.end());
    }
    return found;
  }

  std::vector<double> partSums; ///< that find() has found of the last row
  const cuda::Card *card = nullptr;
  cuda::Module module;
  cuda::Largest::Functions functions;
  cuda::Stream stream;
};

/// With ties where `step` is coarse.
std::vector<float> randomLogits(size_t count, uint32_t seed, float step = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(count);
  for (float &logit : logits) {
    logit = normal(random);
    if (step > 0)
      logit = std::round(logit / step) * step; // -0 too
  }
  return logits;
}

std::vector<TokenLogit> sorted(const std::vector<float> &logits, size_t kept) {
  std::vector<TokenLogit> all;
  for (size_t i = 0; i < logits.size(); ++i)
    all.push_back({logits[i], int32_t(i)});
  std::ranges::sort(all, [](const TokenLogit &a, const TokenLogit &b) { return a.before(b); });
  all.resize(std::min(kept, all.size()));
  return all;
}

TEST_F(OnDevice, FindsTheLargestInOrder) {
  uint32_t seed = 0;
  for (size_t count : {1, 7, 1000, 1024, 1025, 5000, 40000})
    for (uint32_t kept : {1, 2, 4, 32, 64, 256})
      for (float step : {0.f, 1.f}) {
        if (count == 40000 && kept != 1 && kept != 64)
          continue; // the simulator has no hurry
        const std::vector<std::vector<float>> rows = {randomLogits(count, ++seed, step),
                                                      randomLogits(count, ++seed, step)};
        const auto found = find(rows, kept);
        for (size_t row = 0; row < rows.size(); ++row) {
          const std::vector<TokenLogit> expected = sorted(rows[row], kept);
          ASSERT_EQ(found[row].size(), expected.size());
          for (size_t i = 0; i < expected.size(); ++i) {
            EXPECT_EQ(found[row][i].id, expected[i].id) << count << ", kept " << kept << ", the " << i;
            EXPECT_EQ(found[row][i].logit, expected[i].logit) << count << ", kept " << kept << ", the " << i;
          }
        }
      }
}

TEST_F(OnDevice, TellsWhatIsNotFinite) {
  std::vector<float> logits = randomLogits(3000, 5);
  logits[17] = -kInfinity;
  logits[2000] = kInfinity;
  EXPECT_EQ(find({logits}, 2)[0][0].id, 2000);
  EXPECT_EQ(find({logits}, 2)[0][0].logit, kInfinity);
  for (float nan : {kNaN, -kNaN}) {
    logits[2999] = nan;
    EXPECT_TRUE(std::isnan(find({logits}, 1)[0][0].logit));
  }
  const auto none = find({std::vector<float>(1500, -kInfinity)}, 4)[0];
  EXPECT_EQ(none[0].id, 0);
  EXPECT_EQ(none[3].id, 3);
  EXPECT_EQ(none[0].logit, -kInfinity);
  std::vector<float> tiny(1100, -0.f);
  tiny[1050] = 0x1p-149f;
  tiny[5] = 0;
  EXPECT_EQ(find({tiny}, 2)[0][0].logit, 0x1p-149f);
  EXPECT_EQ(find({tiny}, 2)[0][1].id, 0);
}

TEST_F(OnDevice, SumsTheWeights) {
  std::vector<std::vector<float>> rows;
  for (uint32_t seed = 0; seed < 4; ++seed)
    rows.push_back(randomLogits(4500, seed + 30));
  std::ranges::fill(rows[1], 0.25f);
  std::fill(rows[2].begin(), rows[2].begin() + 2000, -kInfinity);
  rows[2][2500] = 4000;
  const std::vector<float> temperatures = {1, 0.3f, 1e-3f, 1e6f};
  std::vector<double> sums;
  const auto found = find(rows, 2, temperatures, &sums);
  for (size_t row = 0; row < rows.size(); ++row) {
    double expected = 0;
    for (float logit : rows[row])
      expected += std::exp((double(logit) - double(found[row][0].logit)) / double(temperatures[row]));
    EXPECT_NEAR(sums[row] / expected, 1, kWeightSumError / 20) << row;
  }
}

TEST_F(OnDevice, LetsTheSamplerDrawTheSame) {
  const std::vector<SamplerOptions> all = {{},
                                           {.repetitionPenalty = 1.3f},
                                           {.temperature = 0.7f, .topK = 40},
                                           {.temperature = 1.3f, .topK = 20, .topP = 0.8f},
                                           {.temperature = 1, .topK = 64, .topP = 0.95f, .minP = 0.02f},
                                           {.temperature = 1, .topK = 30, .repetitionPenalty = 1.2f},
                                           {.temperature = 0.5f, .minP = 0.05f},
                                           {.temperature = 1},
                                           {.temperature = 0.4f, .topP = 0.9f},
                                           {.temperature = 0.6f, .topP = 0.5f, .minP = 0.01f},
                                           {.temperature = 0.6f, .topP = 0.9f, .minP = 0.1f},
                                           {.temperature = 0.8f, .minP = 0.1f, .repetitionPenalty = 1.5f}};
  for (SamplerOptions options : all) {
    options.seed = 7;
    Sampler ofAll = Sampler::create(options).take(), ofLargest = Sampler::create(options).take();
    const LargestWanted wanted = ofLargest.largestWanted();
    ASSERT_GT(wanted.count, 0u);
    EXPECT_EQ(wanted.temperature > 0, options.topK == 0 && (options.topP < 1 || options.minP == 0) && options.temperature > 0);
    std::vector<int32_t> history;
    size_t told = 0;
    for (uint32_t seed = 0; seed < 12; ++seed) {
      const std::vector<float> logits = randomLogits(2500, seed % 5, seed % 2 ? 0.5f : 0);
      const int32_t expected = *ofAll.sample(logits, history);
      std::vector<double> sums;
      const std::vector<float> temperatures(wanted.temperature > 0, wanted.temperature);
      const auto found = find({logits}, cuda::Largest::keptFor(wanted.count), temperatures, &sums)[0];
      const LargestLogits largest{found, sums[0], partSums, LATHE_LARGEST_NUMBERS};
      const std::optional<int32_t> id =
          ofLargest.sampleLargest(largest, logits.size(), history, [&](size_t first, size_t count) {
            return std::span(logits).subspan(first, count);
          });
      told += id.has_value();
      EXPECT_EQ(id ? *id : *ofLargest.sample(logits, history), expected);
      history.push_back(expected);
    }
    EXPECT_GE(told, 10u) << "temperature " << options.temperature << ", top-k " << options.topK << ", min-p "
                         << options.minP;
  }
}

} // namespace
} // namespace lathe
