#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/ReportParts.h"
#include "tools/lathe/bench/Svg.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::bench {
namespace {

constexpr double kLeft = 66, kBottom = 44, kTop = 14;
constexpr double kLargestDot = 30; ///< radius of a phase that takes all of the time

/// A phase as a dot.
struct Dot {
  const StepResult *step;
  const PhaseResult *phase;
  double intensity, rate; ///< operations a byte, a second
};

/// Of phases that read and compute.
std::vector<Dot> dotsOf(const BundleResult &bundle) {
  std::vector<Dot> dots;
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases)
      if (phase.bytes > 0 && phase.operations > 0 && phase.seconds > 0)
        dots.push_back({step, &phase, phase.operations / phase.bytes, phase.operations / phase.seconds});
  return dots;
}

struct Ceiling {
  std::string name;
  double rate;
};

/// The rates that phases of the bundles can have, the highest first.
std::vector<Ceiling> ceilingsOf(const BenchResult &result) {
  std::vector<Ceiling> ceilings;
  for (const Roof &roof : result.machines.front().roofs) {
    if (roof.kind == Roof::Kind::F32)
      ceilings.push_back({"f32 " + digits(roof.limit() / 1e9) + " GFLOP/s", roof.limit()});
    if (roof.kind == Roof::Kind::Half)
      ceilings.push_back({"half " + digits(roof.limit() / 1e9) + " GFLOP/s", roof.limit()});
    if (roof.kind == Roof::Kind::Dot4) {
      ceilings.push_back({"dot4 " + digits(roof.limit() / 1e9) + " GOP/s", roof.limit()});
      ceilings.push_back({"dot4 of two planes " + digits(roof.limit() / 2e9) + " GOP/s", roof.limit() / 2});
    }
  }
  std::ranges::sort(ceilings, std::greater(), &Ceiling::rate);
  return ceilings;
}

struct Axes {
  Scale x, y;
};

Axes axesOf(const BenchResult &result, double width, double height) {
  double left = 0.5, right = 100, low = 1e9, high = ceilingsOf(result).front().rate;
  for (const BundleResult &bundle : result.bundles)
    for (const Dot &dot : dotsOf(bundle)) {
      left = std::min(left, dot.intensity), right = std::max(right, dot.intensity);
      low = std::min(low, std::max(dot.rate, high / 1e5)); // one that nearly stands still lies on the axis
    }
  return {Scale::logarithmic(left / 2, right * 3, kLeft, width - 12),
          Scale::logarithmic(low / 2, high * 2, height - kBottom, kTop)};
}

std::string grid(const Axes &axes, double width, double height, const char *xTitle, const char *yTitle) {
  std::string svg;
  for (double at : axes.x.ticks())
    svg += svgLine(axes.x(at), kTop, axes.x(at), height - kBottom, "grid") +
           svgText(axes.x(at), height - kBottom + 16, number("%g", at), "tick", "middle");
  for (double at : axes.y.ticks())
    svg += svgLine(kLeft, axes.y(at), width - 12, axes.y(at), "grid") +
           svgText(kLeft - 6, axes.y(at) + 4, number("%g", at / 1e9), "tick", "end");
  svg += svgText((kLeft + width) / 2, height - 8, xTitle, "axis", "middle");
  return svg + svgTextAlong(13, height / 2 + 20, -90, yTitle, "axis");
}

