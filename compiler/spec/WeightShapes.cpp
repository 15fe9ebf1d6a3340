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
  void vector(const std::string &role, int64_t length, int64_t experts = 1) {
    shapes.push_back({role, 1, length, /*exact=*/true, experts});
  }
  void norm(const std::string &role) {
    if (!model.norm().unweighted())
      vectors(role, model.dim());
  }
  /// Scale, and bias where norms have one.
  void vectors(const std::string &role, int64_t length) {
    vector(role, length);
    if (model.norm().bias())
      vector(role + ".bias", length);
  }
  void feedForward(const std::string &part, const spec::Mlp &mlp, int64_t hidden, int64_t experts = 1) {
    if (mlp.gated())
      matrix(part + ".gate", hidden, model.dim(), mlp.bias(), experts);
    matrix(part + ".up", hidden, model.dim(), mlp.bias(), experts);
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
    feedForward(part + ".experts", mlp, mlp.hidden(), experts.count());
    if (!experts.has_shared())
      return;
    feedForward(part + ".shared", mlp, experts.shared().hidden());
    if (experts.shared().gated())
      router(part + ".shared.router", 1, false);
  }

private:
  const spec::Model &model;
};
} // namespace

bool takesFormat(const WeightShape &shape, Format format) {
  return !shape.exact && shape.columns % blockColumns(format) == 0;
}

std::vector<WeightShape> weightShapes(const spec::Model &model) {
  const int64_t dim = model.dim();
  ShapeList list(model);
  list.matrix("token_embedding", model.vocab_size(), dim, false);
  if (model.positions().has_learned())
    list.matrix("position_embedding", model.positions().learned().rows(), dim, false);
  if (model.embedding().norm())
    list.norm("embedding_norm");
  const bool after = model.norm().placement() == spec::Norm::BOTH;
  for (uint32_t i = 0; i < model.n_layers(); ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    const spec::Model here = layerOf(model, i);
    const spec::Attention &attention = here.attention();
    const spec::Mlp &mlp = here.mlp();
    const int64_t queryRows = int64_t(attention.n_heads()) * attention.head_size();
    const int64_t keyRows = int64_t(attention.n_kv_heads()) * attention.head_size();
    list.norm(layer + "attention_norm");
    list.matrix(layer + "attention.query", queryRows, dim, attention.qkv_bias());
    list.matrix(layer + "attention.key", keyRows, dim, attention.qkv_bias());
    list.matrix(layer + "attention.value", keyRows, dim, attention.qkv_bias());
    if (attention.qk_norm() != spec::Attention::NO_QK_NORM) {
      const bool head = attention.qk_norm() == spec::Attention::HEAD;
      list.vectors(layer + "attention.query_norm", head ? attention.head_size() : queryRows);
      list.vectors(layer + "attention.key_norm", head ? attention.head_size() : keyRows);
    }
    list.matrix(layer + "attention.output", dim, queryRows, attention.output_bias());
    if (after)
      list.norm(layer + "attention_post_norm");
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
  if (!model.head().tied())
    list.matrix("head", model.vocab_size(), dim, model.head().bias());
  else if (model.head().bias())
    list.vector("head.bias", model.vocab_size());
  return std::move(list.shapes);
}

} // namespace lathe
