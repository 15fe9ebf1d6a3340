//===- PackWeights.cpp - weights as the bundle holds them ---------------------------------------------------------===//
#include "compiler/fusion/Linears.h"
#include "compiler/fusion/Passes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/DenseMap.h"

namespace lathe {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "compiler/fusion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;

namespace {

/// ["layers.0.mlp.gate", "layers.0.mlp.up"] → "layers.0.mlp.gate+up".
std::string joinedName(ArrayRef<FlatSymbolRefAttr> sources) {
  StringRef first = sources.front().getValue();
  StringRef prefix = first.take_front(first.rfind('.') + 1); // rfind's npos + 1 is 0
  std::string name = first.str();
  for (FlatSymbolRefAttr source : sources.drop_front()) {
    StringRef own = source.getValue();
    own.consume_front(prefix);
    name += "+" + own.str();
  }
  return name;
}

struct PackWeights : lathe::impl::PackWeightsBase<PackWeights> {
  void runOnOperation() override {
    SymbolTable table(getOperation());
    symbols = &table;
    packed.clear();
    bool wrong = false;
    getOperation().walk([&](ir::WeightUser user) {
      auto linear = llvm::dyn_cast<ir::LinearOp>(user.getOperation());
      const bool interleave = linear && linear.getWeights().size() == 2 && gluOf(linear.getResult());
      for (const ir::WeightUse &use : user.weightUses()) {
        FailureOr<FlatSymbolRefAttr> one = pack(user, use, interleave);
        if (succeeded(one))
          use.replace(user, *one);
        wrong |= failed(one);
      }
    });
    if (wrong)
      signalPassFailure();
  }

  /// The lathe.packed of these weights: the one there is, or a new one before the functions.
  FailureOr<FlatSymbolRefAttr> pack(Operation *user, const ir::WeightUse &use, bool interleave) {
    bool vector = use.form == ir::WeightForm::Vector;
    StringRef format;
    for (FlatSymbolRefAttr ref : use.symbols) {
      auto weight = symbols->lookup<ir::WeightOp>(ref.getValue());
      if (!weight) {
        user->emitOpError() << "uses " << ref << ", which is not a lathe.weight";
        return failure();
      }
      vector |= use.form == ir::WeightForm::ByRows && weight.getType().getDimSize(0) == 1;
      StringRef own = vector ? "f32" : packedAs(weight.getFormat());
      if (!format.empty() && format != own) {
        user->emitOpError() << "has weights of two formats, " << format << " and " << own;
        return failure();
      }
      format = own;
    }
    std::string name = joinedName(use.symbols) + ".packed";
    SmallVector<Attribute> sources(use.symbols.begin(), use.symbols.end());
    ArrayAttr list = ArrayAttr::get(&getContext(), sources);
    FlatSymbolRefAttr &found = packed[{list, use.experts * 4 + (vector ? 2 : 0) + (interleave ? 1 : 0)}];
    if (!found) {
      auto functions = getOperation().getOps<FunctionOpInterface>();
      OpBuilder b = functions.empty() ? OpBuilder::atBlockEnd(getOperation().getBody()) : OpBuilder(*functions.begin());
      auto op = ir::PackedOp::create(b, user->getLoc(), b.getStringAttr(name), list, b.getStringAttr(format),
                                     interleave ? b.getUnitAttr() : UnitAttr(), b.getI64IntegerAttr(use.experts));
      found = FlatSymbolRefAttr::get(symbols->insert(op)); // which renames it when the name is taken
    }
    return found;
  }

  SymbolTable *symbols = nullptr;
  llvm::DenseMap<std::pair<ArrayAttr, int64_t>, FlatSymbolRefAttr> packed; ///< by sources and form
};

} // namespace
