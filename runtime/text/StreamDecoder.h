//===- StreamDecoder.h - text as tokens arrive ----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_STREAMDECODER_H
#define LATHE_RUNTIME_TEXT_STREAMDECODER_H

#include "runtime/text/Tokenizer.h"
#include <string>

namespace lathe {

/// Turns tokens into text one at a time and never hands out half a UTF-8 character: what could still become one waits,
/// at most three bytes. All that push() and finish() return, put together, is valid UTF-8 and equals
/// toValidUtf8(tokenizer.decode(ids)). Keeps a reference to the tokenizer. One thread at a time.
class StreamDecoder {
public:
  /// For an answer that continues a prompt pass `start = false`: its first space is text.
  explicit StreamDecoder(const Tokenizer &tokenizer, DecodeOptions options = {})
      : tokenizer(tokenizer), options(options) {}

  /// The text that this token completes; may be empty.
  std::string push(int32_t id);
  /// What still waits when no token will follow: U+FFFD for a character cut short, else nothing but a space that
  /// DecodeOptions::end keeps. Ready for a new text.
  std::string finish();

private:
  const Tokenizer &tokenizer;
  DecodeOptions options;
  bool started = false; ///< some text has come
  std::string waiting;
};

} // namespace lathe

#endif
