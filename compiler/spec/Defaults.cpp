//===- Defaults.cpp - what a spec leaves open ---------------------------------------------------------------------===//
#include "compiler/spec/Checks.h"
#include <cmath>

namespace lathe {

static void fillYarn(spec::Rotary::Yarn &yarn) {
  if (yarn.beta_fast() == 0)
    yarn.set_beta_fast(32);
  if (yarn.beta_slow() == 0)
    yarn.set_beta_slow(1);
}

static void fillPositions(spec::Positions &positions, const spec::Model &model) {
  if (positions.has_rotary()) {
    spec::Rotary &rotary = *positions.mutable_rotary();
    if (!rotary.has_dims())
      rotary.set_dims(wholePart(rotary.fraction() ? rotary.fraction() : 1, model.attention().head_size()));
    rotary.clear_fraction();
    if (rotary.scaling().has_yarn())
      fillYarn(*rotary.mutable_scaling()->mutable_yarn());
  }
  if (positions.has_learned() && positions.learned().rows() == 0)
    positions.mutable_learned()->set_rows(model.max_context() + positions.learned().offset());
  if (positions.has_sinusoidal() && positions.sinusoidal().theta() == 0)
    positions.mutable_sinusoidal()->set_theta(10000);
  if (positions.has_alibi() && !positions.alibi().has_max_bias())
    positions.mutable_alibi()->set_max_bias(8);
}

static void fillQkNorm(spec::Attention &attention, const spec::Norm &norm) {
  if (attention.qk_norm() == spec::Attention::NO_QK_NORM)
    return;
  if (attention.qk_norm_kind() == spec::Norm::KIND_UNSPECIFIED)
    attention.set_qk_norm_kind(norm.kind());
  if (!attention.has_qk_norm_bias())
    attention.set_qk_norm_bias(norm.bias() && attention.qk_norm_kind() == spec::Norm::LAYER &&
                               !attention.qk_norm_unweighted());
}

/// Sizes that follow from others; in a variant, from those that it sets.
static void fillAttention(spec::Attention &attention) {
  if (attention.scale() == 0 && attention.scale_size() > 0)
    attention.set_scale(1 / std::sqrt(attention.scale_size()));
  attention.clear_scale_size();
}

static void fillExperts(spec::Experts &experts) {
  if (experts.scale() == 0)
    experts.set_scale(1);
  if (experts.groups() == 0)
    experts.set_groups(1);
  if (experts.groups_per_token() == 0)
    experts.set_groups_per_token(experts.groups());
}

/// `before`: what a variant adds to, or no activation.
static void fillMlp(spec::Mlp &mlp, const spec::Model &model, spec::Activation before) {
  const bool first = mlp.activation() != spec::ACTIVATION_UNSPECIFIED && before == spec::ACTIVATION_UNSPECIFIED;
  if (first && mlp.activation_slope() == 0)
    mlp.set_activation_slope(1);
  if (mlp.hidden() == 0 && mlp.expansion() > 0)
    mlp.set_hidden(wholePart(mlp.expansion(), model.dim()));
  mlp.clear_expansion();
}

void fillDefaults(spec::Model &model) {
  spec::Attention &attention = *model.mutable_attention();
  if (!attention.has_n_kv_heads())
    attention.set_n_kv_heads(attention.n_heads());
  if (!attention.has_head_size() && attention.n_heads() > 0)
    attention.set_head_size(model.dim() / attention.n_heads());
  if (!attention.has_value_head_size())
    attention.set_value_head_size(attention.head_size());
  if (attention.scale_size() == 0)
    attention.set_scale_size(attention.head_size());
  fillAttention(attention);
  fillQkNorm(attention, model.norm());
  fillPositions(*model.mutable_positions(), model);
  fillMlp(*model.mutable_mlp(), model, spec::ACTIVATION_UNSPECIFIED);
  if (model.mlp().has_experts())
    fillExperts(*model.mutable_mlp()->mutable_experts());
  if (model.has_mamba())
    fillMamba(*model.mutable_mamba(), model);
  if (model.embedding().scale() == 0)
    model.mutable_embedding()->set_scale(model.embedding().by_sqrt_dim() ? std::sqrt(double(model.dim())) : 1);
  model.mutable_embedding()->clear_by_sqrt_dim();
  if (model.embedding().size() == model.dim())
    model.mutable_embedding()->clear_size();
  spec::Residual &residual = *model.mutable_residual();
  if (residual.scale() == 0 && model.n_layers() > 0)
    residual.set_scale(residual.depth_scale() ? residual.depth_scale() / std::sqrt(double(model.n_layers())) : 1);
  residual.clear_depth_scale();
  spec::Head &head = *model.mutable_head();
  if (head.scale() == 0 && model.dim() > 0)
    head.set_scale(head.scale_dim() ? head.scale_dim() / model.dim() : 1);
  head.clear_scale_dim();
  for (spec::Variant &variant : *model.mutable_variants()) {
    if (variant.has_positions())
      fillPositions(*variant.mutable_positions(), model);
    if (variant.has_attention())
      fillAttention(*variant.mutable_attention());
    if (attention.qk_norm() == spec::Attention::NO_QK_NORM && variant.has_attention()) // else the model's goes on
      fillQkNorm(*variant.mutable_attention(), model.norm());
    if (variant.has_mlp())
      fillMlp(*variant.mutable_mlp(), model, model.mlp().activation());
    if (variant.mlp().has_experts() && !model.mlp().has_experts()) // else what it leaves open is the model's
      fillExperts(*variant.mutable_mlp()->mutable_experts());
    if (variant.has_mamba())
      fillMamba(*variant.mutable_mamba(), model);
  }
}

} // namespace lathe
