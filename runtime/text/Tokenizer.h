//===- Tokenizer.h - text to token ids and back ---------------------------------------------------------*- C++ -*-===//
//
//   auto tokenizer = lathe::Tokenizer::fromBlob(blob.data(), blob.size());
//   auto ids = (*tokenizer)->encode("Hello", {.addSpecial = true});
//   auto prompt = (*tokenizer)->encodeChat({{{"user", "Hello"}}});       // the model's own chat format
//   lathe::StreamDecoder stream(**tokenizer);                            // text as tokens arrive: StreamDecoder.h
//
// The tokenizer is data: everything about a model's vocabulary, pre-tokeniser and chat format is in the blob that the
// compiler made (runtime/abi/tokenizer_abi.h).
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZER_H
#define LATHE_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/core/Result.h"
#include "runtime/text/Chat.h"
#include "runtime/text/Specials.h"
#include "runtime/text/TextSteps.h"
#include "runtime/text/TokenizerView.h"
#include "runtime/text/Unigram.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct EncodeOptions {
  /// Adds the tokens that the model wants at the start and end of a text (bos, eos).
  bool addSpecial = true;
  /// Control tokens spelled in the text ("<|im_end|>") become those tokens. Leave it off for text from outside. Tokens
  /// that the vocabulary calls user-defined are matched always: for it they are plain text.
  bool parseSpecial = false;
};

struct DecodeOptions {
  /// Control tokens appear as they are spelled; else they have no text.
  bool special = false;
  /// The ids begin a text: a space that the tokenizer put before the first word is dropped.
  bool start = true;
  /// They end it: so is one that the tokenizer put behind the last word.
  bool end = true;
};

/// Immutable and safe to use from several threads at once. Refers to the blob, which must outlive it.
class Tokenizer {
public:
  /// Checks the blob (tokenizer_abi.h; 8-aligned) and compiles its patterns.
  static Result<std::unique_ptr<Tokenizer>> fromBlob(const void *blob, size_t bytes);

  /// Token ids of `text`, any bytes, below 2 GB.
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const;

  /// The bytes that a token stands for, a control token's spelling included; empty for an id that is no token. May be a
  /// part of a character: for text to show use decode or StreamDecoder.
  std::string_view piece(int32_t id) const;
  /// The bytes of all tokens, ids outside the vocabulary skipped. Exactly the bytes that were encoded, if they were.
  std::string decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  /// The conversation as text in the model's format, as its own template would render it, bos included. `open` adds
  /// what opens the assistant's answer. Fails if the bundle has no chat format, or for a role or order that it cannot
  /// render.
  Result<std::string> renderChat(std::span<const ChatMessage> messages, bool open = true) const;
  /// The same as token ids. Only the template's own text makes control tokens: what a message says never does, even if
  /// it spells one.
  Result<std::vector<int32_t>> encodeChat(std::span<const ChatMessage> messages, bool open = true) const;
  bool hasChat() const { return view.chat; }
  /// Name of the chat format's data file in models/chat: "chatml"; empty without one.
  std::string_view chatName() const { return view.chat ? view.text(view.chat->name) : std::string_view(); }

  int32_t size() const { return view.header().n_tokens; }
  /// Whether a space at the end of a text is none of its own.
  bool dropsEndSpace() const { return view.has(LATHE_TOKENIZER_STRIP_END_SPACE); }
  /// Ids, or -1 where the model has none.
  int32_t bos() const { return view.header().bos; }
  int32_t eos() const { return view.header().eos; }
  int32_t unk() const { return view.header().unk; }
  int32_t pad() const { return view.header().pad; }
  /// The tokens that EncodeOptions::addSpecial adds before and after a text.
  std::span<const uint32_t> opening() const { return view.opening; }
  std::span<const uint32_t> closing() const { return view.closing; }
  /// Whether a token ends the model's answer, and all that do.
  bool isStop(int32_t id) const;
  std::span<const uint32_t> stops() const { return view.stops; }
  bool isControl(int32_t id) const;
  /// "bpe", "spm" or "unigram".
  std::string_view kind() const;

private:
  /// [begin, end) of the text in which no control token may be matched.
  struct Literal {
    size_t begin, end;
  };
  struct Encoder;

  Tokenizer(const TokenizerView &view, TextSteps normalizers, TextSteps splits)
      : view(view), normalizers(std::move(normalizers)), splits(std::move(splits)) {}
  Result<void> collectSpecials();
  Result<std::string> normalized(std::string_view text) const;

  TokenizerView view;
  TextSteps normalizers, splits;
  Specials specials;           ///< matched in the text as it is
  Specials normalizedSpecials; ///< matched once it is normalized
  std::optional<UnigramTable> unigram;
};

} // namespace lathe

#endif
