//===- TokenizerBlob.h - from a checkpoint's vocabulary to the bundle's tokenizer blob ------------------*- C++ -*-===//
//
// The readers of GGUF, tokenizer.json, SentencePiece's .model and llama2.c's tokenizer.bin fill a TokenizerSource: the
// vocabulary as the file states it, in neutral form. buildTokenizerBlob checks it, resolves names (pre-tokeniser, chat
// template) to data, builds the hash tables that encoding needs, and lays everything out as runtime/abi/tokenizer_abi.h
// says. Equal sources give equal bytes.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERBLOB_H
#define LATHE_COMPILER_SPEC_TOKENIZER_TOKENIZERBLOB_H

#include "runtime/abi/tokenizer_abi.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// A step of runtime/abi/tokenizer_abi.h (lathe_step) whose texts are still strings.
struct TextStep {
  lathe_step_kind kind;
  uint32_t flags = 0;
  std::string pattern = "", text = "";
};

struct TokenizerSource {
  std::string file; ///< where it came from, for messages
  /// "gpt2": byte-level BPE by merges; "llama": SentencePiece BPE by scores; "unigram" (GGUF's "t5"): the likeliest
  /// tokens by scores; "bpe": BPE by merges over characters.
  std::string model;

  /// Token texts by id, as the file spells them: byte-level alphabet ("Ġthe") for gpt2, "▁the" and "<0x0A>" for the
  /// others.
  std::vector<std::string> tokens;
  std::vector<double> scores;       ///< one a token, or empty
  std::vector<int32_t> types;       ///< one a token (lathe_token_type, GGUF's numbering), or empty: all normal
  std::vector<uint8_t> attributes;  ///< one a token (lathe_token_attribute), or empty: none
  std::vector<std::string> decoded; ///< what each token stands for in text; empty: what the model implies
  /// One a token, or empty: it stands beside the model's own vocabulary, in texts only where it is matched.
  std::vector<bool> apart;
  struct Merge {
    std::string left, right;
  };
  std::vector<Merge> merges; ///< best first

  std::string innerPrefix, endSuffix; ///< bpe: how keys mark a character inside a piece ("##e"), and the last ("e</w>")

  std::optional<int32_t> bos, eos, unk, pad;
  std::vector<int32_t> stops; ///< ids that end a turn besides eos (eot, eom, …)
  /// What the model wants before and after a text.
  std::vector<int32_t> opening, closing;

  std::vector<TextStep> normalizers, splits;
  bool ignoreMerges = false;      ///< gpt2, bpe: a piece that is a token stays whole
  bool byteFallback = false;      ///< bpe, unigram: "<0x0A>" tokens write characters that the vocabulary lacks
  bool fuseUnknown = false;       ///< neighbouring characters that cannot be written are one unk
  bool dropUnknown = false;       ///< characters that cannot be written are left out, whether there is an unk or not
  bool mergeOverUnknown = false;  ///< gpt2, bpe: what is left out is so before merging
  bool normalizedKeys = false;    ///< special tokens are spelled as the normalizers leave them
  bool scoresUserDefined = false; ///< unigram: user-defined tokens are found by their scores, not cut out of the text
  bool singleSums = false;        ///< unigram: scores are summed as f32
  bool stripSpace = false;        ///< decoding drops one space at the start
  bool stripEndSpace = false;     ///< and one at the end

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

/// The steps of BPE's pre-tokeniser by its name in GGUF ("" is "default") into `source`, and whether its models want a
/// bos.
llvm::Expected<bool> addPreTokenizer(TokenizerSource &source, llvm::StringRef name);
/// "left right", as GGUF and older tokenizer.json have merges; nothing if it is not two spellings.
std::optional<TokenizerSource::Merge> splitMerge(llvm::StringRef merge);

/// The blob: tokenizer_abi.h's bytes, to be placed 16-aligned. Errors name the file and the entry.
llvm::Expected<std::string> buildTokenizerBlob(const TokenizerSource &source);

} // namespace lathe

#endif
