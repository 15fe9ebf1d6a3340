//===- Evaluate.h - logits for given ids, by the program or by the reference --------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_EVALUATE_H
#define LATHE_TOOLS_LATHE_EVALUATE_H

#include "runtime/lathe.h"
#include "tools/lathe/Reference.h"
#include "tools/lathe/Tensors.h"
#include "llvm/Support/Error.h"

namespace lathe::cli {

struct Evaluation {
  size_t vocabulary = 0;
  std::vector<float> logits;       ///< [batch][length][vocabulary]
  std::vector<NamedTensor> layers; ///< results in between, [batch, length, width] each, where they were asked for
};

/// Feeds each sequence to an empty session. With `layers`: every phase that names an f32 result, by the phase's name.
llvm::Expected<Evaluation> evaluateProgram(Context &context, const IdBatch &batch, bool layers);

/// Runs @prefill on each sequence at once, in f64. With `layers`: the results of all phases, for a fused model; those
/// that the program has too have the same names.
llvm::Expected<Evaluation> evaluateReference(const ReferenceModel &model, const IdBatch &batch, bool layers,
                                             unsigned threads);

} // namespace lathe::cli

#endif
