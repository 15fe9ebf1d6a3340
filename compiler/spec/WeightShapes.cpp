#include "compiler/spec/Input.h"
#include "compiler/spec/Layers.h"

namespace lathe {

namespace {
class ShapeList {
public:
  explicit ShapeList(const spec::Model &model) : model(model) {}
  std::vector<WeightShape> shapes;

  void matrix(const std::string &role, int64_t rows, int64_t columns, bool bias) {
    shapes.push_back({role, rows, columns});
    if (bias)
      shapes.push_back({role + ".bias", 1, rows});
  }
  void norm(const std::string &role) {
    if (!model.norm().unweighted())
      vectors(role, model.dim());
  }
  /// Scale, and bias where norms have one.
  void vectors(const std::string &role, int64_t length) {
    shapes.push_back({role, 1, length});
    if (model.norm().bias())
      shapes.push_back({role + ".bias", 1, length});
  }

private:
  const spec::Model &model;
};
} // namespace

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
    if (mlp.gated())
      list.matrix(layer + "mlp.gate", mlp.hidden(), dim, mlp.bias());
    list.matrix(layer + "mlp.up", mlp.hidden(), dim, mlp.bias());
    list.matrix(layer + "mlp.down", dim, mlp.hidden(), mlp.bias());
    if (after)
      list.norm(layer + "mlp_post_norm");
  }
  if (!model.head().unnormed())
    list.norm("output_norm");
  if (!model.head().tied())
    list.matrix("head", model.vocab_size(), dim, model.head().bias());
  else if (model.head().bias())
    list.shapes.push_back({"head.bias", 1, model.vocab_size()});
  return std::move(list.shapes);
}

} // namespace lathe
