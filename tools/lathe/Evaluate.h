//===- Evaluate.h - logits for given ids ----------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_EVALUATE_H
#define LATHE_TOOLS_LATHE_EVALUATE_H

#include "runtime/lathe.h"
#include "tools/lathe/Tensors.h"
#include "llvm/Support/Error.h"

namespace lathe::cli {

struct Evaluation {
  size_t vocabulary = 0;
  std::vector<float> logits; ///< [tokens of all sequences][vocabulary]
  /// hidden.i [tokens of all sequences, width], where they were asked for: what layer i reads, and for the number of layers what
  /// the head reads (so after the last norm), as Hugging Face's output_hidden_states has them.
  std::vector<NamedTensor> layers;
};

/// Gathers hidden states, which come step after step.
class LayerRecorder {
public:
  LayerRecorder(std::vector<NamedTensor> &layers, const IdBatch &batch) : layers(layers) {
    for (const auto &sequence : batch)
      tokens += sequence.size();
  }

  /// Rows of what layer `hidden` reads, `width` numbers each.
  template <typename T> void add(int64_t hidden, llvm::ArrayRef<T> rows, size_t width) {
    NamedTensor &layer = named(hidden, width);
    layer.values.insert(layer.values.end(), rows.begin(), rows.end());
  }
  PhaseObserver observer();

private:
  NamedTensor &named(int64_t hidden, size_t width);

  std::vector<NamedTensor> &layers;
  size_t tokens = 0; ///< of all sequences
};

/// The first logit that is not finite, or null; and what is said of it, which is token `token`'s at `where`.
const float *firstNotFinite(llvm::ArrayRef<float> logits);
llvm::Error notFinite(const std::string &where, size_t token, float logit);
/// Fails, naming the place, where a logit is none. `logits` are those of one sequence.
llvm::Error checkFinite(size_t sequence, llvm::ArrayRef<float> logits, size_t vocabulary);

/// Feeds each sequence to an empty session, `step` tokens at a time (0: as many as the program takes), which changes no
/// bit of what it gives.
llvm::Expected<Evaluation> evaluateProgram(Context &context, const IdBatch &batch, bool layers, size_t step);

} // namespace lathe::cli

#endif
