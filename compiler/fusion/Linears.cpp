//===- Linears.cpp - questions that several passes ask about linears ---------------------------------------------===//
#include "compiler/fusion/Linears.h"
#include "compiler/fusion/Passes.h"
#include "compiler/layout/Rows.h"
#include "compiler/support/Formats.h"

using namespace mlir;
using namespace lathe;

llvm::StringRef lathe::packedAs(StringRef format) {
  std::optional<PackedFormat> packed = packedFor(format);
  return packed ? packedName(*packed) : format;
}

FailureOr<llvm::StringRef> lathe::weightFormat(ir::LinearOp linear, const SymbolTable &symbols) {
  StringRef format;
  for (auto ref : linear.getWeights().getAsRange<FlatSymbolRefAttr>()) {
    Operation *symbol = symbols.lookup(ref.getValue());
    StringRef own;
    if (auto weight = llvm::dyn_cast_or_null<ir::WeightOp>(symbol))
      own = packedAs(weight.getFormat());
    else if (auto packed = llvm::dyn_cast_or_null<ir::PackedOp>(symbol))
      own = packed.getFormat();
    else
      return linear.emitOpError() << "uses " << ref << ", which is neither a lathe.weight nor a lathe.packed";
    if (!format.empty() && own != format)
      return linear.emitOpError() << "has weights of two formats, " << format << " and " << own;
    format = own;
  }
  return format;
}

bool lathe::wantsQuantized(StringRef format) {
  std::optional<Format> known = findFormat(format);
  return known && blockColumns(*known) > 1;
}

std::optional<GluUse> lathe::gluOf(Value result) {
  if (!result.hasNUses(2))
    return std::nullopt;
  GluUse use;
  int64_t width = llvm::cast<RankedTensorType>(result.getType()).getDimSize(1);
  for (Operation *user : result.getUsers()) {
    auto slice = llvm::dyn_cast<ir::SliceOp>(user);
    if (!slice || !slice->hasOneUse() || width % 2 ||
        llvm::cast<RankedTensorType>(slice.getType()).getDimSize(1) != width / 2)
      return std::nullopt;
    auto glu = llvm::dyn_cast<ir::GluOp>(*slice->user_begin());
    if (!glu || (use.glu && use.glu != glu))
      return std::nullopt;
    use.glu = glu;
    if (slice.getOffset() == 0 && glu.getGate() == slice)
      use.gate = slice;
    else if (static_cast<int64_t>(slice.getOffset()) == width / 2 && glu.getUp() == slice)
      use.up = slice;
  }
  if (!use.gate || !use.up)
    return std::nullopt;
  return use;
}

ActFormat lathe::formatOfRows(Type element) {
  return llvm::isa<ir::Q16Type>(element)  ? ActFormat::Q16
         : llvm::isa<ir::Q8Type>(element) ? ActFormat::Q8
                                          : ActFormat::F32;
}

Type lathe::elementOf(ActFormat format, MLIRContext *context) {
  switch (format) {
  case ActFormat::F32:
    return Float32Type::get(context);
  case ActFormat::Q16:
    return ir::Q16Type::get(context);
  case ActFormat::Q8:
    break;
  }
  return ir::Q8Type::get(context);
}
