//===- Statistics.h - whether one program is faster than another, from pairs of noisy times -------------*- C++ -*-===//
//
// Two programs are timed in pairs, one right after the other and in random order, so that a noisy moment falls on both.
// Of each pair counts x = ln(candidate / incumbent); if both are equally fast, x is as likely above 0 as below,
// whatever the noise looks like, and that is all that is used here:
//
//   test       the sign test: the probability of so few pairs against the candidate if it is no faster
//   estimate   the median, with the interval between two of the ordered pairs that belongs to the test
//
// Another process that takes a core makes a time twice or ten times as long. Tests of means, and of ranks too
// (Wilcoxon's gives such a pair the highest rank), need many more pairs then: with one in ten disturbed, 20 pairs
// tell a fifth less time by signs, and do not by ranks.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_STATISTICS_H
#define LATHE_COMPILER_TUNE_STATISTICS_H

#include <cstddef>
#include <span>
#include <vector>

namespace lathe::tune {

struct Comparison {
  size_t pairs = 0;
  double change = 0;        ///< estimate of ln(candidate / incumbent): below 0, the candidate is faster
  double low = 0, high = 0; ///< interval at the confidence asked for; infinite where there are too few pairs for it
  double chance = 1;        ///< of pairs that speak so much for the candidate, if it is no faster
};

/// `x`: ln(candidate / incumbent) of each pair.
Comparison compare(std::span<const double> x, double confidence);

/// The value that `part` of them are below, between two of them linearly; 0 of nothing.
double quantile(std::vector<double> values, double part);
double median(std::vector<double> values);
/// The distance between the quartiles.
double spread(std::vector<double> values);

} // namespace lathe::tune

#endif
