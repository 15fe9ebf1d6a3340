//===- SplitAttention.cpp - attention by splits of the context ---------------------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "mlir/IR/BuiltinTypes.h"

namespace lathe {
#define GEN_PASS_DEF_SPLITATTENTION
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

struct SplitAttention : lathe::impl::SplitAttentionBase<SplitAttention> {
  void runOnOperation() override {
    split = planOf(getOperation()).splitPositions;
    getOperation().walk([&](ir::AttentionOp op) { splitOne(op); });
  }

  int64_t split = 0;

  void splitOne(ir::AttentionOp op) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    ir::AppendOp::create(b, loc, op.getKey(), op.getValue(), op.getPositions(), op.getSlots(), op.getLayerAttr(),
                         op.getKvHeadsAttr(), op.getHeadSizeAttr());
    int64_t partial = partialsOf(op.getHeads(), op.valueSize());
    auto partials = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic, partial}, b.getF32Type());
    Value attended = ir::AttendOp::create(
        b, loc, partials, op.getQuery(), op.getPositions(), op.getSlots(), op.getLayerAttr(), op.getHeadsAttr(),
        op.getKvHeadsAttr(), op.getHeadSizeAttr(), op.getScaleAttr(), op.getWindowAttr(), op.getSoftcapAttr(),
        b.getI64IntegerAttr(split), op.getAlibiAttr(), op.getScalesAttr(), op.getTemperatureAttr(), op.getEveryAttr(),
        b.getI64IntegerAttr(op.valueSize() == op.getHeadSize() ? 0 : op.valueSize()));
    Value result = ir::CombineOp::create(b, loc, op.getType(), attended, op.getPositions(), op.getHeadsAttr(),
                                         b.getI64IntegerAttr(op.valueSize()), op.getSinksAttr());
    op.replaceAllUsesWith(result);
    op.erase();
  }
};

} // namespace
