//===- StreamDecoder.cpp - text as tokens arrive ------------------------------------------------------------------===//
#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Utf8.h"
#include <algorithm>

namespace lathe {

std::string StreamDecoder::push(int32_t id) {
  DecodeOptions step = options;
  step.start = options.start && !started;
  step.end = false;
  waiting += tokenizer.decode(std::span(&id, 1), step);
  // Behind a control token that is not shown the text still starts.
  if ((options.special || !tokenizer.isControl(id)) && !tokenizer.piece(id).empty())
    started = true;

  // Only the last three bytes can belong to a character that is not complete yet.
  size_t ready = waiting.size();
  for (size_t back = 1; back <= std::min<size_t>(3, waiting.size()); back++) {
    size_t position = waiting.size() - back;
    if ((waiting[position] & 0xc0) == 0x80)
      continue; // a continuation byte: its character began before
    if (utf8Front(std::string_view(waiting).substr(position)).kind == Utf8Front::Incomplete)
      ready = position;
    break;
  }
  if (tokenizer.dropsEndSpace() && waiting.ends_with(' '))
    ready = waiting.size() - 1;
  std::string out = toValidUtf8(std::string_view(waiting).substr(0, ready));
  waiting.erase(0, ready);
  return out;
}

std::string StreamDecoder::finish() {
  if (options.end && tokenizer.dropsEndSpace() && waiting.ends_with(' '))
    waiting.pop_back();
  std::string out = toValidUtf8(waiting);
  waiting.clear();
  started = false;
  return out;
}

} // namespace lathe