std::string roofLines(const BenchResult &result, const BundleResult &bundle, const Axes &axes, double width) {
  std::string svg;
  const std::vector<Ceiling> ceilings = ceilingsOf(result);
  const double top = ceilings.front().rate, own = bundle.limits.readBytesPerSecond;
  for (const Roof &roof : result.machines.front().roofs) {
    const double rate = roof.limit(), from = std::max(axes.x.low, axes.y.low / rate);
    const double to = std::min(top / rate, axes.x.high);
    // A step's region of the other bundle is none of this one's.
    if (roof.kind != Roof::Kind::Read || (roof.name == "step" && rate != own) || to <= from)
      continue;
    svg += svgLine(axes.x(from), axes.y(rate * from), axes.x(to), axes.y(rate * to), rate == own ? "roof own" : "roof");
    // Along the line: above it from that of this step on, below it those that are lower, which may be near.
    const double at = from * std::pow(to / from, rate == own ? 0.25 : 0.03);
    const double slope = std::atan2(axes.y(rate * to) - axes.y(rate * from), axes.x(to) - axes.x(from));
    const double away = rate >= own ? -5 : 14;
    svg += svgTextAlong(
        axes.x(at) - away * std::sin(slope), axes.y(rate * at) + away * std::cos(slope), slope * 180 / std::acos(-1.0),
        (roof.name == "step" ? std::string("this step") : roof.name) + " " + digits(rate / 1e9) + " GB/s", "label");
  }
  double above = -100; // where the ceiling before this one is
  for (const Ceiling &ceiling : ceilings) {
    const double from = std::max(axes.x.low, ceiling.rate / own), y = axes.y(ceiling.rate);
    svg += svgLine(axes.x(from), y, width - 12, y, "roof own");
    svg += svgText(width - 14, y - above < 16 ? y + 12 : y - 5, ceiling.name, "label", "end");
    above = y;
  }
  return svg;
}

std::string titleOf(const Dot &dot) {
  const PhaseResult &phase = *dot.phase;
  return dot.step->step + " " + phase.name + ": " + digits(100 * phase.seconds / dot.step->seconds) +
         " % of the time, " + digits(phase.bytes / phase.seconds / 1e9) + " GB/s, " + digits(dot.rate / 1e9) +
         " GOP/s, " + digits(100 * phase.ofLimit()) + " % of its limit (" + name(phase.bound) + "), " + phase.schedule;
}

/// A circle for tuned, a diamond for nearest, a square for fallback, of the same area.
std::string mark(double x, double y, double radius, ScheduleKind kind, const std::string &style,
                 const std::string &title) {
  const std::string open = " class=\"dot " + style + "\"><title>" + escaped(title) + "</title></";
  if (kind == ScheduleKind::Tuned)
    return "<circle cx=\"" + px(x) + "\" cy=\"" + px(y) + "\" r=\"" + px(radius) + "\"" + open + "circle>\n";
  const double half = radius * std::sqrt(std::acos(-1.0)) / 2;
  std::string rect = "<rect x=\"" + px(x - half) + "\" y=\"" + px(y - half) + "\" width=\"" + px(2 * half) +
                     "\" height=\"" + px(2 * half) + "\"";
  if (kind == ScheduleKind::Nearest)
    rect += " transform=\"rotate(45 " + px(x) + " " + px(y) + ")\"";
  return rect + open + "rect>\n";
}

} // namespace

std::string rooflineSvg(const BenchResult &result, const BundleResult &bundle, double width) {
  const double height = std::max(400.0, width * 0.5);
  const Axes axes = axesOf(result, width, height);
  std::string svg = "<svg viewBox=\"0 0 " + px(width) + " " + px(height) + "\" role=\"img\" aria-label=\"Roofline of " +
                    escaped(bundle.model) + "\">\n";
  svg += grid(axes, width, height, "operations a byte read", "GOP/s");
  Labels labels(width - 8, height - kBottom);
  for (const Ceiling &ceiling : ceilingsOf(result)) // their names
    labels.keepFree(width - 80, axes.y(ceiling.rate) - 8, 10);
  std::vector<Dot> dots = dotsOf(bundle);
  auto part = [](const Dot &dot) { return dot.phase->seconds / dot.step->seconds; };
  std::ranges::sort(dots, std::greater(), part); // small ones on top
  auto place = [&](const Dot &dot) {
    return std::tuple(axes.x(dot.intensity), axes.y(std::max(dot.rate, axes.y.low)),
                      std::max(3.0, kLargestDot * std::sqrt(part(dot))));
  };
  for (const Dot &dot : dots) {
    const auto [x, y, radius] = place(dot);
    labels.keepFree(x, y, radius);
  }
  svg += roofLines(result, bundle, axes, width);
  for (const Dot &dot : dots) {
    const auto [x, y, radius] = place(dot);
    svg += mark(x, y, radius, dot.phase->scheduleKind(), dot.step->step, titleOf(dot));
  }
  for (const Dot &dot : dots)
    if (part(dot) >= 0.02) {
      const auto [x, y, radius] = place(dot);
      svg += labels.place(x, y, radius, dot.phase->name);
    }
  return svg + "</svg>\n";
}

