//===- Verify.h - a compiled program against the reference, phase by phase ----------------------------*- C++ -*-===//
//
// Runs the same steps twice: in the bundle's program, watched by a PhaseObserver, and in the reference interpreter on
// the fused module, in f64 with exact activations. Each phase that leaves f32 rows behind is compared by its normalised
// mean squared error, NMSE = sum (got - want)^2 / sum want^2 over all steps of one program; so are the logits.
//
// Where rows choose experts, the reference takes the program's choice as long as it is one of nearly equal scores: what
// rounding tips is no mistake, and what follows a choice can only be compared with what follows the same one.
//
// Bounds follow from what the bundle stores:
//
//   matrices                cache        logits   a phase
//   f32, f16, bf16          f32          1e-9     3e-8
//     with a recurrent state             1e-8     3e-7
//   others                  or f16       1e-5     3e-4
//
// Matrices keep their exact values; what is rounded is the cache (f16: 2^-11) and, before the kernels of integer
// formats, the activations (16 bits in groups of 32: 2^-16 of the group's largest). SmolLM2-135M in Q4_1 is at 3e-7. A
// phase's bound is wider than the logits': a branch is small beside the residual stream that it joins, and a gated
// product doubles its inputs' errors. A recurrent state carries a row's errors on to the next: Mamba-130M with random
// weights is at 6e-10, GPT-2 at 1e-12. A wrong kernel is off by about 1.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_VERIFY_H
#define LATHE_TOOLS_LATHE_VERIFY_H

#include "compiler/reference/Interpreter.h"
#include "runtime/lathe.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe {

/// How far one phase of one program is from the reference, over all steps that ran it.
struct Deviation {
  std::string program, phase; ///< "prefill", "layer 3 down"; the logits are the phase "logits"
  double bound = 0;
  double errorSquares = 0, referenceSquares = 0;
  /// Infinite where the program gave a number that is not finite and the reference did not.
  double nmse() const { return errorSquares == 0 ? 0 : errorSquares / referenceSquares; }
  bool over() const { return !(nmse() <= bound); }
};

struct Verification {
  std::vector<Deviation> deviations; ///< in the order of the program's phases, by program
  size_t tokens = 0, steps = 0;

  /// The largest NMSE of the logits of any program.
  double logitsNmse() const;
  /// The phase that is furthest from its bound.
  const Deviation &worst() const;
  /// An error that names the first phase over its bound, if there is one.
  llvm::Error judge(llvm::StringRef bundle) const;
};

struct VerifyOptions {
  unsigned threads = 0; ///< of both; 0: all cores
  /// Multiply-adds that the reference may take, which sets the number of tokens: at least 6, at most 320.
  double budget = 1e9;
  std::function<void(size_t step, size_t steps)> progress;
};

/// Compares `model` with the reference's run of `fused`, the module that it was compiled from, on `weights`.
llvm::Expected<Verification> verify(std::shared_ptr<const Model> model, mlir::ModuleOp fused,
                                    reference::WeightLookup weights, const VerifyOptions &options = {});

} // namespace lathe

#endif
