//===- Format.h - numbers as people read them -----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BENCH_FORMAT_H
#define LATHE_TOOLS_LATHE_BENCH_FORMAT_H

#include "tools/lathe/bench/Results.h"
#include <string>

namespace lathe::bench {

/// With printf's format of one double.
std::string number(const char *format, double value);
/// With about three digits: "0.123", "4.56", "78.9", "1234".
std::string digits(double value);
/// Of the kind of a roof: "30.2 GB/s", "432 GFLOP/s", "1579 GOP/s".
const char *unitOf(Roof::Kind kind);
/// "1165.0 tokens/s"; of several, "1165.0 tokens/s (1101.2–1180.4 in 5 runs)".
std::string ratesText(const std::vector<double> &rates);
/// "0.97–1.06 at 95 %, 8 pairs", or that there are too few.
std::string intervalText(const Ratio &ratio);
/// Of all samples of a form, by quartiles; and the best of each round.
Quartiles spreadOf(const RoofForm &form);
std::vector<double> bestByRound(const RoofForm &form);
/// "step of decode": what a roof is of, for people. `bytes` of it.
std::string titleOf(const Roof &roof);

} // namespace lathe::bench

#endif
