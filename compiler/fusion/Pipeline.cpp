//===- Pipeline.cpp - the order of the fusion passes -------------------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "mlir/Pass/PassRegistry.h"

namespace lathe {
namespace {
#define GEN_PASS_REGISTRATION
#include "compiler/fusion/Passes.h.inc"
} // namespace
} // namespace lathe

void lathe::buildFusionPipeline(mlir::OpPassManager &passes, const FusionOptions &options) {
  passes.addPass(createSplitAttention({options.splitPositions}));
  passes.addPass(createMergeLinears());
  passes.addPass(createQuantizeActivations());
  passes.addPass(createPackWeights());
  passes.addPass(createFormPhases());
  passes.addPass(
      createPlanMemory({options.decodeRows, options.prefillRows, options.prefillLogitRows, options.maxContext}));
}

void lathe::registerFusionPasses() {
  registerLatheFusionPasses();
  mlir::PassPipelineRegistration<>("lathe-fusion", "all fusion passes, with their default options",
                                   [](mlir::OpPassManager &passes) { buildFusionPipeline(passes); });
}
