//===- QuantizeActivations.cpp - integer weights get integer activations -----------------------------------------===//
#include "compiler/fusion/Linears.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "llvm/ADT/DenseMap.h"

namespace lathe {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

struct QuantizeActivations : lathe::impl::QuantizeActivationsBase<QuantizeActivations> {
  void runOnOperation() override {
    const ActFormat activations = planOf(getOperation()).activations;
    if (activations == ActFormat::F32)
      return;
    const Type element = elementOf(activations, &getContext());
    SymbolTable symbols(getOperation());
    llvm::DenseMap<Value, Value> quantized;
    auto walked = getOperation().walk([&](ir::LinearOp op) -> WalkResult {
      FailureOr<StringRef> format = weightFormat(op, symbols);
      if (failed(format))
        return WalkResult::interrupt();
      auto type = llvm::cast<RankedTensorType>(op.getInput().getType());
      if (!wantsQuantized(*format) || !type.getElementType().isF32())
        return WalkResult::advance();
      assert(type.getDimSize(1) % kGroup == 0 && "a row has whole blocks of its format, and blocks are whole groups");
      Value &rows = quantized[op.getInput()];
      if (!rows) {
        OpBuilder b(op);
        rows = ir::QuantizeOp::create(b, op.getLoc(), type.clone(element), op.getInput());
      }
      op.getInputMutable().assign(rows);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
