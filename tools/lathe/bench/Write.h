//===- Write.h - what was measured, as text, JSON, a page and a trace -----------------------------------*- C++ -*-===//
//
// Names of bundles may be any bytes: JSON and the page have what is no UTF-8 replaced, and the page everything escaped.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_BENCH_WRITE_H
#define LATHE_TOOLS_LATHE_BENCH_WRITE_H

#include "tools/lathe/bench/Results.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe::bench {

/// For a terminal. Of a result without bundles: the machine's limits.
std::string textOf(const BenchResult &result);

/// One object, on one line. Of one bundle, its fields beside the machine's; of two, "bundles" and their "ratio".
std::string jsonOf(const BenchResult &result);

/// One HTML page, well-formed as XML: no scripts, nothing from elsewhere. For one or two bundles.
void writeReport(llvm::raw_ostream &out, const BenchResult &result);

/// The trace event format of Chrome and Perfetto: of each bundle a token of decode and a chunk of prefill, each a
/// process whose threads are the workers, phases and waits as slices.
void writeTrace(llvm::raw_ostream &out, const BenchResult &result);

} // namespace lathe::bench

#endif
