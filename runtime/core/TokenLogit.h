//===- TokenLogit.h - the largest logits of a row -------------------------------------------------------*- C++ -*-===//
//
// What a device can say of a row of logits without bringing it to the host.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CORE_TOKENLOGIT_H
#define LATHE_RUNTIME_CORE_TOKENLOGIT_H

#include <cstdint>
#include <span>

namespace lathe {

struct TokenLogit {
  float logit;
  int32_t id;
  /// The order in which tokens are preferred: by logit, equal ones by id.
  bool before(const TokenLogit &other) const {
    return logit > other.logit || (logit == other.logit && id < other.id);
  }
};

/// What is wanted of a row.
struct LargestWanted {
  uint32_t count = 0;    ///< of its largest logits; 0: all logits are wanted instead
  float temperature = 0; ///< > 0: the sums of weights at this temperature too
};

struct LargestLogits {
  std::span<const TokenLogit> tokens; ///< in order
  /// Of exp((logit - tokens[0].logit) / temperature) over the whole row, to a relative error of kWeightSumError; 0: it is
  /// not known.
  double weightSum = 0;
  std::span<const double> partSums = {}; ///< of it: of each `partLogits` logits in turn
  size_t partLogits = 0;
};
inline constexpr double kWeightSumError = 1e-10;

} // namespace lathe

#endif
