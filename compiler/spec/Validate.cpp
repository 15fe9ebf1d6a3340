//===- Validate.cpp - what a spec may say, and what may go together -----------------------------------------------===//
//
// Defaults first (Defaults.cpp), so that every check sees concrete values; then each field alone; then fields together:
// of the model, and of each kind of layer that its variants make. A check that a later axis makes obsolete is one entry
// here.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/Checks.h"
#include "compiler/spec/Input.h"
#include "compiler/spec/Layers.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <set>

namespace lathe {

static constexpr int maxVariants = 16; // a model has two or three; looking a layer up is linear in them
static constexpr int64_t maxParameters = int64_t(1) << 40;

static void checkSizes(const spec::Model &model, Checks &checks) {
  checks.require(model.version() == 1, "version = {0} is not 1, the version of this compiler", model.version());
  checks.range("dim", model.dim(), maxDim);
  checks.range("n_layers", model.n_layers(), maxLayers);
  checks.range("vocab_size", model.vocab_size(), maxVocabulary);
  checks.range("max_context", model.max_context(), maxContext);
  checks.require(spec::WeightFormat_IsValid(model.weight_format()), "weight_format = {0} is unknown",
                 static_cast<int>(model.weight_format()));
}

static void checkAttention(const spec::Model &model, bool headSizeGiven, Checks &checks) {
  const spec::Attention &attention = model.attention();
  checks.range("attention.n_heads", attention.n_heads(), maxHeads);
  if (!checks.passed())
    return;
  checks.require(headSizeGiven || model.dim() % attention.n_heads() == 0,
                 "attention.n_heads = {0} does not divide dim = {1} (or set attention.head_size)", attention.n_heads(),
                 model.dim());
  checks.range("attention.n_kv_heads", attention.n_kv_heads(), attention.n_heads());
  checks.range("attention.head_size", attention.head_size(), maxHeadSize);
  checks.range("attention.value_head_size", attention.value_head_size(), maxHeadSize);
  if (!checks.passed())
    return;
  checks.require(attention.n_heads() % attention.n_kv_heads() == 0,
                 "attention.n_kv_heads = {0} does not divide attention.n_heads = {1}", attention.n_kv_heads(),
                 attention.n_heads());
  checks.positive("attention.scale", attention.scale());
  checks.notNegative("attention.logit_softcap", attention.logit_softcap());
  checks.notNegative("attention.clip", attention.clip());
  checks.notNegative("attention.temperature_coefficient", attention.temperature_coefficient());
  checks.require((attention.temperature_every() == 0) == (attention.temperature_coefficient() == 0),
                 "attention.temperature_every = {0} and temperature_coefficient = {1}: both are set, or none",
                 attention.temperature_every(), Checks::text(attention.temperature_coefficient()));
  checks.require(spec::Attention_QkNorm_IsValid(attention.qk_norm()), "attention.qk_norm = {0} is unknown",
                 static_cast<int>(attention.qk_norm()));
  checks.require(spec::Norm_Kind_IsValid(attention.qk_norm_kind()), "attention.qk_norm_kind = {0} is unknown",
                 static_cast<int>(attention.qk_norm_kind()));
  if (attention.qk_norm() == spec::Attention::NO_QK_NORM)
    return;
  checks.require(!attention.qk_norm_bias() || attention.qk_norm_kind() == spec::Norm::LAYER,
                 "attention.qk_norm_bias = true needs attention.qk_norm_kind = LAYER");
  checks.require(!attention.qk_norm_bias() || !attention.qk_norm_unweighted(),
                 "attention.qk_norm_unweighted = true excludes attention.qk_norm_bias");
}

static void checkExperts(const spec::Experts &experts, Checks &checks) {
  checks.range("mlp.experts.count", experts.count(), maxExperts);
  checks.range("mlp.experts.per_token", experts.per_token(), experts.count());
  checks.require(spec::Experts_Scoring_IsValid(experts.scoring()), "mlp.experts.scoring = {0} is unknown",
                 static_cast<int>(experts.scoring()));
  checks.positive("mlp.experts.scale", experts.scale());
  checks.range("mlp.experts.groups", experts.groups(), experts.count());
  checks.range("mlp.experts.groups_per_token", experts.groups_per_token(), experts.groups());
  if (!checks.passed())
    return;
  const uint32_t size = experts.count() / experts.groups(), kept = experts.groups_per_token();
  checks.require(experts.count() % experts.groups() == 0,
                 "mlp.experts.groups = {0} does not divide mlp.experts.count = {1}", experts.groups(), experts.count());
  checks.require(kept == experts.groups() || size >= 2,
                 "mlp.experts.groups = {0} of one expert have no two best ones to compare them by", experts.groups());
  checks.require(experts.per_token() <= size * kept,
                 "mlp.experts.per_token = {0} of the {1} experts in mlp.experts.groups_per_token = {2} groups",
                 experts.per_token(), size * kept, kept);
  if (experts.has_shared())
    checks.range("mlp.experts.shared.hidden", experts.shared().hidden(), maxHidden);
}

static void checkMlp(const spec::Model &model, Checks &checks) {
  const spec::Mlp &mlp = model.mlp();
  if (mlp.hidden() == 0 && model.has_mamba()) // it goes without
    return;
  checks.range("mlp.hidden", mlp.hidden(), maxHidden);
  checks.require(mlp.activation() > spec::ACTIVATION_UNSPECIFIED && spec::Activation_IsValid(mlp.activation()),
                 "mlp.activation is not set: SILU, GELU_ERF, GELU_TANH, RELU, RELU_SQUARED or XIELU");
  checks.positive("mlp.activation_slope", mlp.activation_slope());
  checks.notNegative("mlp.clamp", mlp.clamp());
  checks.require(std::isfinite(mlp.up_offset()), "mlp.up_offset = {0} is not a finite number",
                 Checks::text(mlp.up_offset()));
  checks.require(
      mlp.activation() != spec::XIELU || (!mlp.gated() && !mlp.has_experts()),
      "mlp.activation = XIELU excludes mlp.gated = true and mlp.experts: its numbers are one feed-forward's");
  checks.require(mlp.gated() || (mlp.clamp() == 0 && mlp.up_offset() == 0),
                 "mlp.clamp and mlp.up_offset need mlp.gated = true");
  if (mlp.has_experts())
    checkExperts(mlp.experts(), checks);
}

static void checkParts(const spec::Model &model, Checks &checks) {
  const spec::Norm &norm = model.norm();
  checks.require(norm.kind() == spec::Norm::RMS || norm.kind() == spec::Norm::LAYER,
                 "norm.kind is not set: RMS or LAYER");
  checks.require(std::isfinite(norm.eps()) && norm.eps() > 0,
                 "norm.eps = {0} is not a finite number above 0: a row of zeros would have no norm",
                 Checks::text(norm.eps()));
  checks.require(!norm.bias() || norm.kind() == spec::Norm::LAYER, "norm.bias = true needs norm.kind = LAYER");
  checks.require(!norm.unweighted() || !(norm.bias() || norm.unit_offset()),
                 "norm.unweighted = true excludes norm.bias and norm.unit_offset");
  checks.require(spec::Norm_Placement_IsValid(norm.placement()), "norm.placement = {0} is unknown",
                 static_cast<int>(norm.placement()));
  const spec::Residual &residual = model.residual();
  checks.require(!residual.parallel() || norm.placement() != spec::Norm::POST,
                 "residual.parallel = true excludes norm.placement = POST: there is one sum, and two norms of it");
  checks.require(!residual.shared_norm() || (residual.parallel() && norm.placement() == spec::Norm::PRE),
                 "residual.shared_norm = true needs residual.parallel = true and norm.placement = PRE");
  checks.require(!residual.from_norm() || (!residual.parallel() && norm.placement() == spec::Norm::PRE),
                 "residual.from_norm = true needs norm.placement = PRE and residual.parallel = false");
  checks.positive("embedding.scale", model.embedding().scale());
  checks.require(model.embedding().size() <= maxDim, "embedding.size = {0} is not from 0 to {1}",
                 model.embedding().size(), maxDim);
  checks.positive("residual.scale", model.residual().scale());
  checks.positive("head.scale", model.head().scale());
  checks.notNegative("head.softcap", model.head().softcap());
}

/// What a layer is made of.
static void checkLayer(const spec::Model &layer, bool headSizeGiven, Checks &checks) {
  if (layer.has_mamba())
    checkMamba(layer, checks);
  else
    checkAttention(layer, headSizeGiven, checks);
  checkPositions(layer, checks);
  checkMlp(layer, checks);
}

static void checkVariant(const spec::Variant &variant, const spec::Model &model, Checks &checks) {
  const std::string &name = variant.name();
  checks.require(!name.empty() && llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; }),
                 "variants: the name '{0}' is not one of letters, digits and '_'", printable(name));
  checks.require(uint32_t(variant.layers_size()) <= model.n_layers(),
                 "variants.{0}.layers has {1} numbers; n_layers = {2}", name, variant.layers_size(), model.n_layers());
  for (uint32_t layer : variant.layers())
    checks.require(layer < model.n_layers(), "variants.{0}.layers has {1}; n_layers = {2}", name, layer,
                   model.n_layers());
  checks.require(variant.offset() == 0 || variant.offset() < variant.every(),
                 "variants.{0}.offset = {1} is not below every = {2}", name, variant.offset(), variant.every());
  checks.require(
      !variant.positions().has_learned() && !variant.positions().has_sinusoidal(),
      "variants.{0}.positions: learned and sinusoidal ones are added to the embedding, so they are the model's", name);
  checks.require(!variant.attention().has_n_kv_heads() ||
                     variant.attention().n_kv_heads() == model.attention().n_kv_heads(),
                 "variants.{0}.attention.n_kv_heads = {1} is not the model's, {2}: all layers share one form of cache",
                 name, variant.attention().n_kv_heads(), model.attention().n_kv_heads());
  checks.require(!variant.attention().has_head_size() ||
                     variant.attention().head_size() == model.attention().head_size(),
                 "variants.{0}.attention.head_size = {1} is not the model's, {2}: all layers share one form of cache",
                 name, variant.attention().head_size(), model.attention().head_size());
  const uint32_t valueSize = variant.attention().value_head_size();
  checks.require(
      !variant.attention().has_value_head_size() || valueSize == model.attention().value_head_size(),
      "variants.{0}.attention.value_head_size = {1} is not the model's, {2}: all layers share one form of cache", name,
      valueSize, model.attention().value_head_size());
}

