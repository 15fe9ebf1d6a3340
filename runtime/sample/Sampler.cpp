#include "runtime/sample/Sampler.h"
#include "runtime/sample/Exponential.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {

Result<int32_t> greedy(std::span<const float> logits) {
  if (logits.empty())
    return error("no logits to choose from");
  float best = -std::numeric_limits<float>::infinity();
  size_t index = logits.size();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > best) {
      best = logits[i];
      index = i;
    } else if (std::isnan(logits[i])) {
      return error("logit of token ", i, " is not a number");
    }
  }
  if (index == logits.size())
    return error("every logit is -infinity: no token is possible");
  if (std::isinf(best))
    return error("logit of token ", index, " is infinite");
  return int32_t(index);
}

/// TokenLogit::before, of what has a logit and an id.
template <typename Token> static bool likelier(const Token &a, const Token &b) {
  return TokenLogit{a.logit, a.id}.before({b.logit, b.id});
}

Result<Sampler> Sampler::create(const SamplerOptions &options) {
  // Written so that NaN fails each of them.
  if (!(options.temperature >= 0 && options.temperature < std::numeric_limits<float>::infinity()))
    return error("temperature is ", options.temperature, "; it must be 0 (greedy) or more");
  if (!(options.topP > 0 && options.topP <= 1))
    return error("top-p is ", options.topP, "; it must be above 0 and at most 1");
  if (!(options.minP >= 0 && options.minP < 1))
    return error("min-p is ", options.minP, "; it must be at least 0 and below 1");
  if (!(options.repetitionPenalty > 0 && options.repetitionPenalty < std::numeric_limits<float>::infinity()))
    return error("repetition penalty is ", options.repetitionPenalty, "; it must be above 0");
  return Sampler(options);
}

Result<int32_t> Sampler::sample(std::span<const float> logits, std::span<const int32_t> history) {
  if (const std::span<const int32_t> ids = penalisedIds(history); !ids.empty()) {
    penalised.assign(logits.begin(), logits.end());
    for (int32_t id : ids)
      if (uint32_t(id) < logits.size()) // not from `penalised`: a token that came twice is penalised once
        penalised[size_t(id)] = penalise(logits[size_t(id)]);
    logits = penalised;
  }
  return options.temperature == 0 ? greedy(logits) : draw(logits);
}

std::span<const int32_t> Sampler::penalisedIds(std::span<const int32_t> history) const {
  return history.last(options.repetitionPenalty == 1 ? 0 : std::min<size_t>(options.repetitionWindow, history.size()));
}

float Sampler::penalise(float logit) const {
  return logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty;
}

double Sampler::weightOf(float logit, double largest) const {
  return exponential((double(logit) - largest) / double(options.temperature));
}

Result<int32_t> Sampler::draw(std::span<const float> logits) {
  const Result<int32_t> best = greedy(logits); // finds NaN and infinities
  if (!best)
    return best;
  const double largest = logits[size_t(*best)];

  // Weights: probabilities up to a common factor, the likeliest token's being exactly 1.
  double sum = 0;
  candidates.clear();
  if (options.topK > 0 && options.topK < logits.size()) {
    all.clear();
    for (size_t i = 0; i < logits.size(); ++i)
      all.push_back({logits[i], int32_t(i), 0});
    candidates.resize(options.topK);
    std::partial_sort_copy(all.begin(), all.end(), candidates.begin(), candidates.end(), likelier<Candidate>);
    for (Candidate &candidate : candidates)
      sum += candidate.weight = weightOf(candidate.logit, largest);
  } else {
    weights.resize(logits.size());
    for (size_t i = 0; i < logits.size(); ++i)
      weights[i] = weightOf(logits[i], largest);
    for (size_t i = 0; i < logits.size(); ++i) {
      sum += weights[i];
      candidates.push_back({logits[i], int32_t(i), weights[i]});
    }
  }
  return drawOf(sum, *best);
}

int32_t Sampler::drawOf(double sum, int32_t best) {
  // An impossible token keeps a crumb of weight in the above; it must not be drawn by it.
  std::erase_if(candidates, [](const Candidate &candidate) { return std::isinf(candidate.logit); });

  // min-p and top-p each keep the head of the order by probability, so either may go first if top-p counts from the sum
  // of all. A heap gives the head without sorting a whole vocabulary.
  if (options.minP > 0)
    std::erase_if(candidates, [&](const Candidate &candidate) { return candidate.weight < double(options.minP); });
  double keptSum = 0;
  if (options.topP < 1) {
    const auto unlikelier = [&](const Candidate &a, const Candidate &b) { return likelier<Candidate>(b, a); };
    head.clear();
    std::make_heap(candidates.begin(), candidates.end(), unlikelier);
    while (!candidates.empty() && (head.empty() || keptSum < double(options.topP) * sum)) {
      std::pop_heap(candidates.begin(), candidates.end(), unlikelier);
      head.push_back(candidates.back());
      candidates.pop_back();
      keptSum += head.back().weight;
    }
    candidates.swap(head);
  } else {
    for (const Candidate &candidate : candidates)
      keptSum += candidate.weight;
  }

  return pick(keptSum, best);
}

int32_t Sampler::pick(double keptSum, int32_t best) {
  double target = random.uniform() * keptSum;
  for (const Candidate &candidate : candidates) {
    target -= candidate.weight;
    if (target < 0)
      return candidate.id;
  }
  return best; // rounding left a crumb of the sum: as good a place for it as any
}

