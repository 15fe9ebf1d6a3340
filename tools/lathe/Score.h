//===- Score.h - how well logits foresee a text, and how near two models' are -------------------------*- C++ -*-===//
//
//   Distribution p(logits);                         // softmax, in f64
//   surprise.add(-p.logProbability(next));          // a Mean
//   std::exp(surprise.mean());                      // the perplexity; its error is that times surprise.error()
//   divergence(p, q);                               // KL(p || q) >= 0; 0 where the logits are the same
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_SCORE_H
#define LATHE_TOOLS_LATHE_SCORE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe::cli {

/// The mean of numbers that come one by one, and its standard error: sqrt of their variance (with n below) over n - 1,
/// as llama.cpp has it. Welford's way, which loses no digits.
class Mean {
public:
  void add(double value);
  size_t count() const { return n; }
  double mean() const { return average; }
  double error() const; ///< 0 of fewer than two

private:
  size_t n = 0;
  double average = 0, squares = 0; ///< squares: sum of squared distances from the mean
};

/// The probabilities that logits stand for: p_i = exp(logits_i) / sum of exp(logits). Refers to the logits.
class Distribution {
public:
  /// `logits`: finite, at least one.
  explicit Distribution(std::span<const float> logits);

  size_t size() const { return logits.size(); }
  double logProbability(size_t token) const { return double(logits[token]) - logSum; }
  double probability(size_t token) const { return exponentials[token] / sum; }
  /// The most likely token; of several the first.
  size_t top() const { return first; }

private:
  std::span<const float> logits;
  std::vector<double> exponentials; ///< of logits less the largest
  double sum = 0, logSum = 0;       ///< sum: of exponentials; logSum: log of the sum of exp(logits)
  size_t first = 0;
};

/// KL(p || q) = sum of p_i (log p_i - log q_i), in nats, over tokens of both. llama.cpp leaves out those whose log p is
/// below -16, which changes some 1e-6.
double divergence(const Distribution &p, const Distribution &q);

} // namespace lathe::cli

#endif
