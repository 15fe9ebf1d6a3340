//===- Passes.h - from ops to phases --------------------------------------------------------------------*- C++ -*-===//
//
// The fusion stage. Each pass is one file of its name and does one thing; buildFusionPipeline has their order:
//
//   plan → split-attention → merge-linears → quantize-activations → pack-weights → form-phases → plan-memory
//
// Input: what import makes, functions @decode and @prefill (or with lathe.kind) of lathe ops on tensors of rows.
// Output: functions that are a list of lathe.phase with places in an arena, which compiler/kernels/Describe.h reads.
// Every step between can be executed by compiler/reference.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_FUSION_PASSES_H
#define LATHE_COMPILER_FUSION_PASSES_H

#include "compiler/fusion/Plan.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace lathe {

#define GEN_PASS_DECL
#include "compiler/fusion/Passes.h.inc"

/// What the module's lathe.plan says; the defaults where it has none.
FusionOptions planOf(mlir::ModuleOp module);
/// The kind of step that a function is for, "decode" or "prefill": its lathe.kind, or else its name.
llvm::StringRef kindOf(mlir::FunctionOpInterface function);

/// The format of rows with elements of that type, and the type of a format's elements.
ActFormat formatOfRows(mlir::Type element);
mlir::Type elementOf(ActFormat format, mlir::MLIRContext *context);

/// Makes the passes known to lathe-opt by their names, and the whole pipeline as --lathe-fusion.
void registerFusionPasses();

void buildFusionPipeline(mlir::OpPassManager &passes, const FusionOptions &options = {});
/// Runs the pipeline on a module. Fails with the first complaint of a pass.
llvm::Error fuse(mlir::ModuleOp module, const FusionOptions &options = {});

} // namespace lathe

#endif