/// Where only a condition on probability ends the candidates, most often so many are enough.
static constexpr uint32_t kUsuallyEnough = 64;

LargestWanted Sampler::largestWanted() const {
  if (options.repetitionPenalty < 1) // raises logits of any token
    return {};
  constexpr uint32_t kMost = 1 << 16; // more is as good as all
  const uint32_t penalties = options.repetitionPenalty == 1 ? 0 : std::min(options.repetitionWindow, kMost);
  if (options.temperature == 0)
    return {.count = 1 + penalties};
  if (options.topK > 0)
    return {.count = options.topK < kMost ? options.topK + penalties : 0};
  if (options.topP == 1 && options.minP > 0)
    return {.count = kUsuallyEnough + penalties};
  if (penalties) // they would change the sums
    return {};
  return {.count = options.topP < 1 ? kUsuallyEnough : 1, .temperature = options.temperature};
}

std::optional<int32_t> Sampler::sampleLargest(const LargestLogits &largest, size_t vocabulary,
                                              std::span<const int32_t> history, const FetchLogits &fetch) {
  const std::span<const TokenLogit> given = largest.tokens;
  if (given.empty() || !std::isfinite(given.front().logit) || options.repetitionPenalty < 1)
    return std::nullopt;
  // A penalty lowers what is given, so no other token comes before the last of them; of those only it may come before.
  likeliest.assign(given.begin(), given.end());
  const std::span<const int32_t> ids = penalisedIds(history);
  for (TokenLogit &token : likeliest)
    if (std::ranges::find(ids, token.id) != ids.end())
      token.logit = penalise(token.logit);
  if (!ids.empty())
    std::ranges::sort(likeliest, likelier<TokenLogit>);
  const bool areAll = given.size() >= vocabulary;
  if (!areAll)
    std::erase_if(likeliest, [&](const TokenLogit &token) { return given.back().before(token); });
  if (likeliest.empty() || !std::isfinite(likeliest.front().logit))
    return std::nullopt;
  const TokenLogit best = likeliest.front();
  if (options.temperature == 0)
    return best.id;

  // As in draw().
  const bool limited = options.topK > 0 && options.topK < vocabulary;
  if (limited && likeliest.size() < options.topK)
    return std::nullopt;
  if (limited)
    likeliest.resize(options.topK);
  candidates.clear();
  for (const TokenLogit &token : likeliest)
    candidates.push_back({token.logit, token.id, weightOf(token.logit, double(best.logit))});
  if (limited || areAll) {
    if (!limited)
      std::ranges::sort(candidates, {}, &Candidate::id);
    double sum = 0;
    for (const Candidate &candidate : candidates)
      sum += candidate.weight;
    return drawOf(sum, best.id);
  }
  // Others follow, unless min-p leaves none of them.
  const bool ended = candidates.back().weight < double(options.minP);
  if (options.topP == 1 && options.minP == 0) {
    if (!largest.weightSum || !ids.empty())
      return std::nullopt;
    const Random before = random;
    const std::optional<int32_t> id = drawFromPart(random.uniform(), largest, vocabulary, fetch);
    if (!id)
      random = before;
    return id;
  }
  if (options.topP == 1) {
    if (!ended)
      return std::nullopt;
    std::ranges::sort(candidates, {}, &Candidate::id);
    return drawOf(0, best.id);
  }
  if (!largest.weightSum || !ids.empty())
    return std::nullopt;
  std::erase_if(candidates, [&](const Candidate &candidate) {
    return std::isinf(candidate.logit) || candidate.weight < double(options.minP);
  });
  const std::optional<double> keptSum = cutHead(largest.weightSum * (1 - kWeightSumError),
                                                largest.weightSum * (1 + kWeightSumError), /*open=*/!ended);
  return keptSum ? std::optional(pick(*keptSum, best.id)) : std::nullopt;
}

std::optional<int32_t> Sampler::drawFromPart(double uniform, const LargestLogits &largest, size_t vocabulary,
                                             const FetchLogits &fetch) const {
  // draw() gives the first token behind which the sum of weights is above `target`. The sums here differ from its own by
  // less than `rough`.
  const double target = uniform * largest.weightSum, rough = 10 * kWeightSumError * largest.weightSum;
  double sum = 0;
  size_t part = 0;
  while (part < largest.partSums.size() && sum + largest.partSums[part] <= target)
    sum += largest.partSums[part++];
  const size_t first = part * largest.partLogits;
  if (first >= vocabulary)
    return std::nullopt;
  const std::span<const float> logits = fetch(first, std::min(largest.partLogits, vocabulary - first));
  for (size_t i = 0; i < logits.size(); ++i) {
    const double before = sum;
    sum += weightOf(logits[i], double(largest.tokens[0].logit));
    if (sum > target)
      return before < target - rough && sum > target + rough ? std::optional(int32_t(first + i)) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> Sampler::cutHead(double least, double most, bool open) {
  double keptSum = 0;
  for (size_t kept = 0; kept < candidates.size(); ++kept) {
    if (kept && keptSum >= double(options.topP) * most) {
      candidates.resize(kept);
      return keptSum;
    }
    if (kept && keptSum >= double(options.topP) * least)
      return std::nullopt;
    keptSum += candidates[kept].weight;
  }
  return open && keptSum < double(options.topP) * most ? std::nullopt : std::optional(keptSum);
}

} // namespace lathe
