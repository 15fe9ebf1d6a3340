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
    SymbolTable symbols(getOperation());
    llvm::DenseMap<Value, Value> quantized;
    auto walked = getOperation().walk([&](ir::LinearOp op) -> WalkResult {
      FailureOr<StringRef> format = weightFormat(op, symbols);
      if (failed(format))
        return WalkResult::interrupt();
      auto type = llvm::cast<RankedTensorType>(op.getInput().getType());
      if (!wantsQuantized(*format) || llvm::isa<ir::Q16Type>(type.getElementType()))
        return WalkResult::advance();
      assert(type.getDimSize(1) % kGroup == 0 && "a row has whole blocks of its format, and blocks are whole groups");
      Value &q16 = quantized[op.getInput()];
      if (!q16) {
        OpBuilder b(op);
        q16 = ir::QuantizeOp::create(b, op.getLoc(), type.clone(ir::Q16Type::get(&getContext())), op.getInput());
      }
      op.getInputMutable().assign(q16);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
