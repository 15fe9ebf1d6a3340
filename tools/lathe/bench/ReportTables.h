//===- ReportTables.h - the tables of the report --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BENCH_REPORTTABLES_H
#define LATHE_TOOLS_LATHE_BENCH_REPORTTABLES_H

#include "tools/lathe/bench/Results.h"
#include <string>

namespace lathe::bench {

/// Each roof: its limit, spread, what it was before and after, and how it was measured.
std::string roofsTable(const BenchResult &result);
/// Every form that was tried.
std::string formsTable(const BenchResult &result);
/// The phases of a step, by time lost above the roof.
std::string phasesTable(const StepResult &step);
/// The same of two bundles, side by side.
std::string phasesTable(const StepResult &a, const StepResult &b);

} // namespace lathe::bench

#endif
