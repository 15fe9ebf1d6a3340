//===- StepBuilder.cpp - the ops of one forward pass -------------------------------------------------------------===//
#include "compiler/import/StepBuilder.h"
#include "compiler/import/Alibi.h"
#include "compiler/import/Rotary.h"
#include "compiler/spec/Layers.h"

using namespace mlir;
using namespace lathe;

static ir::Activation activationOf(spec::Activation activation) {
  switch (activation) {
  case spec::SILU:
    return ir::Activation::SiLU;
  case spec::GELU_ERF:
    return ir::Activation::GELUErf;
  case spec::GELU_TANH:
    return ir::Activation::GELUTanh;
  case spec::RELU:
    return ir::Activation::ReLU;
  case spec::RELU_SQUARED:
    return ir::Activation::ReLUSquared;
  case spec::XIELU:
    return ir::Activation::XIELU;
  default:
    llvm_unreachable("validate() has refused a model without an activation");
  }
}

std::string lathe::rotationName(const std::string &variant) { return variant.empty() ? "rotary" : "rotary." + variant; }

Value StepBuilder::build() {
  Value x = hidden(embedding(), 0);
  for (uint32_t i = 0; i < model.n_layers(); ++i) {
    x = layer(x, i);
    if (i + 1 < model.n_layers())
      hidden(x, i + 1);
  }
  return head(x);
}

Value StepBuilder::layer(Value x, uint32_t index) {
  const spec::Model layer = layerOf(model, index);
  const std::string name = "layers." + std::to_string(index);
  const spec::Residual &residual = model.residual();
  const std::string mixer = name + (layer.has_mamba() ? ".mamba" : ".attention");
  Value input = before(x, mixer + "_norm");
  Value mixed = layer.has_mamba() ? mamba(input, layer.mamba(), mixer) : attention(input, layer, index, mixer);
  Value y = add(residual.from_norm() ? input : x, after(mixed, mixer), mixer + ".sum");
  if (model.norm().placement() == spec::Norm::POST)
    y = norm(y, mixer + "_norm");
  if (layer.mlp().hidden() == 0)
    return y;
  if (!residual.shared_norm())
    input = before(residual.parallel() ? x : y, name + ".mlp_norm");
  y = add(residual.from_norm() ? input : y, after(mlp(input, layer.mlp(), name), name + ".mlp"), name + ".mlp.sum");
  return model.norm().placement() == spec::Norm::POST ? norm(y, name + ".mlp_norm") : y;
}

Value StepBuilder::before(Value x, const std::string &role) {
  const auto placement = model.norm().placement();
  return placement == spec::Norm::PRE || placement == spec::Norm::BOTH ? norm(x, role) : x;
}

Value StepBuilder::after(Value branch, const std::string &name) {
  switch (model.norm().placement()) {
  case spec::Norm::BRANCH:
    return norm(branch, name + "_norm");
  case spec::Norm::BOTH:
    return norm(branch, name + "_post_norm");
  default:
    return branch;
  }
}

Value StepBuilder::embedding() {
  auto embed = [&](const std::string &role, int64_t width, Value ids, double scale, int64_t offset) -> Value {
    return ir::EmbedOp::create(b, at(role), rows(width), ids, symbol(role), b.getF64FloatAttr(scale),
                               b.getI64IntegerAttr(offset));
  };
  const int64_t size = model.embedding().size();
  Value x = embed("token_embedding", size ? size : model.dim(), inputs.ids, model.embedding().scale(), 0);
  x = scale(x, 1, model.embedding().learned_scale(), "embedding_scale");
  if (size)
    x = linear(x, "embedding_projection", model.dim(), false);
  const spec::Positions &positions = model.positions();
  if (positions.has_learned() || positions.has_sinusoidal()) {
    const int64_t offset = positions.has_learned() ? positions.learned().offset() : positions.sinusoidal().offset();
    Value position = embed("position_embedding", model.dim(), inputs.positions, 1, offset);
    x = ir::AddOp::create(b, at("embedding.sum"), x, position, b.getF64FloatAttr(1));
  }
  return model.embedding().norm() ? norm(x, "embedding_norm") : x;
}

