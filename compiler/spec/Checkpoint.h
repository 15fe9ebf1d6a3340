//===- Checkpoint.h - a checkpoint file as its format has it ------------------------------------------*- C++ -*-===//
//
// What the readers of GGUF, Hugging Face folders and llama2.c files have in common: a configuration of keys and values,
// and named tensors mapped from disk. Nothing here knows an architecture; Binding.h gives keys and tensors their
// meaning.
//
// Readers treat their input as hostile: every length, count and offset is checked against the file before it is used,
// and nothing is allocated in proportion to a number that the file merely claims.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_CHECKPOINT_H
#define LATHE_COMPILER_SPEC_CHECKPOINT_H

#include "compiler/spec/Weights.h"
#include "compiler/support/File.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace lathe {

struct TokenizerSource;

/// One tensor, its bytes checked to lie within the file.
struct Tensor {
  std::string name;
  /// Nothing for a format that Lathe does not read; `data` is then null, unless it is U8.
  std::optional<Format> format;
  /// The file's own name of the format: "Q6_K", "F16", "I64".
  std::string formatName;
  /// Outermost first: a linear layer is [out, in]. Every dimension >= 1; at most 2^40 elements.
  std::vector<int64_t> shape;
  const uint8_t *data = nullptr;
  /// Not null: an MXFP4 of two tensors, as transformers has it: `data` is the codes, this a byte for each 32 columns.
  const uint8_t *scales = nullptr;
};

struct Checkpoint {
  enum class Style { HuggingFace, Gguf, Llama2c, Meta };

  std::string file; ///< as messages name it
  Style style = Style::Gguf;
  std::string architecture; ///< what the file calls its own
  std::string name;         ///< of the model, "" when the file does not say
  /// A JSON object. GGUF: flat ("llama.block_count"), without the tokenizer's tables. Absent (null)
  /// when the checkpoint is bare tensors.
  nlohmann::json config;
  /// What each key of `config` is where a file does not say it (Readers.h); null: not known.
  nlohmann::json defaults;
  /// The file's own words for keys of a completed `config`, where they are others: "rope_parameters" -> "rope_scaling".
  std::map<std::string, std::string> written;
  std::vector<Tensor> tensors;
  llvm::StringMap<size_t> tensorIndex;
  std::vector<std::shared_ptr<const InputFile>> files; ///< that the tensors' data lies in
  uint64_t fingerprint = 0;                            ///< of the files' identities and headers
  std::shared_ptr<TokenizerSource> tokenizer;          ///< null: none

  const Tensor *find(llvm::StringRef name) const {
    auto found = tensorIndex.find(name);
    return found == tensorIndex.end() ? nullptr : &tensors[found->second];
  }
  /// Fails when a tensor of that name is there already.
  llvm::Error add(Tensor tensor);
};

/// Any of the kinds below, told apart by what lies at `path` (FileKind.h). A folder or file that an adapter lies in is
/// refused: its weights would change the model's.
llvm::Expected<Checkpoint> readCheckpoint(llvm::StringRef path);

/// GGUF version 2 or 3 (github.com/ggml-org/ggml/blob/master/docs/gguf.md).
llvm::Expected<Checkpoint> readGguf(llvm::StringRef path);
/// A folder with config.json and model.safetensors, or the shards that model.safetensors.index.json names.
llvm::Expected<Checkpoint> readHuggingFace(llvm::StringRef folder);
/// A folder with params.json, as Meta's Llama has it, and its tensors under their own names as .safetensors.
llvm::Expected<Checkpoint> readMeta(llvm::StringRef folder);
/// A .safetensors file, with the config.json beside it when there is one.
llvm::Expected<Checkpoint> readSafetensorsFile(llvm::StringRef path);
/// A version 0 checkpoint of karpathy/llama2.c: Config of seven ints, then f32 tensors.
llvm::Expected<Checkpoint> readLlama2c(llvm::StringRef path);
/// Whether a file begins with seven numbers that can be a llama2.c Config.
bool isLlama2c(llvm::ArrayRef<uint8_t> bytes);

/// Elements of a shape; nothing when a dimension is below 1 or they are more than 2^40.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);
/// Bytes of a tensor of that shape (innermost dimension in whole blocks), or nothing when its rows are not whole
/// blocks.
std::optional<int64_t> countBytes(Format format, llvm::ArrayRef<int64_t> shape);

} // namespace lathe

#endif