/// Each kind of layer that the variants make.
static void checkVariants(const spec::Model &model, Checks &checks) {
  checks.require(model.variants_size() <= maxVariants, "there are {0} variants; at most {1} are allowed",
                 model.variants_size(), maxVariants);
  std::set<std::string> names;
  for (const spec::Variant &variant : model.variants()) {
    checkVariant(variant, model, checks);
    checks.require(names.insert(variant.name()).second, "variants: there are two of the name '{0}'",
                   printable(variant.name()));
  }
  std::set<std::vector<const spec::Variant *>> seen = {{}};
  for (uint32_t i = 0; i < model.n_layers() && checks.passed(); ++i) {
    std::vector<const spec::Variant *> variants = variantsOf(model, i);
    if (!seen.insert(variants).second)
      continue;
    checks.within("layer " + std::to_string(i) + ", " +
                  llvm::join(llvm::map_range(variants, [](const spec::Variant *v) { return v->name(); }), " and ") +
                  ": ");
    checkLayer(layerOf(model, i), true, checks);
  }
}

static void checkTotal(const spec::Model &model, Checks &checks) {
  int64_t total = 2 * int64_t(model.dim()) * model.vocab_size();
  for (uint32_t i = 0; i < model.n_layers() && total <= maxParameters; ++i) { // a layer is below 2^58
    const spec::Model layer = layerOf(model, i);
    const spec::Experts &experts = layer.mlp().experts();
    const int64_t dim = layer.dim(), heads = int64_t(layer.attention().n_heads()) + layer.attention().n_kv_heads(),
                  sizes = int64_t(layer.attention().head_size()) + layer.attention().value_head_size(),
                  hidden = std::max<int64_t>(1, experts.count()) * layer.mlp().hidden() + experts.shared().hidden();
    const spec::Mamba &mamba = layer.mamba();
    const int64_t inner = mamba.inner(), parameters = 2 * int64_t(mamba.n_groups() + 1) * mamba.state_size();
    total += layer.has_mamba() ? 4 * inner * (dim + mamba.dt_rank()) + parameters * (dim + inner) : dim * sizes * heads;
    total += (layer.mlp().gated() ? 3 : 2) * dim * hidden;
  }
  checks.require(total <= maxParameters,
                 "the model would have more than 2^40 parameters: dim = {0}, n_layers = {1}, mlp.hidden = {2}",
                 model.dim(), model.n_layers(), model.mlp().hidden());
}

llvm::Error validate(spec::Model &model, llvm::StringRef file) {
  const bool headSizeGiven = model.attention().has_head_size();
  fillDefaults(model);
  Checks checks(file);
  checkSizes(model, checks);
  checkParts(model, checks);
  checkLayer(model, headSizeGiven, checks);
  if (checks.passed())
    checkVariants(model, checks);
  if (checks.passed())
    checkTotal(model, checks);
  return checks.take();
}

} // namespace lathe
