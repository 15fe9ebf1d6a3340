//===- ModelFacts.h - what a model is made of, in numbers ---------------------------------------------*- C++ -*-===//
//
// Counted from the spec's weights by their roles, and from the program that the compiler makes of it: so what a new
// kind of layer costs is counted as soon as it can be compiled.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_MODELFACTS_H
#define LATHE_TOOLS_LATHE_MODELFACTS_H

#include "compiler/kernels/Program.h"
#include "models/model.pb.h"

namespace lathe::cli {

struct ModelFacts {
  spec::Model model;
  /// Parameters by part: embedding, attention, feed-forward, norms, head, and each mixer that a layer may have instead.
  /// A tied head has none of its own.
  std::vector<std::pair<std::string, uint64_t>> parts;
  uint64_t parameters = 0;
  uint64_t activeParameters = 0;                ///< that one token meets: of experts those that it chooses
  uint64_t part(const std::string &name) const; ///< 0: it has none

  std::string cacheFormat;      ///< "f16"
  uint64_t cacheTokenBytes = 0; ///< of all layers, for one token
  uint64_t cacheBytes(uint64_t tokens) const { return cacheTokenBytes * tokens; }
  uint64_t stateBytes = 0; ///< what recurrent layers remember of a sequence, however long it is

  /// Of one token's pass through all layers and the head: 2 for each multiply-add of a matrix product.
  uint64_t productFlops = 0;
  /// Of the convolutions and scans of recurrent layers, 6 for each number of a scan's state.
  uint64_t recurrenceFlops = 0;
  /// Of attention (2 for each multiply-add of scores and of weighted values: 4 * heads * head_size for each position
  /// that a head sees) of a token that has `context` positions to look at, its own included.
  uint64_t attentionFlops(uint64_t context) const;
  uint64_t flops(uint64_t context) const { return productFlops + recurrenceFlops + attentionFlops(context); }

  struct Attention {
    uint64_t flopsPerPosition, window; ///< window 0: it sees all
  };
  std::vector<Attention> attentions;
};

/// Facts of a validated model and the programs that were made of it.
ModelFacts factsOf(const spec::Model &model, const ProgramSet &programs);

} // namespace lathe::cli

#endif
