#include "tools/lathe/bench/Format.h"
#include "tools/lathe/Console.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <cmath>

namespace lathe::bench {

std::string number(const char *format, double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(format, value);
  return text;
}

std::string digits(double value) {
  const double size = std::abs(value);
  return number(size >= 100 || size == 0 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f", value);
}

const char *unitOf(Roof::Kind kind) {
  return kind == Roof::Kind::Read ? "GB/s" : kind == Roof::Kind::Dot4 ? "GOP/s" : "GFLOP/s";
}

std::string ratesText(const std::vector<double> &rates) {
  const std::string median = number("%.1f", tune::median(rates)) + " tokens/s";
  if (rates.size() < 2)
    return median;
  const auto [low, high] = std::ranges::minmax(rates);
  return median + " (" + number("%.1f", low) + "–" + number("%.1f", high) + " in " + std::to_string(rates.size()) +
         " runs)";
}

std::string intervalText(const Ratio &ratio) {
  const std::string percent = number("%.0f %%", kRatioConfidence * 100);
  const std::string pairs = std::to_string(ratio.pairs) + (ratio.pairs == 1 ? " pair" : " pairs");
  if (!std::isfinite(ratio.high))
    return pairs + ", too few for an interval at " + percent;
  return number("%.3f", ratio.low) + "–" + number("%.3f", ratio.high) + " at " + percent + ", " + pairs;
}

Quartiles spreadOf(const RoofForm &form) {
  std::vector<double> rates;
  for (const RoofForm::Sample &sample : form.samples)
    rates.push_back(sample.rate);
  return quartilesOf(rates);
}

std::vector<double> bestByRound(const RoofForm &form) {
  std::vector<double> best;
  for (const RoofForm::Sample &sample : form.samples) {
    best.resize(std::max<size_t>(best.size(), sample.round + 1), 0);
    best[sample.round] = std::max(best[sample.round], sample.rate);
  }
  return best;
}

std::string titleOf(const Roof &roof) {
  if (roof.kind != Roof::Kind::Read)
    return roof.name;
  return roof.name == "step" ? "a step's " + cli::bytesText(double(roof.bytes)) : roof.name;
}

} // namespace lathe::bench
