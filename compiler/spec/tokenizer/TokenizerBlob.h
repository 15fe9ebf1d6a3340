//===- TokenizerBlob.h - from a checkpoint's vocabulary to the bundle's tokenizer blob ------------------*- C++ -*-===//
//
// Readers of GGUF (and later tokenizer.json, tokenizer.bin) fill a TokenizerSource: the vocabulary as the file states
// it, in neutral form. buildTokenizerBlob checks it, resolves names (pre-tokeniser, chat template) to data, builds the
// hash tables that encoding needs, and lays everything out as runtime/abi/tokenizer_abi.h says. Equal sources give
// equal bytes.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERBLOB_H
#define LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERBLOB_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct TokenizerSource {
  std::string file;  ///< where it came from, for messages
  std::string model; ///< "gpt2": byte-level BPE by merges; "llama": SentencePiece BPE by scores (GGUF's names)
  std::string pre;   ///< byte-level BPE: name of the pre-tokeniser, "smollm"; "" is "default"

  /// Token texts by id, as the file spells them: byte-level alphabet ("Ġthe") for gpt2, "▁the" and "<0x0A>" for llama.
  std::vector<std::string> tokens;
  std::vector<float> scores;       ///< one a token, or empty
  std::vector<int32_t> types;      ///< one a token (lathe_token_type, which is GGUF's numbering), or empty: all normal
  std::vector<std::string> merges; ///< "left right", best first

  std::optional<int32_t> bos, eos, unk, pad;
  std::vector<int32_t> stops; ///< ids that end a turn besides eos (eot, eom, …)
  /// Unset: what the model kind and the pre-tokeniser imply.
  std::optional<bool> addBos, addEos, addSpacePrefix;

  std::string chatTemplate; ///< the checkpoint's Jinja text; "": none
};

/// Metadata by key, whatever reader holds it. Each returns nothing when the key is absent or of another type.
class TokenizerMetadata {
public:
  virtual ~TokenizerMetadata() = default;
  virtual std::optional<std::string> string(llvm::StringRef key) const = 0;
  virtual std::optional<bool> boolean(llvm::StringRef key) const = 0;
  virtual std::optional<int64_t> integer(llvm::StringRef key) const = 0;
  virtual std::optional<std::vector<std::string>> strings(llvm::StringRef key) const = 0;
  virtual std::optional<std::vector<float>> floats(llvm::StringRef key) const = 0;
  virtual std::optional<std::vector<int32_t>> integers(llvm::StringRef key) const = 0;
};

/// Fills a source from GGUF's `tokenizer.*` keys. Fails when `tokenizer.ggml.model` or `tokenizer.ggml.tokens` is
/// absent (ask `metadata.string("tokenizer.ggml.model")` first where a file may lack a tokenizer); `file` is for
/// messages.
llvm::Expected<TokenizerSource> tokenizerFromGguf(const TokenizerMetadata &metadata, llvm::StringRef file);

/// The blob: tokenizer_abi.h's bytes, to be placed 16-aligned. Errors name the file and the entry.
llvm::Expected<std::string> buildTokenizerBlob(const TokenizerSource &source);

} // namespace lathe

#endif
