#include "tools/lathe/Score.h"
#include <algorithm>
#include <cmath>

namespace lathe::cli {

void Mean::add(double value) {
  const double distance = value - average;
  average += distance / double(++n);
  squares += distance * (value - average);
}

double Mean::error() const { return n < 2 ? 0 : std::sqrt(squares / double(n) / double(n - 1)); }

Distribution::Distribution(std::span<const float> logits) : logits(logits), exponentials(logits.size()) {
  first = size_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
  const double largest = logits[first];
  for (size_t i = 0; i < logits.size(); ++i)
    sum += exponentials[i] = std::exp(logits[i] - largest);
  logSum = largest + std::log(sum);
}

double divergence(const Distribution &p, const Distribution &q) {
  double total = 0;
  for (size_t i = 0; i < p.size(); ++i)
    total += p.probability(i) * (p.logProbability(i) - q.logProbability(i));
  return std::max(total, 0.0); // below it by rounding only
}

} // namespace lathe::cli
