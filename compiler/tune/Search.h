//===- Search.h - which values of a space to try next ---------------------------------------------------*- C++ -*-===//
//
// Asked for a candidate, told how it went:
//
//   Search search(space, incumbent, seeds, cost, 1);
//   while (std::optional<Values> candidate = search.next())
//     if (faster(*candidate, search.best()))
//       search.won(*candidate);
//
// The order: what records of near kernels have; the cheapest of the whole space by the cost model; the neighbours of
// the best, the cheapest first, where a neighbour has the next possible choice up or down of one value, or of two (a
// register tile must divide the tile, so that one alone often cannot move); where none is left, some of the cheaper
// half of the space at random, lest the model be wrong. Nothing is handed out twice, nothing that breaks the constraint.
// Equal answers lead to equal questions.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_SEARCH_H
#define LATHE_COMPILER_TUNE_SEARCH_H

#include "compiler/backend/Space.h"
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace lathe::tune {

/// Seconds that values may take; only their order matters.
using Cost = std::function<double(const Values &)>;

class Search {
public:
  Search(Space space, Values incumbent, std::vector<Values> seeds, Cost cost, uint64_t seed);

  /// The next candidate; nothing: all that is worth it has been tried.
  std::optional<Values> next();
  /// The candidate is the new best, around which the search goes on. Without a word it was no better.
  void won(const Values &values) { incumbent = values; }
  /// Values to try before all others, if they are of the space: what won for a kernel much like this one.
  void offer(const Values &values) { queue.insert(queue.begin(), values); }
  /// Values that need not be tried any more.
  void known(const Values &values) { seen.insert(values.print()); }

  const Values &best() const { return incumbent; }
  /// Values of the space that keep to its constraint, at most kMostPoints of them.
  size_t size() const { return points.size(); }

private:
  std::optional<Values> take(const std::vector<Values> &from);
  std::vector<Values> neighbours() const;

  Space space;
  Values incumbent;
  std::vector<Values> queue;  ///< what was offered, seeds, the model's favourites
  std::vector<Values> points; ///< by cost
  Cost cost;
  uint64_t random;
  size_t guesses;
  std::set<std::string> seen;
};

} // namespace lathe::tune

#endif
