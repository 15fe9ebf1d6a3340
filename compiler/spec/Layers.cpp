#include "compiler/spec/Layers.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe {

static bool inRange(const spec::Variant &variant, uint32_t layer) {
  const bool ranged = variant.every() || variant.first() || variant.end();
  if (!ranged || layer < variant.first() || (variant.end() && layer >= variant.end()))
    return false;
  const uint32_t offset = variant.last() ? variant.every() - 1 : variant.offset();
  return variant.every() == 0 || (layer - variant.first()) % variant.every() == offset;
}

static bool chooses(const spec::Variant &variant, uint32_t layer) {
  const bool chosen = variant.layers().empty() ? inRange(variant, layer) : llvm::is_contained(variant.layers(), layer);
  return chosen != variant.except();
}

std::vector<const spec::Variant *> variantsOf(const spec::Model &model, uint32_t layer) {
  std::vector<const spec::Variant *> found;
  for (const spec::Variant &variant : model.variants())
    if (chooses(variant, layer))
      found.push_back(&variant);
  return found;
}

spec::Model layerOf(const spec::Model &model, uint32_t layer) {
  spec::Model result = model;
  result.clear_variants();
  for (const spec::Variant *variant : variantsOf(model, layer)) {
    if (variant->has_positions())
      *result.mutable_positions() = variant->positions();
    if (variant->has_attention())
      result.mutable_attention()->MergeFrom(variant->attention());
    if (variant->has_mlp())
      result.mutable_mlp()->MergeFrom(variant->mlp());
    if (variant->has_mamba())
      *result.mutable_mamba() = variant->mamba();
  }
  if (result.attention().scale_by_depth())
    result.mutable_attention()->set_scale(result.attention().scale() / (layer + 1));
  if (result.mlp().dense())
    result.mutable_mlp()->clear_experts();
  return result;
}

std::string positionsVariant(const spec::Model &model, uint32_t layer) {
  std::string name;
  for (const spec::Variant *variant : variantsOf(model, layer))
    if (variant->has_positions())
      name = variant->name();
  return name;
}

} // namespace lathe