Value StepBuilder::attention(Value x, const spec::Model &layer, uint32_t index, const std::string &name) {
  const spec::Attention &a = layer.attention();
  const int64_t queryRows = int64_t(a.n_heads()) * a.head_size(), keyRows = int64_t(a.n_kv_heads()) * a.head_size(),
                valueSize = a.value_head_size();
  Value query = linear(x, name + ".query", queryRows, a.qkv_bias());
  Value key = linear(x, name + ".key", keyRows, a.qkv_bias());
  Value value = linear(x, name + ".value", a.n_kv_heads() * valueSize, a.qkv_bias());
  query = prepare(query, layer, index, name + ".query");
  key = prepare(key, layer, index, name + ".key");
  value = clip(value, a.clip(), name + ".value.clipped");
  Value seen = ir::AttentionOp::create(
      b, at(name), rows(a.n_heads() * valueSize), query, key, value, inputs.positions, inputs.slots,
      b.getI64IntegerAttr(cachedLayers++), b.getI64IntegerAttr(a.n_heads()), b.getI64IntegerAttr(a.n_kv_heads()),
      b.getI64IntegerAttr(a.head_size()), b.getF64FloatAttr(a.scale()), b.getI64IntegerAttr(a.window()),
      b.getF64FloatAttr(a.logit_softcap()), slopes(layer),
      a.learned_scale() ? symbol(name + ".scale") : FlatSymbolRefAttr(), b.getF64FloatAttr(a.temperature_coefficient()),
      b.getI64IntegerAttr(a.temperature_every()), a.sinks() ? symbol(name + ".sinks") : FlatSymbolRefAttr());
  return linear(seen, name + ".output", model.dim(), a.output_bias());
}

/// Mamba's block, arXiv:2312.00752 figure 3, or Mamba-2's, arXiv:2405.21060 figure 6.
Value StepBuilder::mamba(Value x, const spec::Mamba &m, const std::string &name) {
  const bool heads = m.version() == spec::Mamba::SSD;
  const int64_t inner = m.inner(), groups = heads ? m.n_groups() : 1, parameters = groups * m.state_size();
  const int64_t channels = heads ? inner + 2 * parameters : inner, layer = recurrentLayers++;
  Value gate = linear(x, name + ".gate", inner, m.bias());
  Value input = linear(x, name + ".input", channels, m.bias());
  Value dt = heads ? linear(x, name + ".dt", m.n_heads(), m.bias()) : Value();
  Value mixed =
      ir::ConvOp::create(b, at(name + ".conv"), input, inputs.positions, inputs.slots, symbol(name + ".conv"),
                         m.conv_bias() ? symbol(name + ".conv.bias") : FlatSymbolRefAttr(), b.getI64IntegerAttr(layer));
  auto silu = ir::ActivationAttr::get(b.getContext(), ir::Activation::SiLU);
  mixed = ir::ActivationOp::create(b, at(name + ".conv.activation"), mixed, silu, b.getF64FloatAttr(1),
                                   FlatSymbolRefAttr(), FlatSymbolRefAttr());
  Value bs, cs;
  if (heads) {
    auto part = [&](int64_t offset, int64_t width) -> Value {
      return ir::SliceOp::create(b, at(name), rows(width), mixed, b.getI64IntegerAttr(offset));
    };
    bs = part(inner, parameters);
    cs = part(inner + parameters, parameters);
    mixed = part(0, inner);
  } else {
    auto parameter = [&](const char *part, const char *norm, int64_t width) {
      Value value = linear(mixed, name + "." + part, width, false);
      return m.parameter_norm() == spec::Mamba::NO_NORM
                 ? value
                 : this->norm(value, name + "." + norm,
                              {spec::Norm::RMS, m.norm_eps(), m.parameter_norm() == spec::Mamba::WEIGHTED});
    };
    dt = linear(parameter("dt_in", "dt_norm", m.dt_rank()), name + ".dt", inner, false);
    bs = parameter("b", "b_norm", parameters);
    cs = parameter("c", "c_norm", parameters);
  }
  Value y = ir::ScanOp::create(b, at(name + ".scan"), rows(inner), mixed, dt, bs, cs, inputs.positions, inputs.slots,
                               symbol(name + ".a"), symbol(name + ".d"), symbol(name + ".dt_bias"),
                               b.getI64IntegerAttr(layer), b.getI64IntegerAttr(groups), b.getF64FloatAttr(m.dt_min()),
                               b.getF64FloatAttr(m.dt_max()));
  const NormForm gatedNorm{spec::Norm::RMS, m.norm_eps(), /*weighted=*/true, false, false, inner / groups};
  if (m.gated_norm() == spec::Mamba::BEFORE_GATE)
    y = norm(y, name + ".norm", gatedNorm);
  y = ir::GluOp::create(b, at(name + ".glu"), gate, y, silu, b.getF64FloatAttr(1), b.getF64FloatAttr(0),
                        b.getF64FloatAttr(0));
  if (m.gated_norm() == spec::Mamba::AFTER_GATE)
    y = norm(y, name + ".norm", gatedNorm);
  return linear(y, name + ".output", model.dim(), m.bias());
}

