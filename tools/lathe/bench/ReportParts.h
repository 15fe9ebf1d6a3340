//===- ReportParts.h - the drawings of the report -------------------------------------------------------*- C++ -*-===//
//
// Each is one <svg>, as wide as its place. Colours and strokes are classes of report.css, for light, dark and paper.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_BENCH_REPORTPARTS_H
#define LATHE_TOOLS_LATHE_BENCH_REPORTPARTS_H

#include "tools/lathe/bench/Results.h"
#include <string>

namespace lathe::bench {

/// The roofs of the machine, and a dot for each phase: its operations by byte and a second; its area is its part of the
/// time of its step, its shape what its schedule is from. Two bundles have the same axes.
std::string rooflineSvg(const BenchResult &result, const BundleResult &bundle, double width);

/// Decode's rate behind more and more positions, and the rate that the limits allow.
std::string depthSvg(const BenchResult &result);

/// Samples of a roof's fastest form between 0 and its limit; a box from quartile to quartile.
std::string samplesSvg(const Roof &roof);

/// Where each worker's time of a step goes.
std::string workersSvg(const StepResult &step);

/// A step by worker: the phases as blocks, waits as gaps. `layer`: only one layer, from the middle, with its phases'
/// names.
std::string timelineSvg(const StepResult &step, bool layer);
/// The colours of the timeline.
std::string timelineLegend(const StepResult &step);

/// More workers are not drawn.
inline constexpr size_t kDrawnWorkers = 16;

/// The class of a bundle's colour.
inline const char *bundleClass(size_t index) { return index ? "b" : "a"; }

} // namespace lathe::bench

#endif
