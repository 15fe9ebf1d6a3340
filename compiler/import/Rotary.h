//===- Rotary.h - the frequencies of a rotary embedding -----------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_IMPORT_ROTARY_H
#define LATHE_COMPILER_IMPORT_ROTARY_H

#include "models/model.pb.h"
#include <vector>

namespace lathe {

/// What a lathe.rotation says: radians a position for each of dims / 2 pairs, theta^(-2i/dims) stretched as
/// `rotary.scaling` says, and what multiplies cosine and sine.
struct RotaryFrequencies {
  std::vector<double> frequencies;
  double magnitude = 1;
  // For sequences longer than the limit, where it is not 0.
  uint32_t limit = 0;
  double growth = 0;
  std::vector<double> longFrequencies;
  double longMagnitude = 1;
};
RotaryFrequencies rotaryFrequencies(const spec::Rotary &rotary);
/// Whether there is a limit: rows need the lengths of their sequences.
bool dependsOnLength(const spec::Rotary &rotary);

} // namespace lathe

#endif
