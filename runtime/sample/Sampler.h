//===- Sampler.h - from logits to the next token --------------------------------------------------------*- C++ -*-===//
//
// Order of the steps: repetition penalty -> greedy if temperature is 0, else / temperature -> top-k -> softmax -> top-p
// -> min-p -> draw. Equal seeds and logits give equal tokens on every machine: the random numbers are the sampler's own
// (Random.h), so is exp (Exponential.h), and each sum runs in one fixed order.
//
//   repetition penalty  logits of tokens among the last `repetitionWindow` are divided (if > 0) or multiplied (else) by
//                       it (Keskar et al. 2019, CTRL)
//   top-k               keeps the k largest logits; equal ones in order of their id
//   top-p               keeps the smallest set of most likely tokens whose probabilities sum to >= p (Holtzman et al.
//                       2020)
//   min-p               keeps tokens with probability >= min-p times the largest (Nguyen et al. 2024)
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_SAMPLE_SAMPLER_H
#define LATHE_RUNTIME_SAMPLE_SAMPLER_H

#include "runtime/core/Result.h"
#include "runtime/core/TokenLogit.h"
#include "runtime/sample/Random.h"
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace lathe {

struct SamplerOptions {
  float temperature = 0;       ///< 0: greedy, the first of the largest logits
  uint32_t topK = 0;           ///< 0: all
  float topP = 1;              ///< (0, 1]; 1: all
  float minP = 0;              ///< [0, 1); 0: all
  float repetitionPenalty = 1; ///< > 0; 1: none
  uint32_t repetitionWindow = 64;
  uint64_t seed = 0;
};

class Sampler {
public:
  /// Fails where an option is out of its range.
  static Result<Sampler> create(const SamplerOptions &options);

  /// The next token. `history`: the tokens so far, latest last (read only for the repetition penalty).
  /// Fails where a logit is NaN or +infinity, or all are -infinity.
  Result<int32_t> sample(std::span<const float> logits, std::span<const int32_t> history);

  /// How many of the largest logits tell the token, as a rule, and whether the sum of weights is needed.
  LargestWanted largestWanted() const;
  /// Brings `count` logits from `first` on; none where it fails.
  using FetchLogits = std::function<std::span<const float>(size_t first, size_t count)>;
  /// What sample() would give, from what is known of `vocabulary` logits and, where any token may be drawn, a part of these.
  /// Nothing where that does not tell, or a failure is to be told: then sample() does, from all, as if this had not been
  /// called.
  std::optional<int32_t> sampleLargest(const LargestLogits &largest, size_t vocabulary, std::span<const int32_t> history,
                                       const FetchLogits &fetch);

private:
  explicit Sampler(const SamplerOptions &options) : options(options), random(options.seed) {}
  Result<int32_t> draw(std::span<const float> logits);
  /// From `candidates`, whose weights are of `sum`; `best` is the likeliest token.
  int32_t drawOf(double sum, int32_t best);
  /// From `candidates` alone, whose weights sum to `keptSum`.
  int32_t pick(double keptSum, int32_t best);
  /// Draws from the whole row. Nothing where roundings decide, or the part is not to be had.
  std::optional<int32_t> drawFromPart(double uniform, const LargestLogits &largest, size_t vocabulary,
                                      const FetchLogits &fetch) const;
  /// Cuts `candidates`, in order, as top-p does of weights whose sum is within `least` and `most`. Their own sum; nothing
  /// where one of these would cut elsewhere than the other, or `open` and there may be more candidates.
  std::optional<double> cutHead(double least, double most, bool open);
  std::span<const int32_t> penalisedIds(std::span<const int32_t> history) const;
  float penalise(float logit) const;
  double weightOf(float logit, double largest) const;

  struct Candidate {
    float logit;
    int32_t id;
    double weight;
  };
  SamplerOptions options;
  Random random;
  std::vector<float> penalised;
  std::vector<TokenLogit> likeliest;
  std::vector<Candidate> all, candidates, head; // kept for their memory
  std::vector<double> weights;
};

/// Index of the first of the largest logits. Fails as Sampler::sample does.
Result<int32_t> greedy(std::span<const float> logits);

} // namespace lathe

#endif
