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
std::string joinedName(ArrayRef<Attribute> sources) {
  auto nameOf = [](Attribute source) { return llvm::cast<FlatSymbolRefAttr>(source).getValue(); };
  StringRef first = nameOf(sources.front());
  StringRef prefix = first.take_front(first.rfind('.') + 1); // rfind's npos + 1 is 0
  std::string name = first.str();
  for (Attribute source : sources.drop_front()) {
    StringRef own = nameOf(source);
    if (!own.consume_front(prefix))
      own = nameOf(source);
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
    auto one = [&](Operation *user, FlatSymbolRefAttr ref, bool vector) {
      FailureOr<FlatSymbolRefAttr> result = pack(user, ArrayRef<Attribute>(ref), {.vector = vector});
      wrong |= failed(result);
      return succeeded(result) ? *result : ref;
    };
    getOperation().walk([&](Operation *op) {
      if (auto embed = llvm::dyn_cast<ir::EmbedOp>(op)) {
        embed.setTableAttr(one(op, embed.getTableAttr(), /*vector=*/false));
      } else if (auto scale = llvm::dyn_cast<ir::ScaleOp>(op); scale && scale.getWeightAttr()) {
        scale.setWeightAttr(one(op, scale.getWeightAttr(), /*vector=*/true));
      } else if (auto activation = llvm::dyn_cast<ir::ActivationOp>(op); activation && activation.getPositiveAttr()) {
        activation.setPositiveAttr(one(op, activation.getPositiveAttr(), /*vector=*/true));
        activation.setNegativeAttr(one(op, activation.getNegativeAttr(), /*vector=*/true));
      } else if (auto norm = llvm::dyn_cast<ir::NormOp>(op)) {
        if (norm.getWeightAttr())
          norm.setWeightAttr(one(op, norm.getWeightAttr(), /*vector=*/true));
        if (norm.getBiasAttr())
          norm.setBiasAttr(one(op, norm.getBiasAttr(), /*vector=*/true));
      } else if (auto attend = llvm::dyn_cast<ir::AttendOp>(op)) {
        if (attend.getScalesAttr())
          attend.setScalesAttr(one(op, attend.getScalesAttr(), /*vector=*/true));
      } else if (auto combine = llvm::dyn_cast<ir::CombineOp>(op)) {
        if (combine.getSinksAttr())
          combine.setSinksAttr(one(op, combine.getSinksAttr(), /*vector=*/true));
      } else if (auto conv = llvm::dyn_cast<ir::ConvOp>(op)) {
        conv.setWeightAttr(one(op, conv.getWeightAttr(), /*vector=*/false));
        if (conv.getBiasAttr())
          conv.setBiasAttr(one(op, conv.getBiasAttr(), /*vector=*/true));
      } else if (auto scan = llvm::dyn_cast<ir::ScanOp>(op)) {
        auto a = table.lookup<ir::WeightOp>(scan.getA());
        scan.setAAttr(one(op, scan.getAAttr(), /*vector=*/!a || a.getType().getDimSize(0) == 1));
        scan.setDAttr(one(op, scan.getDAttr(), /*vector=*/true));
        scan.setDtBiasAttr(one(op, scan.getDtBiasAttr(), /*vector=*/true));
      } else if (auto route = llvm::dyn_cast<ir::RouteOp>(op)) {
        if (route.getBiasAttr())
          route.setBiasAttr(one(op, route.getBiasAttr(), /*vector=*/true));
      } else if (auto linear = llvm::dyn_cast<ir::LinearOp>(op)) {
        wrong |= failed(packLinear(linear));
      }
    });
    if (wrong)
      signalPassFailure();
  }

  /// How sources are packed, beside their format.
  struct Form {
    bool vector = false, interleave = false;
    int64_t experts = 1;
  };

  LogicalResult packLinear(ir::LinearOp linear) {
    bool interleave = linear.getWeights().size() == 2 && gluOf(linear.getResult());
    OpBuilder b(linear);
    Form form = {.interleave = interleave, .experts = static_cast<int64_t>(linear.getExperts())};
    FailureOr<FlatSymbolRefAttr> weights = pack(linear, linear.getWeights().getValue(), form);
    if (failed(weights))
      return failure();
    linear.setWeightsAttr(b.getArrayAttr({*weights}));
    if (!linear.getBiases())
      return success();
    form.vector = true;
    FailureOr<FlatSymbolRefAttr> biases = pack(linear, linear.getBiases()->getValue(), form);
    if (failed(biases))
      return failure();
    linear.setBiasesAttr(b.getArrayAttr({*biases}));
    return success();
  }

  /// The lathe.packed of these sources: the one there is, or a new one before the functions.
  FailureOr<FlatSymbolRefAttr> pack(Operation *user, ArrayRef<Attribute> sources, Form form) {
    StringRef format;
    for (Attribute source : sources) {
      auto ref = llvm::cast<FlatSymbolRefAttr>(source);
      auto weight = symbols->lookup<ir::WeightOp>(ref.getValue());
      if (!weight) {
        user->emitOpError() << "uses " << ref << ", which is not a lathe.weight";
        return failure();
      }
      StringRef own = form.vector ? "f32" : packedAs(weight.getFormat());
      if (!format.empty() && format != own) {
        user->emitOpError() << "has weights of two formats, " << format << " and " << own;
        return failure();
      }
      format = own;
    }
    std::string name = joinedName(sources) + ".packed";
    ArrayAttr list = ArrayAttr::get(&getContext(), sources);
    FlatSymbolRefAttr &found = packed[{list, form.experts * 4 + (form.vector ? 2 : 0) + (form.interleave ? 1 : 0)}];
    if (!found) {
      auto functions = getOperation().getOps<FunctionOpInterface>();
      OpBuilder b = functions.empty() ? OpBuilder::atBlockEnd(getOperation().getBody()) : OpBuilder(*functions.begin());
      auto op = ir::PackedOp::create(b, user->getLoc(), b.getStringAttr(name), list, b.getStringAttr(format),
                                     form.interleave ? b.getUnitAttr() : UnitAttr(), b.getI64IntegerAttr(form.experts));
      found = FlatSymbolRefAttr::get(symbols->insert(op)); // which renames it when the name is taken
    }
    return found;
  }

  SymbolTable *symbols = nullptr;
  llvm::DenseMap<std::pair<ArrayAttr, int64_t>, FlatSymbolRefAttr> packed; ///< by sources and form
};

} // namespace
