//===- Excerpt.cpp - the part of a program that is run to measure it ----------------------------------------------===//
#include "compiler/tune/Subject.h"
#include "llvm/ADT/StringSet.h"

namespace lathe::tune {

/// Enough for a turn's lower quartile to have a choice.
static constexpr int64_t kLayers = 6;
/// Programs of fewer rows are run whole.
static constexpr int64_t kManyRows = 64;

/// "layers.3.mlp.down" is of layer 3; other phases of none: -1.
static int64_t layerOf(llvm::StringRef phase) {
  int64_t layer = -1;
  return phase.consume_front("layers.") && !phase.consumeInteger(10, layer) ? layer : -1;
}

Excerpt excerptOf(const Subject &subject, size_t program) {
  const Program &all = subject.set.programs[program];
  llvm::StringSet<> keys;
  int64_t layers = kLayers;
  for (const Phase &phase : all.phases) // a key's first phase must be among them
    if (keys.insert(keyOf(phase.calls[leadingCall(phase)].kernel, gridOf(all, phase)).print()).second)
      layers = std::max(layers, layerOf(phase.name) + 1);
  Excerpt excerpt{program, {}};
  for (auto [index, phase] : llvm::enumerate(all.phases))
    if (all.maxRows < kManyRows || layerOf(phase.name) < layers)
      excerpt.kept.push_back(index);
  return excerpt;
}

std::vector<size_t> Excerpt::places(llvm::ArrayRef<size_t> phases) const {
  std::vector<size_t> places;
  for (auto [place, phase] : llvm::enumerate(kept))
    if (llvm::is_contained(phases, phase))
      places.push_back(place);
  return places;
}

} // namespace lathe::tune
