#include "tools/lathe/Bundle.h"
#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/ReportParts.h"
#include "tools/lathe/bench/Svg.h"
#include <algorithm>

namespace lathe::bench {
namespace {

constexpr double kWidth = 1040, kLeft = 70, kRight = 10;
constexpr size_t kColours = 9; ///< phases that have one of their own, by time; others share one

std::string microseconds(double seconds) { return digits(seconds * 1e6) + " µs"; }

/// The class of each phase's colour.
std::vector<std::string> coloursOf(const StepResult &step) {
  std::vector<size_t> order(step.phases.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::ranges::sort(order, std::greater(), [&](size_t i) { return step.phases[i].seconds; });
  std::vector<std::string> colours(step.phases.size(), "other");
  for (size_t i = 0; i < std::min(order.size(), kColours); ++i)
    colours[order[i]] = "c" + std::to_string(i);
  return colours;
}

/// Phases begin .. end - 1.
struct Part {
  size_t begin, end;
};

/// "layers.3." of "layers.3.mlp.down".
llvm::StringRef layerOf(llvm::StringRef phase) { return phase.drop_back(cli::withoutLayer(phase).size()); }

/// The layer in the middle of the step.
Part middleLayer(const std::vector<Timeline::Phase> &phases) {
  size_t middle = phases.size() / 2;
  while (middle < phases.size() && layerOf(phases[middle].name).empty())
    ++middle;
  if (middle >= phases.size())
    return {0, phases.size()};
  const std::string layer = layerOf(phases[middle].name).str();
  Part part{middle, middle};
  while (part.begin > 0 && layerOf(phases[part.begin - 1].name) == layer)
    --part.begin;
  while (part.end < phases.size() && layerOf(phases[part.end].name) == layer)
    ++part.end;
  return part;
}

} // namespace

std::string workersSvg(const StepResult &step) {
  constexpr double kRow = 22;
  const size_t drawn = std::min(step.workers.size(), kDrawnWorkers);
  double longest = 0;
  for (const WorkerResult &worker : step.workers)
    longest = std::max(longest, worker.working + worker.imbalance + worker.barrier);
  if (longest <= 0)
    return "";
  const Scale x = Scale::linear(0, longest, kLeft, kWidth - 190);
  const double height = kRow * double(drawn) + 4;
  std::string svg = "<svg viewBox=\"0 0 1040 " + px(height) + "\" role=\"img\" aria-label=\"Time of workers in " +
                    escaped(step.step) + "\">\n";
  for (size_t i = 0; i < drawn; ++i) {
    const WorkerResult &worker = step.workers[i];
    const double y = kRow * double(i) + 2, all = worker.working + worker.imbalance + worker.barrier;
    svg += svgText(kLeft - 8, y + 13, "worker " + std::to_string(i), "tick", "end");
    double at = 0;
    for (const auto &[seconds, style, what] : {std::tuple(worker.working, "working", "working"),
                                               std::tuple(worker.imbalance, "imbalance", "waits for others"),
                                               std::tuple(worker.barrier, "barrier", "barriers")}) {
      svg +=
          svgRect(x(at), y, x(at + seconds) - x(at), kRow - 5, style, std::string(what) + " " + microseconds(seconds));
      at += seconds;
    }
    svg += svgText(x(at) + 8, y + 13,
                   digits(100 * worker.working / all) + " · " + digits(100 * worker.imbalance / all) + " · " +
                       digits(100 * worker.barrier / all) + " %",
                   "label");
  }
  return svg + "</svg>\n";
}

std::string timelineSvg(const StepResult &step, bool layer) {
  const Timeline &line = step.timeline;
  if (line.phases.empty())
    return "";
  const Part part = layer ? middleLayer(line.phases) : Part{0, line.phases.size()};
  const double begin = part.begin ? line.phases[part.begin - 1].end() : 0;
  const double end = layer ? line.phases[part.end - 1].end() : line.seconds;
  if (end <= begin)
    return "";
  const double row = layer ? 34 : 26;
  const size_t drawn = std::min(line.phases.front().workers.size(), kDrawnWorkers);
  const double height = row * double(drawn) + 24;
  const Scale x = Scale::linear(begin * 1e6, end * 1e6, kLeft, kWidth - kRight);
  const std::vector<std::string> colours = coloursOf(step);
  std::string svg = "<svg viewBox=\"0 0 1040 " + px(height) + "\" role=\"img\" aria-label=\"Timeline by worker\">\n";
  for (double at : x.ticks(8))
    svg += svgLine(x(at), 0, x(at), height - 20, "grid") +
           svgText(std::min(x(at), kWidth - 24), height - 6, number("%g", at) + " µs", "tick", "middle");
  for (size_t worker = 0; worker < drawn; ++worker) {
    const double y = row * double(worker) + 3;
    svg += svgText(kLeft - 8, y + row / 2, "worker " + std::to_string(worker), "tick", "end");
    svg += svgRect(kLeft, y, kWidth - kRight - kLeft, row - 6, "wait");
    for (size_t i = part.begin; i < part.end; ++i) {
      const Timeline::Phase &phase = line.phases[i];
      const Timeline::Span &span = phase.workers[worker];
      const double left = x(std::max(span.begin, begin) * 1e6), wide = x(std::min(span.end, end) * 1e6) - left;
      const double waits = phase.end() - span.end;
      svg += svgRect(left, y, wide, row - 6, "slice " + (phase.group < colours.size() ? colours[phase.group] : "other"),
                     phase.name + " " + microseconds(span.end - span.begin) + ", then waits " + microseconds(waits));
      const std::string name = cli::withoutLayer(phase.name).str();
      if (layer && wide > 6.4 * double(name.size()) + 8)
        svg += svgText(left + wide / 2, y + row / 2 + 1, name, "onslice", "middle");
    }
  }
  return svg + "</svg>\n";
}

std::string timelineLegend(const StepResult &step) {
  const std::vector<std::string> colours = coloursOf(step);
  std::string html = "<p class=\"legend\">";
  bool others = false;
  for (size_t i = 0; i < step.phases.size(); ++i) {
    if (colours[i] == "other")
      others = true;
    else
      html += "<span><i class=\"key " + colours[i] + "\"></i>" + escaped(step.phases[i].name) + "</span> ";
  }
  if (others)
    html += "<span><i class=\"key other\"></i>others</span> ";
  return html + "<span><i class=\"key wait\"></i>waits</span></p>\n";
}

} // namespace lathe::bench
