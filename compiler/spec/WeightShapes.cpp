#include "compiler/spec/Input.h"
#include "compiler/spec/Layers.h"

namespace lathe {

namespace {
class ShapeList {
public:
  explicit ShapeList(const spec::Model &model) : model(model) {}
  std::vector<WeightShape> shapes;

  void matrix(const std::string &role, int64_t rows, int64_t columns, bool bias, int64_t experts = 1) {
    shapes.push_back({role, experts * rows, columns, /*exact=*/false, experts});
    if (bias)
      vector(role + ".bias", experts * rows, experts);
  }
  void vector(const std::string &role, int64_t length, int64_t parts = 1) {
    shapes.push_back({role, 1, length, /*exact=*/true, parts});
  }
  void norm(const std::string &role) {
    if (!model.norm().unweighted())
      vectors(role, model.dim(), model.norm().bias());
  }
  // The mixers of a layer ("layers.3.").
  void attention(const std::string &layer, const spec::Attention &a) {
    const int64_t dim = model.dim(), queryRows = int64_t(a.n_heads()) * a.head_size(),
                  keyRows = int64_t(a.n_kv_heads()) * a.head_size();
    const int64_t valueSize = a.value_head_size();
    norm(layer + "attention_norm");
    matrix(layer + "attention.query", queryRows, dim, a.qkv_bias());
    matrix(layer + "attention.key", keyRows, dim, a.qkv_bias());
    matrix(layer + "attention.value", a.n_kv_heads() * valueSize, dim, a.qkv_bias());
    if (a.qk_norm() != spec::Attention::NO_QK_NORM && !a.qk_norm_unweighted()) {
      const bool one = a.qk_norm() == spec::Attention::HEAD, each = a.qk_norm() == spec::Attention::EACH_HEAD;
      vectors(layer + "attention.query_norm", one ? a.head_size() : queryRows, a.qk_norm_bias(),
              each ? a.n_heads() : 1);
      vectors(layer + "attention.key_norm", one ? a.head_size() : keyRows, a.qk_norm_bias(), each ? a.n_kv_heads() : 1);
    }
    if (a.sinks())
      shapes.push_back({layer + "attention.sinks", 1, a.n_heads()});
    if (a.learned_scale())
      shapes.push_back({layer + "attention.scale", 1, a.n_heads()});
    matrix(layer + "attention.output", dim, a.n_heads() * valueSize, a.output_bias());
    if (model.norm().placement() == spec::Norm::BOTH)
      norm(layer + "attention_post_norm");
  }
  void mamba(const std::string &layer, const spec::Mamba &m) {
    const int64_t dim = model.dim(), inner = m.inner(), state = m.state_size();
    const std::string part = layer + "mamba.";
    const bool heads = m.version() == spec::Mamba::SSD;
    const int64_t channels = heads ? inner + 2 * int64_t(m.n_groups()) * state : inner;
    norm(layer + "mamba_norm");
    matrix(part + "gate", inner, dim, m.bias());
    matrix(part + "input", channels, dim, m.bias());
    if (heads)
      matrix(part + "dt", m.n_heads(), dim, m.bias());
    elements(part + "conv", channels, m.conv_width());
    if (m.conv_bias())
      vector(part + "conv.bias", channels);
    if (!heads)
      stepOfChannels(part, m);
    vector(part + "dt_bias", heads ? m.n_heads() : inner);
    elements(part + "a", heads ? 1 : inner, heads ? m.n_heads() : state);
    vector(part + "d", heads ? m.n_heads() : inner);
    if (m.gated_norm() != spec::Mamba::UNNORMED)
      vector(part + "norm", inner);
    matrix(part + "output", dim, inner, m.bias());
    if (model.norm().placement() == spec::Norm::BOTH)
      norm(layer + "mamba_post_norm");
  }
  /// Scale and bias of a norm.
  void vectors(const std::string &role, int64_t length, bool bias, int64_t parts = 1) {
    vector(role, length, parts);
    if (bias)
      vector(role + ".bias", length, parts);
  }
  void feedForward(const std::string &part, const spec::Mlp &mlp, int64_t hidden, int64_t experts = 1) {
    if (mlp.gated())
      matrix(part + ".gate", hidden, model.dim(), mlp.bias(), experts);
    matrix(part + ".up", hidden, model.dim(), mlp.bias(), experts);
    if (mlp.activation() == spec::XIELU)
      for (const char *side : {".activation.positive", ".activation.negative"})
        vector(part + side, 1);
    matrix(part + ".down", model.dim(), hidden, mlp.bias(), experts);
  }
  void router(const std::string &role, int64_t rows, bool bias) {
    matrix(role, rows, model.dim(), bias);
    shapes[shapes.size() - (bias ? 2 : 1)].exact = true;
  }
  void mixture(const std::string &part, const spec::Mlp &mlp) {
    const spec::Experts &experts = mlp.experts();
    router(part + ".router", experts.count(), experts.router_bias());
    if (experts.selection_bias())
      vector(part + ".router.selection_bias", experts.count());
    const size_t first = shapes.size();
    feedForward(part + ".experts", mlp, mlp.hidden(), experts.count());
    for (size_t i = first; i < shapes.size(); ++i)
      shapes[i].chosen = experts.per_token();
    if (!experts.has_shared())
      return;
    feedForward(part + ".shared", mlp, experts.shared().hidden());
    if (experts.shared().gated())
      router(part + ".shared.router", 1, false);
  }

private:
  /// Used element by element.
  void elements(const std::string &role, int64_t rows, int64_t columns) {
    shapes.push_back({role, rows, columns, /*exact=*/true, /*parts=*/1, /*f32=*/true});
  }
  void stepOfChannels(const std::string &part, const spec::Mamba &m) {
    const std::tuple<const char *, const char *, int64_t> parameters[] = {
        {"dt_in", "dt_norm", m.dt_rank()}, {"b", "b_norm", m.state_size()}, {"c", "c_norm", m.state_size()}};
    for (auto [role, norm, rows] : parameters)
      matrix(part + role, rows, m.inner(), false);
    if (m.parameter_norm() == spec::Mamba::WEIGHTED)
      for (auto [role, norm, rows] : parameters)
        vector(part + norm, rows);
    matrix(part + "dt", m.inner(), m.dt_rank(), false);
  }

