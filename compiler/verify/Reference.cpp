#include "compiler/verify/Reference.h"
#include "compiler/fusion/Passes.h"
#include "compiler/import/Import.h"
#include "compiler/kernels/Describe.h"
#include "compiler/link/PackedRows.h"
#include "compiler/spec/TextProto.h"
#include "compiler/support/Error.h"
#include "mlir/AsmParser/AsmParser.h"
#include <cmath>

namespace lathe {
namespace {

/// Where a role's rows lie in a bundle.
struct PackedRows {
  std::shared_ptr<const PackedWeight> weight;
  const uint8_t *data;
  int64_t first; ///< row, or element of a vector, of the stacked sources
  int64_t rows, columns;

  llvm::Error read(llvm::StringRef role, int64_t row, float *out) const {
    if (weight->vector) {
      std::vector<float> all(weight->columns);
      unpackRow(*weight, data, 0, all.data());
      std::copy_n(all.begin() + first, columns, out);
    } else {
      unpackRow(*weight, data, first + row, out);
    }
    for (int64_t i = 0; i < columns; ++i)
      if (!std::isfinite(out[i]))
        return makeError("weight {0}: row {1}, column {2} is {3}; a finite number would be right", role, row, i,
                         double(out[i]));
    return llvm::Error::success();
  }
};

/// Gives each lathe.weight the format that the bundle has it in.
void setFormats(mlir::ModuleOp module, const lathe_model &tables) {
  llvm::StringMap<const char *> formats;
  for (uint32_t i = 0; i < tables.n_weights; ++i)
    for (llvm::StringRef role : llvm::split(tables.weights[i].roles, '\n'))
      formats[role] = tables.weights[i].format;
  module.walk([&](ir::WeightOp weight) {
    auto found = formats.find(weight.getSymName());
    if (found != formats.end() && llvm::cast<mlir::ShapedType>(weight.getType()).getDimSize(0) > 1)
      weight.setFormat(found->second);
  });
}

/// Finds the roles of `fused` in the bundle's data.
llvm::Expected<reference::WeightLookup> lookupIn(const Model &bundle, llvm::StringRef path, mlir::ModuleOp fused) {
  const lathe_model &tables = bundle.tables();
  llvm::StringMap<const lathe_weight *> stored;
  for (uint32_t i = 0; i < tables.n_weights; ++i)
    stored[tables.weights[i].name] = &tables.weights[i];
  llvm::Expected<ProgramSet> set = describe(fused);
  if (!set)
    return set.takeError();
  llvm::StringMap<PackedRows> rows;
  for (const PackedWeight &packed : set->weights) {
    auto found = stored.find(packed.name);
    if (found == stored.end() || found->second->bytes != uint64_t(packed.bytes))
      return makeError("{0}: has no weight {1} of {2} bytes, which its spec asks for", path, packed.name, packed.bytes);
    auto shared = std::make_shared<const PackedWeight>(packed);
    int64_t first = 0;
    for (const std::string &role : packed.sources) {
      auto weight = fused.lookupSymbol<ir::WeightOp>(role);
      auto shape = llvm::cast<mlir::ShapedType>(weight.getType()).getShape();
      rows[role] = {shared, bundle.weights().data() + found->second->offset, first, shape[0], shape[1]};
      first += packed.vector ? shape[1] : shape[0];
    }
  }
  return [rows = std::move(rows)](llvm::StringRef role) -> llvm::Expected<reference::WeightRows> {
    auto found = rows.find(role);
    if (found == rows.end())
      return makeError("the bundle has no weight {0}", role);
    const PackedRows &packed = found->second;
    return reference::WeightRows{packed.rows, packed.columns, [packed, name = role.str()](int64_t row, float *out) {
                                   return packed.read(name, row, out);
                                 }};
  };
}

} // namespace

CacheFormat cacheFormatOf(const lathe_variant &variant) {
  const lathe_type type = variant.cache.type;
  return type.code == LATHE_INT ? CacheFormat::Q8 : type.bits == 16 ? CacheFormat::F16 : CacheFormat::F32;
}

reference::WeightLookup lookupIn(const WeightSource &source) {
  return [&source](llvm::StringRef role) -> llvm::Expected<reference::WeightRows> {
    llvm::Expected<const Weight *> weight = source.get(role);
    if (!weight)
      return weight.takeError();
    return reference::WeightRows{(*weight)->rows, (*weight)->columns,
                                 [weight = *weight](int64_t row, float *out) { return weight->readRow(row, out); }};
  };
}

llvm::Expected<ReferenceModel> referenceOf(std::shared_ptr<const Input> input, llvm::StringRef path,
                                           ReferenceLevel level) {
  if (!input->weights)
    return makeError("{0}: is a spec without weights; --weights FILE or --random-weights would be right", path);
  ReferenceModel result;
  result.context = std::make_unique<mlir::MLIRContext>();
  auto module = importModel(*result.context, input->model, input->weights.get());
  if (!module)
    return module.takeError();
  result.module = std::move(*module);
  if (level == ReferenceLevel::Fused)
    if (llvm::Error error = fuse(*result.module, {}))
      return std::move(error);
  result.weights = lookupIn(*input->weights);
  result.input = std::move(input);
  return result;
}

llvm::Expected<ReferenceModel> referenceOf(std::shared_ptr<const Model> bundle, llvm::StringRef path,
                                           ReferenceLevel level) {
  const lathe_model &tables = bundle->tables();
  spec::Model spec;
  if (llvm::Error error = parseTextProto(tables.spec, (path + ": its spec").str(), spec))
    return std::move(error);
  if (llvm::Error error = validate(spec, path))
    return std::move(error);
  ReferenceModel result;
  result.context = std::make_unique<mlir::MLIRContext>();
  auto module = importModel(*result.context, spec);
  if (!module)
    return module.takeError();
  setFormats(**module, tables);
  // The packed form is known of the fused module only.
  mlir::OwningOpRef<mlir::ModuleOp> fused = (*module)->clone();
  const char *text = bundle->variant().plan;
  mlir::Attribute plan = mlir::parseAttribute(text, result.context.get());
  if (!plan)
    return makeError("{0}: its plan of {1} cannot be read: {2}", path, bundle->variant().target, text);
  (*fused)->setAttr("lathe.plan", plan);
  if (llvm::Error error = fuse(*fused, planOf(*fused)))
    return std::move(error);
  auto weights = lookupIn(*bundle, path, *fused);
  if (!weights)
    return weights.takeError();
  result.module = level == ReferenceLevel::Fused ? std::move(fused) : std::move(*module);
  result.weights = std::move(*weights);
  result.bundle = std::move(bundle);
  return result;
}

} // namespace lathe
