//===- Graphs.h - the steps that a context has as CUDA graphs -------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_GRAPHS_H
#define LATHE_RUNTIME_DEVICE_CUDA_GRAPHS_H

#include "runtime/device/cuda/Card.h"
#include <functional>
#include <vector>

namespace lathe::cuda {

/// All that decides a step's launches and copies: steps that agree in it are one graph.
struct StepKey {
  size_t program, rows, logitRows;
  uint32_t splits;
  uint32_t kept; ///< of the largest logits; 0: all come back
  bool sums;     ///< of weights
  bool operator==(const StepKey &) const = default;
};

/// Steps that were seen, those that were used latest: a graph is made of one when it comes again.
class Graphs {
public:
  struct Entry {
    StepKey key;
    GraphExec graph; ///< none at first
    uint64_t used;   ///< when it was last asked for
  };
  static constexpr size_t kMost = 64;

  /// The entry of `key`, and whether it is new; takes the place of the one that was not used for longest.
  std::pair<Entry *, bool> find(const StepKey &key);
  void clear() { entries.clear(); }

private:
  std::vector<Entry> entries;
  uint64_t clock = 0;
};

/// Makes a graph of what `enqueue` does with the stream.
Result<GraphExec> capture(const Card &card, const Stream &stream, const std::function<Result<void>()> &enqueue);

} // namespace lathe::cuda

#endif
