//===- Passes.h - from ops to phases --------------------------------------------------------------------*- C++ -*-===//
//
// The fusion stage. Each pass is one file of its name and does one thing; buildFusionPipeline has their order:
//
//   split-attention → merge-linears → quantize-activations → pack-weights → form-phases → plan-memory
//
// Input: what import makes, functions @decode and @prefill (or with lathe.kind) of lathe ops on tensors of rows.
// Output: functions that are a list of lathe.phase with places in an arena, which compiler/kernels/Describe.h reads.
// Every step between can be executed by compiler/reference.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_FUSION_PASSES_H
#define LATHE_COMPILER_FUSION_PASSES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include <memory>

namespace lathe {

struct FusionOptions {
  int64_t splitPositions = 256;  ///< positions of one split of the context; a multiple of 64
  int64_t decodeRows = 8;        ///< rows (sequences) of a decode step at most
  int64_t prefillRows = 256;     ///< rows of a prefill step at most; a multiple of 64
  int64_t prefillLogitRows = 64; ///< rows of a prefill step whose logits may be asked for
  int64_t maxContext = 0;        ///< positions of one sequence; 0: the module's attribute lathe.max_context
};

#define GEN_PASS_DECL
#include "compiler/fusion/Passes.h.inc"

/// Makes the passes known to lathe-opt by their names, and the whole pipeline as --lathe-fusion.
void registerFusionPasses();

void buildFusionPipeline(mlir::OpPassManager &passes, const FusionOptions &options = {});

} // namespace lathe

#endif
