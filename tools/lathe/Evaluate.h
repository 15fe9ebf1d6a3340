//===- Evaluate.h - logits for given ids, by the program or by the reference --------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_EVALUATE_H
#define LATHE_TOOLS_LATHE_EVALUATE_H

#include "runtime/lathe.h"
#include "compiler/verify/Reference.h"
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

/// Feeds each sequence to an empty session, `step` tokens at a time (0: as many as the program takes), which changes no
/// bit of what it gives.
llvm::Expected<Evaluation> evaluateProgram(Context &context, const IdBatch &batch, bool layers, size_t step);

/// Runs @prefill on each sequence at once, in f64.
llvm::Expected<Evaluation> evaluateReference(const ReferenceModel &model, const IdBatch &batch, bool layers,
                                             unsigned threads);

} // namespace lathe::cli

#endif
