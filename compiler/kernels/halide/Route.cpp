//===- Route.cpp - which experts a row chooses: the mathematics -------------------------------------------------===//
//
// An expert's rank is the number of experts that go before it: those with a greater score, of equal ones those with a
// lower number. It is chosen when its rank is among the first. So there is no sorting, and no branch that depends on
// numbers.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// 1 where a value at place a goes before one at place b, else 0.
static Expr before(Expr valueA, Expr placeA, Expr valueB, Expr placeB) {
  return select(valueA > valueB || (valueA == valueB && placeA < placeB), 1, 0);
}

/// What choices are made by: scores with their bias, and far below any other for what lies in a group that is not kept.
static Func wantedScores(RouteStages &s, const RouteKernel &k, const KernelBuilder &kernel) {
  Func biased = s.array("biased", k.experts);
  biased(s.e) = strict_float(k.bias ? s.score(s.e) + kernel.in("bias")(s.e) : s.score(s.e));
  if (k.keep == k.groups)
    return biased;
  const int size = static_cast<int>(k.experts / k.groups), groups = static_cast<int>(k.groups);
  RDom other(0, size, "other"), member(0, size, "member"), group(0, groups, "group");
  Func rank = s.array("rank_in_group", k.experts), best = s.array("best", k.groups);
  Expr neighbour = s.e / size * size + other;
  rank(s.e) = 0;
  rank(s.e) += before(biased(neighbour), neighbour, biased(s.e), s.e);
  s.ranks.push_back({rank, other});
  best(s.e) = 0.0f; // the sum of the two best
  Expr own = s.e * size + member;
  best(s.e) += select(rank(own) < 2, biased(own), 0.0f);
  Func place = s.array("place_of_group", k.groups), wanted = s.array("wanted", k.experts);
  place(s.e) = 0;
  place(s.e) += before(best(group), group, best(s.e), s.e);
  wanted(s.e) = select(place(s.e / size) < static_cast<int>(k.keep), biased(s.e), -3e38f);
  return wanted;
}

RouteStages lathe::defineKernel(const RouteKernel &k, KernelBuilder &kernel) {
  RouteStages s;
  const int experts = static_cast<int>(k.experts), choices = static_cast<int>(k.choices);
  ImageParam x = kernel.in("x");
  RDom all(0, experts, "all");

  s.score = s.array("score", k.experts);
  if (k.scoring == Scoring::Sigmoid) {
    s.score(s.e) = sigmoid(x(s.e));
  } else {
    Func high = s.array("high", 1), weight = s.array("weight", k.experts), sum = s.array("sum", 1);
    high(s.e) = -3e38f;
    high(s.e) = max(high(s.e), x(all));
    weight(s.e) = exponential(strict_float(x(s.e) - high(0)));
    sum(s.e) = 0.0f;
    sum(s.e) += weight(all);
    s.score(s.e) = strict_float(weight(s.e) / sum(0));
  }
  Func wanted = wantedScores(s, k, kernel);
  Func rank = s.array("rank", k.experts);
  rank(s.e) = 0;
  rank(s.e) += before(wanted(all), all, wanted(s.e), s.e);
  s.ranks.push_back({rank, all});
  // Choices before each expert, and their scores' sum.
  Func place = s.array("place", k.experts + 1), total = s.array("total", 1);
  place(s.e) = 0;
  place(all + 1) = place(all) + select(rank(all) < choices, 1, 0);
  total(s.e) = 0.0f;
  total(s.e) += select(rank(all) < choices, s.score(all), 0.0f);

  Expr weight = k.normalise ? s.score(all) / total(0) : s.score(all);
  if (k.scale != 1)
    weight = weight * static_cast<float>(k.scale);
  s.y = Func("routes_out");
  s.y(s.i) = 0.0f;
  Expr chosen = rank(all) < choices, at = clamp(place(all), 0, choices - 1);
  s.y(at) = select(chosen, cast<float>(all), s.y(at));
  s.y(at + choices) = select(chosen, strict_float(weight), s.y(at + choices));
  kernel.out("y", s.y);
  return s;
}
