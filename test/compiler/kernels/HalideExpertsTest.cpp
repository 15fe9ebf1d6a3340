//===- HalideExpertsTest.cpp - routes, their assignment and collection: against plain loops -----------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace lathe;
using namespace lathe::test;

namespace {

/// The places of the greatest `count` values, of equals the first, ascending.
std::vector<int64_t> greatest(const std::vector<double> &values, int64_t count) {
  std::vector<int64_t> places(values.size());
  std::iota(places.begin(), places.end(), 0);
  std::sort(places.begin(), places.end(),
            [&](int64_t a, int64_t b) { return values[a] > values[b] || (values[a] == values[b] && a < b); });
  places.resize(count);
  std::sort(places.begin(), places.end());
  return places;
}

std::vector<double> expectedRoutes(const RouteKernel &k, const std::vector<double> &logits,
                                   const std::vector<double> &bias) {
  std::vector<double> score(k.experts);
  double sum = 0, high = *std::max_element(logits.begin(), logits.end());
  for (int64_t e = 0; e < k.experts; ++e)
    sum += score[e] = k.scoring == Scoring::Softmax ? std::exp(logits[e] - high) : 1 / (1 + std::exp(-logits[e]));
  for (double &value : score)
    value /= k.scoring == Scoring::Softmax ? sum : 1;
  std::vector<double> wanted = score;
  for (size_t e = 0; e < bias.size(); ++e)
    wanted[e] += bias[e];
  if (k.keep < k.groups) {
    const int64_t size = k.experts / k.groups;
    std::vector<double> best;
    for (int64_t g = 0; g < k.groups; ++g) {
      std::vector<double> own(wanted.begin() + g * size, wanted.begin() + (g + 1) * size);
      std::sort(own.rbegin(), own.rend());
      best.push_back(own[0] + own[1]);
    }
    std::vector<int64_t> kept = greatest(best, k.keep);
    for (int64_t e = 0; e < k.experts; ++e)
      if (std::find(kept.begin(), kept.end(), e / size) == kept.end())
        wanted[e] = -1e30;
  }
  std::vector<int64_t> chosen = greatest(wanted, k.choices);
  double total = 0;
  for (int64_t e : chosen)
    total += score[e];
  std::vector<double> result(chosen.begin(), chosen.end());
  for (int64_t e : chosen)
    result.push_back(score[e] / (k.normalise ? total : 1) * k.scale);
  return result;
}

void tryRoute(const RouteKernel &k, const std::vector<double> &logits, uint64_t seed) {
  for (const TargetDesc &target : runnableTargets()) {
    KernelRun run(k, target);
    std::vector<double> bias;
    run.fill("x", logits);
    if (k.bias) {
      bias = randomValues(k.experts, seed);
      for (double &value : bias)
        value = toF32(value / 4);
      run.fill("bias", bias);
    }
    run.call();
    run.expectNear("y", expectedRoutes(k, logits, bias));
  }
}

} // namespace

TEST(HalideExperts, RoutesOfManySizes) {
  for (auto [experts, choices] :
       {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {8, 2}, {8, 8}, {17, 1}, {64, 6}, {128, 8}})
    for (Scoring scoring : {Scoring::Softmax, Scoring::Sigmoid})
      for (bool bias : {false, true}) {
        RouteKernel k{.experts = experts, .choices = choices, .scoring = scoring, .bias = bias, .normalise = !bias};
        k.scale = bias ? 2.5 : 1;
        tryRoute(k, randomValues(experts, experts + choices), 5);
      }
}

TEST(HalideExperts, RoutesWithinGroups) {
  for (uint64_t seed = 1; seed < 6; ++seed) {
    tryRoute({.experts = 6, .choices = 3, .groups = 3, .keep = 2}, randomValues(6, seed), 5);
    RouteKernel k{.experts = 64, .choices = 6, .scoring = Scoring::Sigmoid, .bias = true, .normalise = true};
    k.groups = 8;
    k.keep = 3;
    tryRoute(k, randomValues(64, seed), seed);
  }
}

TEST(HalideExperts, OfEqualScoresTheFirst) {
  tryRoute({.experts = 9, .choices = 3}, {0, 1, 0, 1, 1, 1, 0, 1, 1}, 0);
  tryRoute({.experts = 9, .choices = 4, .scoring = Scoring::Sigmoid}, std::vector<double>(9, 0.25), 0);
  tryRoute({.experts = 40, .choices = 2, .normalise = true}, std::vector<double>(40, -3), 0);
}

