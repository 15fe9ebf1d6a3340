//===- Layers.h - what each layer of a model is ---------------------------------------------------------*- C++ -*-===//
//
// A spec describes one layer and, in its variants, how some layers differ from it. Whoever reads a field that a variant
// may set asks for the layer first.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_LAYERS_H
#define LATHE_COMPILER_SPEC_LAYERS_H

#include "models/model.pb.h"
#include <string>
#include <vector>

namespace lathe {

/// The variants that choose the layer, in the order in which they apply.
std::vector<const spec::Variant *> variantsOf(const spec::Model &model, uint32_t layer);

/// The model as if all its layers were like this one: variants applied, none left.
spec::Model layerOf(const spec::Model &model, uint32_t layer);

/// Name of the variant that gives the layer its positions; empty: they are the model's.
std::string positionsVariant(const spec::Model &model, uint32_t layer);

} // namespace lathe

#endif
