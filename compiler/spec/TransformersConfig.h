//===- TransformersConfig.h - config.json as transformers reads it ------------------------------------*- C++ -*-===//
//
// What a class of transformers makes of config.json (Readers.h), before a family binds anything:
//
//   * keys of the class, under the class's names, with its defaults; no others;
//   * the language model's part of a larger model, as if it stood alone: text_config, or the keys beside it;
//   * one object for a rotation. rope_scaling counts before rope_parameters; rope_theta and partial_rotary_factor beside them
//     are put in; original_max_position_embeddings is there for the kinds that need it. Where kinds of layers rotate each
//     in a way of their own, rope_parameters has an object for each kind.
//
// Source: transformers 5.24, configuration_utils.py (PreTrainedConfig), modeling_rope_utils.py (RotaryEmbeddingConfigMixin).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TRANSFORMERSCONFIG_H
#define LATHE_COMPILER_SPEC_TRANSFORMERSCONFIG_H

#include "compiler/spec/Checkpoint.h"

namespace lathe {

/// Completes the configuration, and sets its defaults; does nothing for an architecture that no class is known of. Errors name
/// the file and the key.
llvm::Error completeTransformers(Checkpoint &checkpoint);

} // namespace lathe

#endif
