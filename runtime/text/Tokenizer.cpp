//===- Tokenizer.cpp - text to token ids and back -----------------------------------------------------------------===//
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Merger.h"
#include "runtime/text/Utf8.h"
#include <algorithm>

namespace lathe {
namespace {

/// Cuts text before every space that follows another character: "a  b c" is "a", "  b", " c".
template <typename Visit> void forEachWord(std::string_view text, Visit visit) {
  while (!text.empty()) {
    size_t word = text.find_first_not_of(' ');
    size_t end = word == text.npos ? text.size() : std::min(text.find(' ', word), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(end);
  }
}

} // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::fromBlob(const void *blob, size_t bytes) {
  Result<TokenizerView> view = TokenizerView::open({static_cast<const uint8_t *>(blob), bytes});
  if (!view)
    return view.takeError();
  auto tokenizer = std::unique_ptr<Tokenizer>(new Tokenizer(*view));
  Result<std::unique_ptr<PreTokenizer>> preTokenizer = PreTokenizer::create(*view);
  if (!preTokenizer)
    return preTokenizer.takeError();
  tokenizer->preTokenizer = preTokenizer.take();

  std::string_view previous;
  for (uint32_t i = 0; i < view->specials.size(); i++) {
    std::string_view text = view->bytes(view->specials[i]);
    if (text.empty() || text < previous)
      return error("tokenizer blob: specials are not sorted; the bundle is damaged, compile it again");
    previous = text;
    Range &range = tokenizer->specialRange[static_cast<uint8_t>(text[0])];
    if (range.end == 0)
      range.begin = i;
    range.end = i + 1;
  }
  return tokenizer;
}

/// The longest special token at the front of `text`, bytes 0 if none. Control tokens count if `control` is set.
Tokenizer::SpecialMatch Tokenizer::matchSpecial(std::string_view text, bool control) const {
  SpecialMatch best{-1, 0};
  Range range = specialRange[static_cast<uint8_t>(text[0])];
  for (size_t depth = 1; range.begin < range.end; depth++) {
    // All of the range agree with the text in `depth` bytes; those that end here come first.
    while (range.begin < range.end && view.bytes(view.specials[range.begin]).size() == depth) {
      uint32_t id = view.specials[range.begin++];
      if (control || view.type(id) == LATHE_TOKEN_USER_DEFINED)
        best = {int32_t(id), depth};
    }
    if (depth == text.size())
      break;
    auto first = view.specials.begin() + range.begin, last = view.specials.begin() + range.end;
    auto byteOf = [&](uint32_t id) { return static_cast<uint8_t>(view.bytes(id)[depth]); };
    uint8_t wanted = text[depth];
    first = std::lower_bound(first, last, wanted, [&](uint32_t id, uint8_t byte) { return byteOf(id) < byte; });
    last = std::upper_bound(first, last, wanted, [&](uint8_t byte, uint32_t id) { return byte < byteOf(id); });
    range = {uint32_t(first - view.specials.begin()), uint32_t(last - view.specials.begin())};
  }
  return best;
}

/// Encodes text in which special tokens may stand. `literals` ascend and do not overlap.
Result<void> Tokenizer::encodeText(std::string_view text, std::span<const Literal> literals,
                                   std::vector<int32_t> &out) const {
  if (text.size() > INT32_MAX / 2)
    return error("tokenizer: a text of ", text.size(), " bytes is too long; the limit is ", INT32_MAX / 2);
  Merger merger(view);
  std::vector<std::string_view> pieces;
  std::string prepared;

  auto encodePlain = [&](std::string_view plain, bool afterSpecial) -> Result<void> {
    if (plain.empty())
      return {};
    bool prefix = afterSpecial && view.has(LATHE_TOKENIZER_SPACE_PREFIX);
    bool escaped = view.has(LATHE_TOKENIZER_ESCAPED_SPACE) && plain.find("\u2581") != plain.npos;
    if (prefix || escaped) {
      prepared = prefix ? " " : "";
      for (size_t i = 0; i < plain.size();) {
        size_t next = escaped ? std::min(plain.find("\u2581", i), plain.size()) : plain.size();
        prepared += plain.substr(i, next - i);
        if (next < plain.size())
          prepared += ' ';
        i = next + 3; // U+2581 has three bytes
      }
      plain = prepared;
    }
    if (Result<void> split = preTokenizer->split(plain, pieces); !split)
      return split;
    for (std::string_view piece : pieces)
      if (view.has(LATHE_TOKENIZER_SPACE_STARTS))
        forEachWord(piece, [&](std::string_view word) { merger.encode(word, out); });
      else
        merger.encode(piece, out);
    return {};
  };

  size_t done = 0;
  bool afterSpecial = true;
  auto literal = literals.begin();
  for (size_t i = 0; i < text.size();) {
    Range range = specialRange[static_cast<uint8_t>(text[i])];
    if (range.begin == range.end) {
      i++;
      continue;
    }
    while (literal != literals.end() && literal->end <= i)
      ++literal;
    // Outside literals a control token may be matched as far as the next literal.
    bool inside = literal != literals.end() && literal->begin <= i;
    size_t reach = inside || literal == literals.end() ? text.size() : literal->begin;
    SpecialMatch match = inside ? matchSpecial(text.substr(i), false) : matchSpecial(text.substr(i, reach - i), true);
    if (match.bytes == 0) {
      i++;
      continue;
    }
    size_t end = i;
    if (view.attributes(match.id) & LATHE_TOKEN_LSTRIP)
      while (end > done && isAsciiSpace(text[end - 1]))
        end--;
    if (Result<void> result = encodePlain(text.substr(done, end - done), afterSpecial); !result)
      return result;
    out.push_back(match.id);
    afterSpecial = true;
    i += match.bytes;
    if (view.attributes(match.id) & LATHE_TOKEN_RSTRIP)
      while (i < text.size() && isAsciiSpace(text[i]))
        i++;
    done = i;
  }
  return encodePlain(text.substr(done), afterSpecial);
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  if (options.addSpecial && addsBos() && bos() >= 0)
    ids.push_back(bos());
  Literal whole{0, text.size()};
  std::span<const Literal> literals(&whole, options.parseSpecial ? 0 : 1);
  if (Result<void> result = encodeText(text, literals, ids); !result)
    return result.takeError();
  if (options.addSpecial && addsEos() && eos() >= 0)
    ids.push_back(eos());
  return ids;
}

Result<std::string> Tokenizer::renderChat(std::span<const ChatMessage> messages, bool open) const {
  Result<RenderedChat> chat = lathe::renderChat(view, messages, open);
  if (!chat)
    return chat.takeError();
  return std::move(chat->text);
}

Result<std::vector<int32_t>> Tokenizer::encodeChat(std::span<const ChatMessage> messages, bool open) const {
  Result<RenderedChat> chat = lathe::renderChat(view, messages, open);
  if (!chat)
    return chat.takeError();
  std::vector<Literal> literals;
  for (auto [begin, end] : chat->contents)
    literals.push_back({begin, end});
  std::vector<int32_t> ids;
  if (Result<void> result = encodeText(chat->text, literals, ids); !result)
    return result.takeError();
  return ids;
}

std::string_view Tokenizer::piece(int32_t id) const {
  return id >= 0 && id < size() ? view.bytes(id) : std::string_view();
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::string out;
  bool atStart = options.start && view.has(LATHE_TOKENIZER_SPACE_PREFIX);
  for (int32_t id : ids) {
    if (isControl(id) && !options.special)
      continue;
    std::string_view text = piece(id);
    // A control token's spelling, shown, does not end the start: its text has no space of its own.
    if (atStart && !isControl(id) && !text.empty()) {
      if (text[0] == ' ')
        text.remove_prefix(1);
      atStart = false;
    }
    out += text;
  }
  return out;
}

bool Tokenizer::isStop(int32_t id) const {
  return id >= 0 && std::find(view.stops.begin(), view.stops.end(), uint32_t(id)) != view.stops.end();
}

bool Tokenizer::isControl(int32_t id) const {
  if (id < 0 || id >= size())
    return false;
  uint32_t type = view.type(id);
  return type == LATHE_TOKEN_CONTROL || type == LATHE_TOKEN_UNKNOWN;
}

} // namespace lathe
