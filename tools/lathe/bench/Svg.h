//===- Svg.h - what the report's drawings are made of ---------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BENCH_SVG_H
#define LATHE_TOOLS_LATHE_BENCH_SVG_H

#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe::bench {

/// As text of an element or an attribute: markup escaped; control characters and what is no UTF-8 replaced.
std::string escaped(llvm::StringRef text);

/// A coordinate or length in pixels, to a tenth.
std::string px(double value);

/// From numbers to pixels.
class Scale {
public:
  static Scale linear(double low, double high, double from, double to) { return {false, low, high, from, to}; }
  /// low > 0.
  static Scale logarithmic(double low, double high, double from, double to) { return {true, low, high, from, to}; }

  double operator()(double value) const;
  /// Round numbers within: of a linear one about `count` of them; of a logarithmic one the powers of ten, or also twice
  /// and five times those where there are few.
  std::vector<double> ticks(size_t count = 5) const;
  double low, high;

private:
  Scale(bool log, double low, double high, double from, double to)
      : low(low), high(high), log(log), from(from), to(to) {}
  bool log;
  double from, to;
};

/// <text> at a place; `style` is its class. `anchor`: "start", "middle" or "end".
std::string svgText(double x, double y, llvm::StringRef text, const char *style, const char *anchor = "start");
/// The same, turned about its start.
std::string svgTextAlong(double x, double y, double degrees, llvm::StringRef text, const char *style);
std::string svgLine(double x1, double y1, double x2, double y2, const char *style);
std::string svgRect(double x, double y, double width, double height, llvm::StringRef style, llvm::StringRef title = {});

/// Texts that do not lie on one another: the first of four sides of a dot where there is room.
class Labels {
public:
  Labels(double width, double height) : width(width), height(height) {}
  /// Keeps others away from a dot.
  void keepFree(double x, double y, double radius);
  /// The text as SVG, or nothing where there is no room.
  std::string place(double x, double y, double radius, llvm::StringRef text);

private:
  struct Box {
    double x1, y1, x2, y2;
  };
  double width, height;
  std::vector<Box> taken;
};

} // namespace lathe::bench

#endif
