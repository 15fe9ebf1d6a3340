//===- Binding.h - from a checkpoint's own words to the spec ------------------------------------------*- C++ -*-===//
//
// Applies a family's Style (models/model.proto) to a checkpoint: its configuration becomes a Model by protobuf
// reflection, its tensors become weights by role. Knows no architecture.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_BINDING_H
#define LATHE_COMPILER_SPEC_BINDING_H

#include "compiler/spec/Checkpoint.h"
#include "models/model.pb.h"

namespace lathe {

/// Whether every field path, role and value of a style makes sense, without any checkpoint. Paths may name the variants
/// that the family's defaults have.
llvm::Error checkStyle(const spec::Style &style, const spec::Model &defaults, llvm::StringRef file);

/// Sets the fields of `model` that the style binds; from bare tensors without a configuration, only the style's
/// constants. Errors name the file, the key and what would be valid; a key that would change numbers and is not followed is
/// one.
llvm::Error bindConfig(const spec::Style &style, const Checkpoint &checkpoint, spec::Model &model);

/// The weights of `model` (validated) in the checkpoint, which describes itself as `stored`: where a layer's rotary
/// pairing is another there, rows of queries and keys are read in the model's order. A tensor that is missing, has the
/// wrong shape or is left over is an error that names it and its role.
llvm::Expected<std::unique_ptr<WeightSource>> bindWeights(const spec::Style &style, Checkpoint checkpoint,
                                                          const spec::Model &model, const spec::Model &stored);

} // namespace lathe

#endif
