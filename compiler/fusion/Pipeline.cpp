//===- Pipeline.cpp - the order of the fusion passes -------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/dialect/Diagnostics.h"
#include "compiler/fusion/Passes.h"
#include "mlir/Pass/PassRegistry.h"

namespace lathe {
namespace {
#define GEN_PASS_REGISTRATION
#include "compiler/fusion/Passes.h.inc"
} // namespace
} // namespace lathe

void lathe::buildFusionPipeline(mlir::OpPassManager &passes, const FusionOptions &options) {
  passes.addPass(createWritePlan({options.splitPositions, options.decodeRows, options.sequences, options.prefillRows,
                                  options.prefillLogitRows, options.maxContext, options.choiceTileRows,
                                  options.repeatRows, options.splitsInGrid, nameOf(options.activations)}));
  passes.addPass(createSplitAttention());
  passes.addPass(createMergeLinears());
  passes.addPass(createQuantizeActivations());
  passes.addPass(createPackWeights());
  passes.addPass(createFormPhases());
  passes.addPass(createPlanMemory());
}

void lathe::registerFusionPasses() {
  registerLatheFusionPasses();
  mlir::PassPipelineRegistration<>("lathe-fusion", "all fusion passes, with their default options",
                                   [](mlir::OpPassManager &passes) { buildFusionPipeline(passes); });
}

llvm::Error lathe::fuse(mlir::ModuleOp module, const FusionOptions &options) {
  FirstDiagnostic complaint(*module.getContext());
  mlir::PassManager passes(module.getContext());
  buildFusionPipeline(passes, options);
  return complaint.take(passes.run(module));
}