Value StepBuilder::mlp(Value x, const spec::Mlp &m, const std::string &layer) {
  const std::string name = layer + ".mlp";
  return m.has_experts() ? mixture(x, m, name) : feedForward(x, m, m.hidden(), name, {});
}

Value StepBuilder::feedForward(Value x, const spec::Mlp &m, int64_t hidden, const std::string &part, Chosen chosen) {
  auto activation = ir::ActivationAttr::get(b.getContext(), activationOf(m.activation()));
  FloatAttr slope = b.getF64FloatAttr(m.activation_slope());
  Value inner;
  if (m.gated()) {
    Value gate = linear(x, part + ".gate", hidden, m.bias(), chosen);
    Value up = linear(x, part + ".up", hidden, m.bias(), chosen);
    inner = ir::GluOp::create(b, at(part + ".glu"), gate, up, activation, slope, b.getF64FloatAttr(m.clamp()),
                              b.getF64FloatAttr(m.up_offset()));
  } else {
    Value up = linear(x, part + ".up", hidden, m.bias(), chosen);
    const std::string name = part + ".activation";
    auto learned = [&](const char *side) {
      return m.activation() == spec::XIELU ? symbol(name + side) : FlatSymbolRefAttr();
    };
    inner = ir::ActivationOp::create(b, at(name), up, activation, slope, learned(".positive"), learned(".negative"));
  }
  return linear(inner, part + ".down", model.dim(), m.bias(), chosen);
}

Value StepBuilder::mixture(Value x, const spec::Mlp &m, const std::string &name) {
  const spec::Experts &e = m.experts();
  auto scoring = e.scoring() == spec::Experts::SIGMOID ? ir::Scoring::Sigmoid : ir::Scoring::Softmax;
  Type chosen = RankedTensorType::get({ShapedType::kDynamic, e.per_token()}, ir::RouteType::get(b.getContext()));
  Value logits = linear(x, name + ".router", e.count(), e.router_bias());
  Value routes = ir::RouteOp::create(b, at(name + ".routes"), chosen, logits,
                                     e.selection_bias() ? symbol(name + ".router.selection_bias") : FlatSymbolRefAttr(),
                                     ir::ScoringAttr::get(b.getContext(), scoring),
                                     e.normalise() ? b.getUnitAttr() : UnitAttr(), b.getF64FloatAttr(e.scale()),
                                     b.getI64IntegerAttr(e.groups()), b.getI64IntegerAttr(e.groups_per_token()));
  Value choices = ir::AssignOp::create(b, at(name + ".choices"), ir::choicesType(b.getContext()), routes,
                                       b.getI64IntegerAttr(e.count()));
  Value dispatched = ir::DispatchOp::create(b, at(name + ".dispatched"), x.getType(), x, choices);
  Value y = feedForward(dispatched, m, m.hidden(), name + ".experts", {choices, e.count()});
  y = ir::CollectOp::create(b, at(name + ".experts.sum"), y.getType(), y, choices, routes);
  if (!e.has_shared())
    return y;
  Value shared = feedForward(x, m, e.shared().hidden(), name + ".shared", {});
  if (e.shared().gated())
    shared = ir::GateOp::create(b, at(name + ".shared.gated"), shared.getType(), shared,
                                linear(x, name + ".shared.router", 1, false));
  return ir::AddOp::create(b, at(name + ".shared.sum"), y, shared, b.getF64FloatAttr(1));
}

Value StepBuilder::head(Value x) {
  const spec::Head &h = model.head();
  x = ir::TakeRowsOp::create(b, at("logit_rows"), x, inputs.logitRows);
  if (!h.unnormed())
    x = norm(x, "output_norm");
  if (const int64_t size = model.embedding().size())
    x = linear(x, "head_projection", size, false);
  hidden(x, model.n_layers());
  Attribute weight = symbol(h.tied() ? "token_embedding" : "head");
  ArrayAttr biases = h.bias() ? b.getArrayAttr({symbol("head.bias")}) : ArrayAttr();
  x = ir::LinearOp::create(b, at("head"), rows(model.vocab_size()), x, b.getArrayAttr({weight}), biases, Value(),
                           b.getI64IntegerAttr(1));
  x = scale(x, h.scale(), h.learned_scale(), "head_scale");
  if (h.softcap() != 0)
    x = ir::SoftcapOp::create(b, at("head.softcap"), x, b.getF64FloatAttr(h.softcap()));
  return x;
}

