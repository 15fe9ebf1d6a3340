//===- SearchTest.cpp - which values are tried, and in which order ------------------------------------------------===//
#include "compiler/tune/Search.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::tune;

namespace {

std::vector<int64_t> upTo(int64_t most) {
  std::vector<int64_t> choices;
  for (int64_t n = 1; n <= most; ++n)
    choices.push_back(n);
  return choices;
}

/// A tile, and a register tile that divides it.
Space tiled() {
  Space space;
  space.parameters = {
      {"tile", {1, 2, 3, 4, 6, 8, 12, 24, 48}, 1}, {"rows", {1, 2, 3, 4, 6, 8, 12}, 1}, {"unroll", {1, 2, 4, 8}, 1}};
  space.constraint = [](const Values &values) { return values["tile"] % values["rows"] == 0; };
  return space;
}

/// The best is tile = 12, rows = 6, unroll = 4.
double distance(const Values &values) {
  auto off = [&](const char *name, double best) { return std::abs(std::log2(double(values[name]) / best)); };
  return 1 + off("tile", 12) + off("rows", 6) + off("unroll", 4);
}

/// The values tried, in order; the best of them at the end wins every comparison.
std::vector<std::string> run(Search &search, size_t most = 1000) {
  std::vector<std::string> tried;
  while (tried.size() < most) {
    std::optional<Values> candidate = search.next();
    if (!candidate)
      break;
    tried.push_back(candidate->print());
    if (distance(*candidate) < distance(search.best()))
      search.won(*candidate);
  }
  return tried;
}

} // namespace

TEST(Search, FindsTheBestWhereTheModelKnowsNothing) {
  Search search(tiled(), tiled().fallback(), {}, [](const Values &) { return 1.0; }, 1);
  const std::vector<std::string> tried = run(search);
  EXPECT_EQ(search.best().print(), "tile=12 rows=6 unroll=4") << "of " << tried.size() << " tried";
  EXPECT_LT(tried.size(), search.size()) << "a search is not a walk over all";
}

TEST(Search, BeginsWithSeedsThenWithTheModelsBest) {
  const Values seed = {{"tile", 24}, {"rows", 12}, {"unroll", 1}};
  Search search(tiled(), tiled().fallback(), {seed}, distance, 1);
  EXPECT_EQ(search.next()->print(), seed.print());
  EXPECT_EQ(search.next()->print(), "tile=12 rows=6 unroll=4");
}

TEST(Search, TriesWhatIsOfferedNext) {
  Search search(tiled(), tiled().fallback(), {}, distance, 1);
  search.next();
  const Values offered = {{"tile", 48}, {"rows", 12}, {"unroll", 8}};
  search.offer({{"tile", 5}, {"rows", 1}, {"unroll", 1}});
  search.offer(offered);
  EXPECT_EQ(search.next()->print(), offered.print());
  EXPECT_NE(search.next()->print(), "tile=5 rows=1 unroll=1") << "which is none of the space";
}

TEST(Search, HandsOutNothingTwiceAndNothingThatBreaksTheConstraint) {
  const Space space = tiled();
  Search search(space, space.fallback(), {{{"tile", 4}, {"rows", 3}, {"unroll", 1}}, {{"tile", 5}}}, distance, 1);
  search.known({{"tile", 12}, {"rows", 6}, {"unroll", 4}});
  std::set<std::string> seen = {space.fallback().print(), "tile=12 rows=6 unroll=4"};
  while (std::optional<Values> candidate = search.next()) {
    EXPECT_TRUE(space.holds(*candidate)) << candidate->print();
    EXPECT_TRUE(seen.insert(candidate->print()).second) << candidate->print();
    if (distance(*candidate) < distance(search.best()))
      search.won(*candidate);
  }
}

TEST(Search, AsksTheSameQuestionsForTheSameSeed) {
  auto tried = [](uint64_t seed) {
    Search search(tiled(), tiled().fallback(), {}, distance, seed);
    return run(search);
  };
  EXPECT_EQ(tried(1), tried(1));
  EXPECT_NE(tried(1), tried(2)) << "guesses at the end differ";
}

TEST(Search, GoesOnInALargeSpace) {
  Space space;
  for (const char *name : {"a", "b", "c", "d", "e"})
    space.parameters.push_back({name, upTo(20), 10}); // 3.2 million points
  Search search(space, space.fallback(), {}, [](const Values &) { return 1.0; }, 1);
  EXPECT_LE(search.size(), 200'000u);
  EXPECT_TRUE(search.next());
}
