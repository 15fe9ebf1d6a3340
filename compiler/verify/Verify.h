//===- Verify.h - a compiled program against the reference, phase by phase ----------------------------*- C++ -*-===//
//
// Runs the same steps in the bundle's program, watched by a PhaseObserver, and in the reference interpreter on the fused
// module, in f64. The question is whether the program computes what its own formats say, so the reference rounds what
// the program stores: keys and values where the cache is f16, and activations before the kernels of integer formats (16
// bits in groups of 32). Each phase that leaves f32 rows behind is compared by its NMSE (compiler/support/Nmse.h) over
// all steps of one program; so are the logits.
//
// What the formats cost is another question, and answered beside it: the NMSE of that reference against one that rounds
// nothing. With large keys (a bias of hundreds, as Qwen2.5 has) it is large, and the program is right.
//
// Where rows choose experts, the references take the program's choice as long as it is one of nearly equal scores: what
// rounding tips is no mistake, and what follows a choice can only be compared with what follows the same one.
//
// That is one sequence's steps. Programs for steps of several sequences must then give each of them the same bits as
// the smallest does.
//
// The bound is what f32 arithmetic may cost, and four times what the formats cost the same phase:
//
//                             logits   a phase
//   f32 arithmetic            1e-9     3e-8
//     with a recurrent state  1e-8     3e-7
//
// f32 arithmetic: a phase's is wider than the logits', for a branch is small beside the residual stream that it joins,
// and a gated product doubles its inputs' errors. A recurrent state carries a row's errors on to the next: Mamba-130M
// with random weights is at 6e-10, GPT-2 at 1e-12.
//
// Formats: two numbers that differ in the last bit of f32 may be rounded to two neighbours, and a deep model spreads
// that, until two runs differ as two roundings do. Each is at most as far from the exact one as the formats are, so by
// the triangle inequality they are at most twice as far from one another: 4 in squares. SmolLM2-135M's 30 layers in
// Q4_1 with random weights are at 1.4e-7 where the formats cost 3.0e-7; two layers at 1e-8 where large keys cost 3e-5.
// A wrong kernel is off by about 1.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_VERIFY_VERIFY_H
#define LATHE_COMPILER_VERIFY_VERIFY_H

#include "compiler/reference/Interpreter.h"
#include "compiler/support/Nmse.h"
#include "runtime/lathe.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe {

/// How far one phase of one program is from the reference, over all steps that ran it.
struct Deviation {
  std::string program, phase; ///< "prefill", "layer 3 down"; the logits are the phase "logits"
  double arithmetic = 0;      ///< what f32 may cost it: an NMSE
  SquaredError error = {};    ///< of the program, against the reference that rounds as it does
  SquaredError formats = {};  ///< of that reference, against the exact one

  double nmse() const { return error.nmse(); }
  double bound() const { return arithmetic + 4 * formats.nmse(); }
  bool over() const { return !std::isfinite(nmse() + bound()) || nmse() > bound(); }
};

struct Verification {
  std::vector<Deviation> deviations; ///< in the order of the program's phases, by program
  size_t tokens = 0, steps = 0;

  /// The largest NMSE of the logits of any program, and the largest that its formats alone give them.
  double logitsNmse() const;
  double formatsNmse() const;
  /// The phase that is furthest from its bound.
  const Deviation &worst() const;
  /// An error that names the first phase over its bound, if there is one.
  llvm::Error judge(llvm::StringRef bundle) const;
};

struct VerifyOptions {
  unsigned threads = 0; ///< of both; 0: all cores
  /// Multiply-adds that the references may take, which sets the number of tokens: at least 6, at most 320.
  double budget = 1e9;
  std::function<void(size_t step, size_t steps)> progress;
};

/// Compares `model` with the reference's run of `fused`, the module that it was compiled from, on `weights`.
llvm::Expected<Verification> verify(std::shared_ptr<const Model> model, mlir::ModuleOp fused,
                                    reference::WeightLookup weights, const VerifyOptions &options = {});

} // namespace lathe

#endif