Value StepBuilder::norm(Value x, const std::string &role) {
  const spec::Norm &n = model.norm();
  return norm(x, role, {n.kind(), n.eps(), !n.unweighted(), n.bias(), n.unit_offset()});
}

Value StepBuilder::norm(Value x, const std::string &role, const NormForm &form) {
  auto kind = form.kind == spec::Norm::LAYER ? ir::NormKind::Layer : ir::NormKind::RMS;
  return ir::NormOp::create(b, at(role), x, form.weighted ? symbol(role) : FlatSymbolRefAttr(),
                            form.bias ? symbol(role + ".bias") : FlatSymbolRefAttr(),
                            ir::NormKindAttr::get(b.getContext(), kind), b.getF64FloatAttr(form.eps),
                            form.unitOffset ? b.getUnitAttr() : UnitAttr(), b.getI64IntegerAttr(form.group));
}

Value StepBuilder::prepare(Value x, const spec::Model &layer, uint32_t index, const std::string &name) {
  const spec::Attention &a = layer.attention();
  x = clip(x, a.clip(), name + ".clipped");
  auto normed = [&](Value heads) {
    const bool weighted = !a.qk_norm_unweighted();
    if (a.qk_norm() == spec::Attention::NO_QK_NORM)
      return heads;
    return norm(heads, name + "_norm",
                {a.qk_norm_kind(), model.norm().eps(), weighted, a.qk_norm_bias(),
                 weighted && model.norm().unit_offset(), a.qk_norm() == spec::Attention::ROW ? 0 : a.head_size()});
  };
  auto rotated = [&](Value heads) {
    return layer.positions().has_rotary() ? rotate(heads, layer, index, name + ".rotated") : heads;
  };
  return a.qk_norm_after_rotation() ? normed(rotated(x)) : rotated(normed(x));
}

Value StepBuilder::clip(Value x, double limit, const std::string &name) {
  return limit > 0 ? ir::ClipOp::create(b, at(name), x, b.getF64FloatAttr(limit)).getResult() : x;
}

Value StepBuilder::scale(Value x, double factor, bool learned, const std::string &role) {
  if (factor == 1 && !learned)
    return x;
  return ir::ScaleOp::create(b, at(role), x, b.getF64FloatAttr(factor), learned ? symbol(role) : FlatSymbolRefAttr());
}

DenseF64ArrayAttr StepBuilder::slopes(const spec::Model &layer) const {
  if (!layer.positions().has_alibi())
    return {};
  const spec::Alibi &alibi = layer.positions().alibi();
  const double scale = alibi.scaled() ? layer.attention().scale() : 1;
  return b.getDenseF64ArrayAttr(alibiSlopes(layer.attention().n_heads(), alibi.max_bias(), scale));
}

Value StepBuilder::linear(Value x, const std::string &role, int64_t width, bool bias, Chosen chosen) {
  ArrayAttr biases = bias ? b.getArrayAttr({symbol(role + ".bias")}) : ArrayAttr();
  return ir::LinearOp::create(b, at(role), rows(width), x, b.getArrayAttr({symbol(role)}), biases, chosen.choices,
                              b.getI64IntegerAttr(chosen.experts));
}

Value StepBuilder::rotate(Value x, const spec::Model &layer, uint32_t index, const std::string &name) {
  auto pairing = layer.positions().rotary().pairing() == spec::Rotary::INTERLEAVED ? ir::Pairing::Interleaved
                                                                                   : ir::Pairing::HalfSplit;
  Value lengths = dependsOnLength(layer.positions().rotary()) ? inputs.lengths : Value();
  return ir::RopeOp::create(
      b, at(name), x.getType(), x, inputs.positions, lengths, symbol(rotationName(positionsVariant(model, index))),
      b.getI64IntegerAttr(layer.attention().head_size()), ir::PairingAttr::get(b.getContext(), pairing));
}

Value StepBuilder::add(Value residual, Value branch, const std::string &name) {
  return ir::AddOp::create(b, at(name), residual, branch, b.getF64FloatAttr(model.residual().scale()));
}

Value StepBuilder::hidden(Value x, int64_t index) const {
  x.getDefiningOp()->setAttr(ir::kHidden, b.getI64IntegerAttr(index));
  return x;
}

Location StepBuilder::at(const std::string &name) const { return NameLoc::get(b.getStringAttr(name)); }

FlatSymbolRefAttr StepBuilder::symbol(const std::string &role) const {
  return FlatSymbolRefAttr::get(b.getContext(), role);
}
