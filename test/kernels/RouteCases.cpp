//===- RouteCases.cpp - which experts a row chooses ---------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::RouteCases() {
  std::vector<KernelCase> cases;
  for (auto [experts, choices] :
       {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {8, 2}, {8, 8}, {15, 4}, {16, 4}, {17, 1}, {64, 6}, {128, 8}, {300, 8}})
    for (Scoring scoring : {Scoring::Softmax, Scoring::Sigmoid})
      for (bool bias : {false, true}) {
        RouteKernel k{.experts = experts, .choices = choices, .scoring = scoring, .bias = bias, .normalise = !bias};
        k.scale = bias ? 2.5 : 1;
        cases.push_back({.kernel = k});
      }
  RouteKernel grouped{.experts = 64, .choices = 6, .scoring = Scoring::Sigmoid, .bias = true, .normalise = true};
  grouped.groups = 8;
  grouped.keep = 3;
  for (uint64_t seed = 1; seed < 6; ++seed) {
    cases.push_back({.kernel = RouteKernel{.experts = 6, .choices = 3, .groups = 3, .keep = 2}, .seed = seed});
    cases.push_back({.kernel = grouped, .seed = seed});
  }
  for (uint64_t seed = 1; seed < 4; ++seed) {
    cases.push_back({.kernel = RouteKernel{.experts = 9, .choices = 3},
                     .fill = Fill::Integers,
                     .seed = seed,
                     .note = "of equal scores the first"});
    cases.push_back({.kernel = RouteKernel{.experts = 40, .choices = 4, .scoring = Scoring::Sigmoid},
                     .fill = Fill::Integers,
                     .seed = seed});
  }
  cases.push_back({.kernel = RouteKernel{.experts = 9, .choices = 4, .scoring = Scoring::Sigmoid}, .spread = 0});
  cases.push_back({.kernel = RouteKernel{.experts = 40, .choices = 2, .normalise = true}, .spread = 0, .shift = -3});
  cases.push_back({.kernel = RouteKernel{.experts = 5, .choices = 2, .normalise = true},
                   .spread = 1e4,
                   .note = "far apart, and finite all the same"});
  cases.push_back({.kernel = RouteKernel{.experts = 5, .choices = 1, .scoring = Scoring::Sigmoid},
                   .spread = 8,
                   .shift = -68,
                   .note = "all scores near 0"});

  cases.push_back({.kernel = RouteKernel{.experts = 64, .choices = 8, .normalise = true}, .benchmark = true});
  return cases;
}
