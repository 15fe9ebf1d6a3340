//===- MergeLinears.cpp - linears of one input become one ---------------------------------------------------------===//
#include "compiler/fusion/Linears.h"
#include "compiler/fusion/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <tuple>

namespace lathe {
#define GEN_PASS_DEF_MERGELINEARS
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

/// What the result is for: linears are merged when it is the same glu, or the attention or the recurrence of the same
/// layer. Others stay alone: what follows them would not fit a merged result.
struct Purpose {
  Operation *glu = nullptr;
  int64_t attentionLayer = -1, recurrentLayer = -1;
  bool none() const { return !glu && attentionLayer < 0 && recurrentLayer < 0; }
  bool operator==(const Purpose &) const = default;
};

/// The scan whose result a glu gates, normed or not.
ir::ScanOp gatedScan(ir::GluOp glu) {
  Operation *op = glu.getUp().getDefiningOp();
  if (auto norm = llvm::dyn_cast_or_null<ir::NormOp>(op))
    op = norm.getInput().getDefiningOp();
  return llvm::dyn_cast_or_null<ir::ScanOp>(op);
}

Purpose purposeOf(Value result) {
  Purpose purpose;
  for (Operation *user : result.getUsers()) {
    Purpose own;
    if (auto glu = llvm::dyn_cast<ir::GluOp>(user)) {
      if (ir::ScanOp scan = gatedScan(glu))
        own.recurrentLayer = scan.getLayer();
      else
        own.glu = user;
    } else if (auto conv = llvm::dyn_cast<ir::ConvOp>(user))
      own.recurrentLayer = conv.getLayer();
    else if (auto scan = llvm::dyn_cast<ir::ScanOp>(user))
      own.recurrentLayer = scan.getLayer();
    else if (llvm::isa<ir::LinearOp>(user) && !result.getDefiningOp<ir::LinearOp>()) // the step's, normed between
      own.recurrentLayer = purposeOf(user->getResult(0)).recurrentLayer;
    else if (auto append = llvm::dyn_cast<ir::AppendOp>(user))
      own.attentionLayer = append.getLayer();
    else if (auto attend = llvm::dyn_cast<ir::AttendOp>(user))
      own.attentionLayer = attend.getLayer();
    else if (llvm::isa<ir::RopeOp, ir::NormOp, ir::ScaleOp, ir::SoftcapOp, ir::ClipOp>(user)) // on the way to attention
      own = purposeOf(user->getResult(0));
    if (own.glu && !llvm::isa<ir::GluOp>(user)) // only a linear's own result can be interleaved
      own = {};
    if (own.none() || (!purpose.none() && purpose != own))
      return {};
    purpose = own;
  }
  return purpose;
}

struct MergeLinears : lathe::impl::MergeLinearsBase<MergeLinears> {
  using Group = llvm::SmallVector<ir::LinearOp>;
  using Key = std::tuple<void *, Operation *, int64_t, int64_t, StringRef, bool, int64_t>;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::MapVector<Key, Group, std::map<Key, unsigned>> groups;
    auto walked = getOperation().walk([&](ir::LinearOp op) -> WalkResult {
      Purpose purpose = purposeOf(op.getResult());
      if (op.getWeights().size() != 1 || purpose.none())
        return WalkResult::advance();
      FailureOr<StringRef> format = weightFormat(op, symbols);
      if (failed(format))
        return WalkResult::interrupt();
      groups[{op.getInput().getAsOpaquePointer(), purpose.glu, purpose.attentionLayer, purpose.recurrentLayer, *format,
              op.getBiases().has_value(), op.getExperts()}]
          .push_back(op);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    for (auto &[key, group] : groups)
      if (group.size() > 1)
        merge(group, llvm::cast_or_null<ir::GluOp>(std::get<1>(key)));
  }

  void merge(Group &group, ir::GluOp glu) {
    OpBuilder b(group.front());
    if (glu && glu.getGate() == group.back().getResult()) // the gate first: packing interleaves them so
      std::reverse(group.begin(), group.end());
    SmallVector<Attribute> weights, biases;
    SmallVector<Location> locations;
    int64_t width = 0;
    for (ir::LinearOp op : group) {
      llvm::append_range(weights, op.getWeights());
      if (op.getBiases())
        llvm::append_range(biases, *op.getBiases());
      locations.push_back(op.getLoc());
      width += columns(op.getResult());
    }
    Location loc = b.getFusedLoc(locations);
    Value merged = ir::LinearOp::create(b, loc, rows(b, width), group.front().getInput(), b.getArrayAttr(weights),
                                        biases.empty() ? ArrayAttr() : b.getArrayAttr(biases),
                                        group.front().getChoices(), group.front().getExpertsAttr());
    int64_t offset = 0;
    for (ir::LinearOp op : group) {
      Value slice = ir::SliceOp::create(b, op.getLoc(), op.getType(), merged, b.getI64IntegerAttr(offset));
      offset += columns(op.getResult());
      op.replaceAllUsesWith(slice);
    }
    for (ir::LinearOp op : group)
      op.erase();
  }

  static int64_t columns(Value value) { return llvm::cast<RankedTensorType>(value.getType()).getDimSize(1); }
  static Type rows(OpBuilder &b, int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, width}, b.getF32Type());
  }
};

} // namespace