  const spec::Model &model;
};
} // namespace

Format formatFor(const WeightShape &shape, Format wanted, Format otherwise) {
  auto fits = [&](Format format) { return !shape.exact && shape.columns % blockColumns(format) == 0; };
  if (fits(wanted))
    return wanted;
  for (auto [large, small] :
       {std::pair(Format::Q4_K, Format::Q5_0), {Format::Q5_K, Format::Q5_1}, {Format::Q6_K, Format::Q8_0}})
    if (wanted == large && fits(small))
      return small;
  return otherwise;
}

std::vector<WeightShape> weightShapes(const spec::Model &model) {
  const int64_t dim = model.dim();
  ShapeList list(model);
  const int64_t embeddingSize = model.embedding().size() ? model.embedding().size() : dim;
  list.matrix("token_embedding", model.vocab_size(), embeddingSize, false);
  if (model.embedding().learned_scale())
    list.vector("embedding_scale", 1);
  if (embeddingSize != dim)
    list.matrix("embedding_projection", dim, embeddingSize, false);
  if (model.positions().has_learned())
    list.matrix("position_embedding", model.positions().learned().rows(), dim, false);
  if (model.positions().has_sinusoidal())
    list.shapes.push_back({"position_embedding", int64_t(model.max_context()) + model.positions().sinusoidal().offset(),
                           dim, /*exact=*/true, /*parts=*/1, /*chosen=*/1, /*f32=*/true, /*made=*/true});
  if (model.embedding().norm())
    list.norm("embedding_norm");
  const bool after = model.norm().placement() == spec::Norm::BOTH;
  for (uint32_t i = 0; i < model.n_layers(); ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    const spec::Model here = layerOf(model, i);
    const spec::Mlp &mlp = here.mlp();
    if (here.has_mamba())
      list.mamba(layer, here.mamba());
    else
      list.attention(layer, here.attention());
    if (mlp.hidden() == 0)
      continue;
    if (!model.residual().shared_norm())
      list.norm(layer + "mlp_norm");
    if (mlp.has_experts())
      list.mixture(layer + "mlp", mlp);
    else
      list.feedForward(layer + "mlp", mlp, mlp.hidden());
    if (after)
      list.norm(layer + "mlp_post_norm");
  }
  if (!model.head().unnormed())
    list.norm("output_norm");
  if (embeddingSize != dim)
    list.matrix("head_projection", embeddingSize, dim, false);
  if (!model.head().tied())
    list.matrix("head", model.vocab_size(), embeddingSize, model.head().bias());
  else if (model.head().bias())
    list.vector("head.bias", model.vocab_size());
  if (model.head().learned_scale())
    list.vector("head_scale", 1);
  return std::move(list.shapes);
}

} // namespace lathe
