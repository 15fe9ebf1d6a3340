//===- Import.h - from a spec to ops ------------------------------------------------------------------*- C++ -*-===//
//
// The import stage: a validated Model becomes a module of the lathe dialect, which declares the model's weights and
// rotation and has one function for each kind of step:
//
//   func.func @decode (%ids, %positions, %slots, %logit_rows: tensor<?xi32>) -> tensor<?xVOCABULARYxf32>
//   func.func @prefill(the same)
//
// Each op's location is a name, "layers.3.attention.query": the role of its weight, or what it makes
// ("layers.3.mlp.sum").
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_IMPORT_H
#define LATHE_COMPILER_IMPORT_IMPORT_H

#include "compiler/spec/Input.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace lathe {

/// The module of `model`, which spec's validate() has passed, verified. Weights are declared in the formats that
/// `formats` has them in; when it is null, matrices in the spec's weight_format (f32 when that is unspecified or its
/// blocks do not divide the columns) and vectors in f32. The error of a model that the dialect cannot express is one
/// line that names the field.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> importModel(mlir::MLIRContext &context, const spec::Model &model,
                                                              const WeightSource *formats = nullptr);

} // namespace lathe

#endif