std::string depthSvg(const BenchResult &result) {
  constexpr double kWidth = 1040, kHeight = 300;
  double first = std::numeric_limits<double>::infinity(), last = 0, highest = 0;
  for (const BundleResult &bundle : result.bundles)
    for (const DepthResult &at : bundle.depths) {
      first = std::min(first, double(at.depth)), last = std::max(last, double(at.depth));
      highest = std::max({highest, at.rate, at.limitRate});
    }
  if (last <= 0)
    return "";
  const Scale x = Scale::logarithmic(std::max(1.0, first) / 1.2, last * 1.35, kLeft, kWidth - 12);
  const Scale y = Scale::linear(0, highest * 1.1, kHeight - kBottom, kTop);
  std::string svg = "<svg viewBox=\"0 0 1040 300\" role=\"img\" aria-label=\"Decode by context length\">\n";
  for (double at : y.ticks())
    svg += svgLine(kLeft, y(at), kWidth - 12, y(at), "grid") +
           svgText(kLeft - 6, y(at) + 4, number("%g", at), "tick", "end");
  svg += svgText((kLeft + kWidth) / 2, kHeight - 8, "positions before the token", "axis", "middle");
  svg += svgTextAlong(13, kHeight / 2 + 12, -90, "tokens/s", "axis");
  for (size_t i = 0; i < result.bundles.size(); ++i) {
    const std::vector<DepthResult> &depths = result.bundles[i].depths;
    if (depths.empty())
      continue;
    std::string line, limit;
    for (const DepthResult &at : depths) {
      line += px(x(double(at.depth))) + "," + px(y(at.rate)) + " ";
      limit += px(x(double(at.depth))) + "," + px(y(at.limitRate)) + " ";
    }
    const std::string of = bundleClass(i);
    svg += "<polyline points=\"" + limit + "\" class=\"curve limit " + of + "\"/>\n<polyline points=\"" + line +
           "\" class=\"curve " + of + "\"/>\n";
    for (const DepthResult &at : depths) {
      svg += "<circle cx=\"" + px(x(double(at.depth))) + "\" cy=\"" + px(y(at.rate)) + "\" r=\"3.5\" class=\"point " +
             of + "\"/>\n" +
             svgText(x(double(at.depth)), y(at.rate) + (i ? 18 : -9), digits(at.rate), "label", "middle");
      svg += svgText(x(double(at.depth)), kHeight - kBottom + 16, std::to_string(at.depth), "tick", "middle");
    }
    svg += svgText(x(double(depths.back().depth)) + 10, y(depths.back().limitRate) + 4, "limit", "label");
  }
  return svg + "</svg>\n";
}

std::string samplesSvg(const Roof &roof) {
  constexpr double kWidth = 240, kHeight = 20;
  const RoofForm &form = roof.best();
  const Quartiles spread = spreadOf(form);
  const Scale x = Scale::linear(0, roof.limit(), 2, kWidth - 2);
  std::string svg = "<svg viewBox=\"0 0 240 20\" class=\"strip\" role=\"img\" aria-label=\"samples\">\n";
  svg += svgLine(2, kHeight - 2, kWidth - 2, kHeight - 2, "grid");
  svg += svgRect(x(spread.low), 4, std::max(1.0, x(spread.high) - x(spread.low)), kHeight - 8, "box");
  for (const RoofForm::Sample &sample : form.samples)
    svg += svgLine(x(sample.rate), 5, x(sample.rate), kHeight - 5, "sample");
  return svg + svgLine(x(roof.limit()), 1, x(roof.limit()), kHeight - 1, "best") + "</svg>\n";
}

} // namespace lathe::bench
