//===- Search.cpp - which values of a space to try next -----------------------------------------------------------===//
#include "compiler/tune/Search.h"
#include <algorithm>

namespace lathe::tune {
namespace {

/// A linear of 192 rows and 3072 panels has 60 thousand; what is beyond is not looked at, only reached by neighbours.
constexpr size_t kMostPoints = 200'000;
/// Of the model's favourites. They are much alike, so a few of them tell whether it is right.
constexpr size_t kFavourites = 3;
constexpr size_t kGuesses = 6;

/// All points of a space, by counting.
std::vector<Values> pointsOf(const Space &space) {
  std::vector<Values> points;
  std::vector<size_t> digits(space.parameters.size(), 0);
  for (size_t looked = 0; looked < 4 * kMostPoints && points.size() < kMostPoints; ++looked) {
    Values values;
    for (size_t i = 0; i < digits.size(); ++i)
      values.set(space.parameters[i].name, space.parameters[i].choices[digits[i]]);
    if (space.holds(values))
      points.push_back(std::move(values));
    size_t digit = 0;
    while (digit < digits.size() && ++digits[digit] == space.parameters[digit].choices.size())
      digits[digit++] = 0;
    if (digit == digits.size())
      break;
  }
  return points;
}

/// By cost; of equal ones the first stays first.
void sortByCost(std::vector<Values> &values, const Cost &cost) {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < values.size(); ++i)
    order.emplace_back(cost(values[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<Values> sorted;
  for (const auto &[unused, index] : order)
    sorted.push_back(std::move(values[index]));
  values = std::move(sorted);
}

} // namespace

Search::Search(Space s, Values start, std::vector<Values> seeds, Cost c, uint64_t seed)
    : space(std::move(s)), incumbent(std::move(start)), points(pointsOf(space)), cost(std::move(c)), random(seed),
      guesses(kGuesses) {
  sortByCost(points, cost);
  known(incumbent);
  queue = std::move(seeds);
  queue.insert(queue.end(), points.begin(), points.begin() + ptrdiff_t(std::min(kFavourites, points.size())));
}

std::optional<Values> Search::take(const std::vector<Values> &from) {
  for (const Values &values : from)
    if (space.holds(values) && seen.insert(values.print()).second)
      return values;
  return std::nullopt;
}

std::vector<Values> Search::neighbours() const {
  std::vector<Values> near;
  /// `from` with parameter i at the next choice up or down; at the next that keeps to the constraint, if `valid`.
  auto step = [&](const Values &from, size_t i, int by, bool valid) -> std::optional<Values> {
    const Parameter &parameter = space.parameters[i];
    Values to = from;
    auto at = std::ranges::lower_bound(parameter.choices, from[parameter.name]) - parameter.choices.begin();
    do {
      at += by;
      if (at < 0 || size_t(at) >= parameter.choices.size())
        return std::nullopt;
      to.set(parameter.name, parameter.choices[size_t(at)]);
    } while (valid && !space.holds(to));
    return to;
  };
  const size_t count = space.parameters.size();
  for (size_t i = 0; i < count; ++i)
    for (int by : {-1, 1}) {
      if (std::optional<Values> one = step(incumbent, i, by, /*valid=*/true))
        near.push_back(*one);
      std::optional<Values> first = step(incumbent, i, by, /*valid=*/false);
      for (size_t j = 0; first && j < count; ++j)
        for (int also : {-1, 1})
          if (std::optional<Values> two = j == i ? std::nullopt : step(*first, j, also, /*valid=*/true))
            near.push_back(*two);
    }
  sortByCost(near, cost);
  return near;
}

std::optional<Values> Search::next() {
  if (std::optional<Values> wanted = take(queue))
    return wanted;
  queue.clear();
  if (std::optional<Values> near = take(neighbours()))
    return near;
  const size_t half = (points.size() + 1) / 2;
  for (size_t tries = 0; half && guesses && tries < 4 * kGuesses; ++tries) {
    random = random * 6364136223846793005u + 1442695040888963407u; // Knuth's MMIX generator
    if (std::optional<Values> guess = take({points[(random >> 33) % half]})) {
      --guesses;
      return guess;
    }
  }
  return std::nullopt;
}

} // namespace lathe::tune
