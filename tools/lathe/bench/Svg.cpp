#include "tools/lathe/bench/Svg.h"
#include "tools/lathe/bench/Format.h"
#include "llvm/Support/JSON.h"
#include <algorithm>
#include <cmath>

namespace lathe::bench {

std::string escaped(llvm::StringRef text) {
  std::string out;
  for (char c : llvm::json::fixUTF8(text)) // U+FFFD for what is none
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? std::string("\uFFFD") : std::string(1, c);
    }
  return out;
}

std::string px(double value) {
  std::string text = number("%.1f", std::isfinite(value) ? value : 0);
  if (text.ends_with(".0"))
    text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

double Scale::operator()(double value) const {
  const double part =
      log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : (value - low) / (high - low);
  return from + part * (to - from);
}

std::vector<double> Scale::ticks(size_t count) const {
  std::vector<double> ticks;
  if (log) {
    const bool few = high / low < 2000;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10)
      for (double times : {1.0, 2.0, 5.0})
        if (const double at = power * times; at >= low && at <= high && (times == 1 || few))
          ticks.push_back(at);
    return ticks;
  }
  const double rough = (high - low) / double(std::max<size_t>(1, count));
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (double times : {1.0, 2.0, 5.0, 10.0})
    if (step < rough)
      step = power * times;
  for (double at = std::ceil(low / step) * step; at <= high * (1 + 1e-9); at += step)
    ticks.push_back(at);
  return ticks;
}

std::string svgText(double x, double y, llvm::StringRef text, const char *style, const char *anchor) {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" class=\"" + style + "\" text-anchor=\"" + anchor + "\">" +
         escaped(text) + "</text>\n";
}

std::string svgTextAlong(double x, double y, double degrees, llvm::StringRef text, const char *style) {
  return "<g transform=\"translate(" + px(x) + " " + px(y) + ") rotate(" + px(degrees) + ")\">" +
         svgText(0, 0, text, style) + "</g>\n";
}

std::string svgLine(double x1, double y1, double x2, double y2, const char *style) {
  return "<line x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" + px(y2) + "\" class=\"" +
         style + "\"/>\n";
}

std::string svgRect(double x, double y, double width, double height, llvm::StringRef style, llvm::StringRef title) {
  const std::string rect = "<rect x=\"" + number("%.2f", x) + "\" y=\"" + px(y) + "\" width=\"" +
                           number("%.2f", std::max(0.0, width)) + "\" height=\"" + px(height) + "\" class=\"" +
                           style.str() + "\"";
  return title.empty() ? rect + "/>\n" : rect + "><title>" + escaped(title) + "</title></rect>\n";
}

void Labels::keepFree(double x, double y, double radius) {
  const double half = radius * 0.8; // of a disc's box the corners are free
  taken.push_back({x - half, y - half, x + half, y + half});
}

std::string Labels::place(double x, double y, double radius, llvm::StringRef text) {
  const double wide = 6.2 * double(text.size()), high = 11, gap = radius + 4; // of 11 px, about
  struct Side {
    double left, baseline;
    const char *anchor;
    double at;
  };
  for (const Side &side : {Side{x + gap, y + 4, "start", x + gap}, Side{x - gap - wide, y + 4, "end", x - gap},
                           Side{x - wide / 2, y - gap, "middle", x}, Side{x - wide / 2, y + gap + 9, "middle", x}}) {
    const Box box{side.left, side.baseline - high, side.left + wide, side.baseline + 2};
    const bool inside = box.x1 >= 0 && box.y1 >= 0 && box.x2 <= width && box.y2 <= height;
    const bool free = std::ranges::none_of(taken, [&](const Box &other) {
      return box.x1 < other.x2 && other.x1 < box.x2 && box.y1 < other.y2 && other.y1 < box.y2;
    });
    if (!inside || !free)
      continue;
    taken.push_back(box);
    return svgText(side.at, side.baseline, text, "label", side.anchor);
  }
  return "";
}

} // namespace lathe::bench
