//===- Readers.h - what a format's own program reads --------------------------------------------------*- C++ -*-===//
//
// A checkpoint means what the program that it was written for makes of it: transformers of a config.json, llama.cpp of a
// GGUF, Meta's own code of a params.json. For each architecture, models/readers/*.json say which keys that program reads and what it takes where one is
// absent. A configuration is completed by them before anything is bound: a key that the program does not read is dropped, an
// absent one has the program's default. So a family says nothing of either.
//
//   {"source": "who says so",
//    "architectures": {
//      "llama": {
//        "keys": {"hidden_size": 4096, ...},       null: nothing where it is absent
//        "required": ["block_count"],              an error where it is absent
//        "closed": true,                           the program refuses other keys
//        "by_layer": ["attention.head_count"],     may be an array, of a number for each layer
//        "aliases": {"hidden_size": "n_embd"},     other names of keys
//        "forced": {"partial_rotary_factor": 0.5}, whatever the file says
//        "rotation": "one" | "by_layer",           what rope_scaling and rope_parameters come to (TransformersConfig.h)
//        "rotation_keys": {"rope_theta": "rotary_emb_base"},  the class's words for what lies beside a rotation
//        "text": "gemma3_text",                    the class of text_config, unless "text_by_type" and that names its own
//    }}}
//
// Keys of a GGUF are without "{arch}.".
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_READERS_H
#define LATHE_COMPILER_SPEC_READERS_H

#include "compiler/spec/Checkpoint.h"

namespace lathe {

/// The entry of an architecture, with every member there; null: nothing is known of it.
const nlohmann::json *findReader(Checkpoint::Style style, llvm::StringRef architecture);

/// Completes the configuration of a GGUF, or of a folder of Meta's, and sets its defaults. Errors name the file and the key.
llvm::Error completeKeys(Checkpoint &checkpoint);

} // namespace lathe

#endif