TEST(HalideExperts, FarApartScoresStayFinite) {
  tryRoute({.experts = 5, .choices = 2, .normalise = true}, {1e4, -1e4, 0, 9990, -50}, 0);
  tryRoute({.experts = 5, .choices = 1, .scoring = Scoring::Sigmoid}, {-80, -60, -70, -65, -61}, 0);
}

TEST(HalideExperts, AssignsTilesOfOneExpert) {
  for (auto [rows, choices, experts, tileRows] :
       {std::array<int64_t, 4>{1, 1, 1, 1}, {8, 2, 3, 1}, {64, 2, 8, 6}, {64, 3, 40, 6}, {130, 8, 16, 24}})
    for (int64_t present : {int64_t(1), rows / 2, rows}) {
      if (present < 1)
        continue;
      AssignKernel k{{.rows = rows, .choices = choices, .experts = experts, .tileRows = tileRows}};
      KernelRun run(k);
      std::vector<double> routes = randomValues(run.count("routes"), rows);
      for (int64_t r = 0; r < rows; ++r) { // distinct and ascending
        std::vector<double> order = randomValues(experts, rows * 100 + r);
        std::vector<int64_t> chosen = greatest(order, choices);
        std::copy(chosen.begin(), chosen.end(), routes.begin() + r * 2 * choices);
      }
      run.fill("routes", routes);
      run.fill("tile", std::vector<double>{0, 0, 0, 0, double(present)});
      run.call();
      const std::vector<double> tiles = run.read("tiles"), rowOf = run.read("rows"), places = run.read("places");
      std::vector<int64_t> counts(experts);
      for (int64_t i = 0; i < present * choices; ++i)
        ++counts[int64_t(routes[i / choices * 2 * choices + i % choices])];
      int64_t expected = 0;
      for (int64_t count : counts)
        expected += (count + tileRows - 1) / tileRows;
      ASSERT_EQ(tiles[0], double(expected));
      ASSERT_LE(expected, k.layout.tiles());
      std::vector<bool> taken(k.layout.places());
      std::vector<int64_t> last(experts, -1);
      for (int64_t r = 0; r < present; ++r)
        for (int64_t j = 0; j < choices; ++j) {
          const auto expert = int64_t(routes[r * 2 * choices + j]);
          const auto place = int64_t(places[experts + r * choices + j]);
          ASSERT_TRUE(place >= 0 && place < expected * tileRows && !taken[place]) << place;
          taken[place] = true;
          EXPECT_EQ(tiles[1 + place / tileRows], double(expert));
          EXPECT_EQ(rowOf[place], double(r));
          EXPECT_GT(place, last[expert]) << "rows of an expert ascend";
          last[expert] = place;
        }
    }
}

TEST(HalideExperts, CollectsInOrder) {
  for (ActFormat format : {ActFormat::F32, ActFormat::Q16})
    for (int64_t columns : {32, 576, 7, 20})
      for (int64_t choices : {1, 2, 8}) {
        if (format == ActFormat::Q16 && columns % kGroup)
          continue;
        CollectKernel k{.columns = columns, .choices = choices, .places = 13, .output = format};
        KernelRun run(k);
        std::vector<double> x = randomValues(run.count("x"), 3), weights = randomValues(choices, 4), places;
        for (int64_t j = 0; j < choices; ++j)
          places.push_back(double((5 * j + 12) % 13));
        run.fill("x", x);
        run.fill("weights", weights);
        run.fill("places", places);
        run.call();
        std::vector<double> row(columns);
        for (int64_t j = 0; j < choices; ++j)
          for (int64_t c = 0; c < columns; ++c)
            row[c] += weights[j] * x[int64_t(places[j]) * columns + c];
        if (format == ActFormat::F32)
          run.expectNear("y", row);
        else
          expectQuantized(run, row);
      }
}

TEST(HalideExperts, GateMultipliesBySigmoid) {
  PointwiseKernel k{.kind = Pointwise::Gate, .columns = 21};
  KernelRun run(k);
  std::vector<double> x = randomValues(21, 8), expected = x;
  run.fill("x", x);
  run.fill("z", std::vector<double>{0.75});
  run.call();
  for (double &value : expected)
    value /= 1 + std::exp(-0.75);
  run.expectNear("y", expected);
}
