//===- DerivedWeights.h - weights that are made, not read ---------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_DERIVEDWEIGHTS_H
#define LATHE_COMPILER_SPEC_DERIVEDWEIGHTS_H

#include "compiler/spec/QuantizationLog.h"
#include "compiler/spec/Weights.h"
#include "models/model.pb.h"
#include <optional>

namespace lathe {

/// Nothing for UNSPECIFIED.
std::optional<Format> formatOf(spec::WeightFormat format);
/// Nothing for a format that Lathe does not make.
std::optional<spec::WeightFormat> protoFormat(Format format);

/// The weights of `inner` with each in what formatFor says of `format`, or as it is, converted row by row as it is
/// read. `log` gets what that costs, once every row has been read.
std::unique_ptr<WeightSource> quantizedWeights(std::unique_ptr<WeightSource> inner, const spec::Model &model,
                                               Format format, std::shared_ptr<QuantizationLog> log);

/// The weights of `inner` and those that follow from the spec (WeightShape::made): a table of sines, of positions.
std::unique_ptr<WeightSource> completedWeights(std::unique_ptr<WeightSource> inner, const spec::Model &model);

/// Weights for a model without a checkpoint: near-normal numbers, of deviation 1/sqrt(columns) in matrices, so that a
/// product is as large as its input, and less by sqrt(2 * n_layers) where a branch ends (GPT-2, section 2.3), so that
/// activations stay sane however wide and deep the model is; around 0 by 0.1 in biases, around 1 in norms and scales
/// and -1 in decays, so that a wrong one shows. Each is in what formatFor says of `format`, or in f32. A weight's
/// numbers depend on its role, row and column and on the number of layers only, and are the same on every machine.
std::unique_ptr<WeightSource> randomWeights(const spec::Model &model, Format format);

} // namespace lathe

#endif
