//===- StepBuilder.h - the ops of one forward pass ----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_IMPORT_STEPBUILDER_H
#define LATHE_COMPILER_IMPORT_STEPBUILDER_H

#include "compiler/dialect/Lathe.h"
#include "models/model.pb.h"

namespace lathe {

/// Name of the rotation of a layer whose positions come from that variant; "": from the model itself.
std::string rotationName(const std::string &variant);

/// Writes the model's forward pass, op after op, where `b` stands. A method for each part of the model; each takes the
/// residual stream or a part's input, rows of `dim` columns, and gives its result.
class StepBuilder {
public:
  struct Inputs {
    mlir::Value ids, positions, slots, logitRows; ///< tensor<?xi32>
    mlir::Value lengths;                          ///< of the rows' sequences; null where no rotation depends on them
  };

  StepBuilder(mlir::OpBuilder &b, const spec::Model &model, Inputs inputs) : b(b), model(model), inputs(inputs) {}

  /// Logits of the wanted rows.
  mlir::Value build();

private:
  mlir::Value embedding();
  mlir::Value layer(mlir::Value x, uint32_t index);
  mlir::Value attention(mlir::Value x, const spec::Model &layer, uint32_t index, const std::string &name);
  mlir::Value mamba(mlir::Value x, const spec::Mamba &mamba, const std::string &name);
  mlir::Value mlp(mlir::Value x, const spec::Mlp &mlp, const std::string &layer);
  mlir::Value mixture(mlir::Value x, const spec::Mlp &mlp, const std::string &name);
  mlir::Value head(mlir::Value x);

  /// x, normed where the spec places norms before (after) a branch.
  mlir::Value before(mlir::Value x, const std::string &role);
  mlir::Value after(mlir::Value branch, const std::string &name);
  struct NormForm {
    spec::Norm::Kind kind;
    double eps;
    bool weighted, bias = false, unitOffset = false;
    int64_t group = 0; ///< columns that are normed by themselves; 0: the row
  };
  mlir::Value norm(mlir::Value x, const std::string &role);
  mlir::Value norm(mlir::Value x, const std::string &role, const NormForm &form);
  /// A query or key of the layer on its way from its projection to attention.
  mlir::Value prepare(mlir::Value x, const spec::Model &layer, uint32_t index, const std::string &name);
  mlir::Value clip(mlir::Value x, double limit, const std::string &name);
  /// x * factor, and times the vector of `role` if it is learned.
  mlir::Value scale(mlir::Value x, double factor, bool learned, const std::string &role);
  mlir::DenseF64ArrayAttr slopes(const spec::Model &layer) const;
  /// x * role^T, + role.bias. With experts, `rows` is an expert's.
  struct Chosen {
    mlir::Value choices = {};
    int64_t experts = 1;
  };
  mlir::Value linear(mlir::Value x, const std::string &role, int64_t rows, bool bias) {
    return linear(x, role, rows, bias, Chosen());
  }
  mlir::Value linear(mlir::Value x, const std::string &role, int64_t rows, bool bias, Chosen chosen);
  /// Gate, up and down of `part`, "layers.3.mlp.shared".
  mlir::Value feedForward(mlir::Value x, const spec::Mlp &mlp, int64_t hidden, const std::string &part, Chosen chosen);
  mlir::Value rotate(mlir::Value x, const spec::Model &layer, uint32_t index, const std::string &name);
  /// residual + scale * branch.
  mlir::Value add(mlir::Value residual, mlir::Value branch, const std::string &name);

  /// x, marked as what layer `index` reads (for the number of layers: what the head reads).
  mlir::Value hidden(mlir::Value x, int64_t index) const;

  mlir::Location at(const std::string &name) const;
  mlir::FlatSymbolRefAttr symbol(const std::string &role) const;
  mlir::Type rows(int64_t width) const { return ir::rowsType(b.getContext(), width); }

  mlir::OpBuilder &b;
  const spec::Model &model;
  const Inputs inputs;
  int64_t cachedLayers = 0, recurrentLayers = 0; ///< so far: they count the layers of cache and state
};

} // namespace lathe

#endif
