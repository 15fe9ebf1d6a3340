//===- Input.h - what a user names on the command line, read ------------------------------------------*- C++ -*-===//
//
// The spec stage: a textproto, a Hugging Face folder, a folder of Meta's, a GGUF or a llama2.c .bin becomes a validated
// Model and, when there is a checkpoint, its weights by role and its tokenizer. Architectures are data:
// models/families/*.textproto.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_INPUT_H
#define LATHE_COMPILER_SPEC_INPUT_H

#include "compiler/spec/Weights.h"
#include "models/model.pb.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <optional>
#include <string>

namespace lathe {

class QuantizationLog; // compiler/spec/QuantizationLog.h

struct TokenizerSource; // compiler/spec/tokenizer/TokenizerBlob.h

struct InputOptions {
  std::string weightsPath = ""; ///< --weights: a checkpoint for a spec textproto
  bool randomWeights = false;   ///< --random-weights
  uint32_t maxContext = 0;      ///< --max-context: positions; 0 keeps the model's
  std::string quantize = "";    ///< --quantize: format name for matrices, "" keeps the checkpoint's
};

/// A model ready to compile.
struct Input {
  spec::Model model;
  /// Null when there is a spec only.
  std::unique_ptr<WeightSource> weights;
  /// What quantising costs; null when nothing is converted.
  std::shared_ptr<QuantizationLog> quantization;
  /// Null when the checkpoint carries none.
  std::shared_ptr<TokenizerSource> tokenizer;
};

/// Reads and validates `path`. Errors name the file, the field path or tensor, and what would be valid.
llvm::Expected<Input> readInput(llvm::StringRef path, const InputOptions &options = {});

/// Checks every field and how they go together:
/// "models/foo.textproto: attention.n_kv_heads = 3 does not divide attention.n_heads = 8". Fills the documented
/// defaults in (head_size, n_kv_heads, scales), so that later stages read concrete values only.
llvm::Error validate(spec::Model &model, llvm::StringRef file);

/// The spec as canonical textproto: what --emit=spec prints and the bundle carries.
std::string printSpec(const spec::Model &model);

/// Roles and shapes of all weights that `model` needs, in model order: the one list that import, the random generator,
/// the checkpoint readers and inspect share.
struct WeightShape {
  std::string role;
  int64_t rows, columns; ///< vectors: rows = 1
  /// Its numbers keep the format that they come in: vectors, and routers, whose small errors would be other choices.
  bool exact = false;
  /// Equal parts, an expert's or a head's each, whose rows (a vector's elements) follow one another.
  int64_t parts = 1;
  int64_t chosen = 1; ///< parts of those that a token meets, where they are experts
  /// Handed out in f32 whatever it comes in: it is no matrix of a product (a convolution, decays).
  bool f32 = false;
  /// No checkpoint has it: it follows from the spec (completedWeights).
  bool made = false;
};
/// What a weight is stored as when `wanted` is asked for: that, or where 256 columns do not divide a row the next finer
/// format of 32 (q4_k: q5_0, q5_k: q5_1, q6_k: q8_0, as llama.cpp has it); `otherwise` where neither fits, and always
/// when it is exact.
Format formatFor(const WeightShape &shape, Format wanted, Format otherwise);
std::vector<WeightShape> weightShapes(const spec::Model &model);

} // namespace lathe

#endif
