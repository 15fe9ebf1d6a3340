//===- Tokenizer.cpp - text to token ids and back -----------------------------------------------------------------===//
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Merger.h"
#include <algorithm>

namespace lathe {

Result<std::unique_ptr<Tokenizer>> Tokenizer::fromBlob(const void *blob, size_t bytes) {
  Result<TokenizerView> view = TokenizerView::open({static_cast<const uint8_t *>(blob), bytes});
  if (!view)
    return view.takeError();
  Result<TextSteps> normalizers = TextSteps::create(*view, view->normalizers);
  if (!normalizers)
    return normalizers.takeError();
  if (!normalizers->keepsWhole())
    return error("tokenizer blob: a normalizer splits the text; the bundle is damaged, compile it again");
  Result<TextSteps> splits = TextSteps::create(*view, view->splits);
  if (!splits)
    return splits.takeError();
  auto tokenizer = std::unique_ptr<Tokenizer>(new Tokenizer(*view, normalizers.take(), splits.take()));
  if (view->header().kind == LATHE_TOKENIZER_UNIGRAM)
    tokenizer->unigram.emplace(*view);
  if (Result<void> collected = tokenizer->collectSpecials(); !collected)
    return collected.takeError();
  return tokenizer;
}

Result<std::string> Tokenizer::normalized(std::string_view text) const {
  Pieces pieces(text, TextPlace::Start);
  if (Result<void> result = normalizers.apply(pieces); !result)
    return result.takeError();
  return std::string(pieces.list.empty() ? std::string_view() : pieces.list[0]);
}

Result<void> Tokenizer::collectSpecials() {
  using Allow = Specials::Allow;
  for (uint32_t id : view.specials) {
    Specials::Entry entry{std::string(view.key(id)), int32_t(id),
                          view.type(id) == LATHE_TOKEN_USER_DEFINED ? Allow::UserDefined : Allow::Control,
                          view.attributes(id)};
    if (entry.attributes & LATHE_TOKEN_NORMALIZED) {
      Result<std::string> text =
          view.has(LATHE_TOKENIZER_NORMALIZED_KEYS) ? Result<std::string>(entry.text) : normalized(entry.text);
      if (!text)
        return text.takeError();
      normalizedSpecials.add({*text, entry.id, entry.allow, entry.attributes});
      if (entry.allow == Allow::UserDefined)
        continue;
      entry.allow = Allow::Template;
    }
    specials.add(std::move(entry));
  }
  specials.seal();
  normalizedSpecials.seal();
  return {};
}

/// One text on its way to tokens.
struct Tokenizer::Encoder {
  const Tokenizer &tokenizer;
  std::vector<int32_t> &out;
  Merger merger{tokenizer.view};
  std::optional<Unigram> unigram{};

  /// Encodes text in which special tokens may stand. `literals` ascend and do not overlap; `other` is what the text
  /// around them allows.
  Result<void> encode(std::string_view text, std::span<const Literal> literals, Specials::Allow other) {
    if (text.size() > INT32_MAX / 2)
      return error("tokenizer: a text of ", text.size(), " bytes is too long; the limit is ", INT32_MAX / 2);
    if (tokenizer.unigram)
      unigram.emplace(tokenizer.view, *tokenizer.unigram);
    auto literal = literals.begin();
    // Outside literals a control token may be matched as far as the next literal.
    auto allowAt = [&](size_t i) -> Specials::Allowed {
      while (literal != literals.end() && literal->end <= i)
        ++literal;
      if (literal == literals.end())
        return {other, text.size()};
      return literal->begin <= i ? Specials::Allowed{Specials::Allow::UserDefined, text.size()}
                                 : Specials::Allowed{other, literal->begin};
    };
    bool control = other == Specials::Allow::Control && literals.empty();
    return eachStretch(tokenizer.specials, text, TextPlace::Start, allowAt,
                       [&](std::string_view plain, TextPlace place) { return encodePlain(plain, place, control); });
  }

private:
  /// Pushes the special tokens of a text and calls `visit` for the stretches between them.
  template <typename AllowAt, typename Visit>
  Result<void> eachStretch(const Specials &specials, std::string_view text, TextPlace place, AllowAt allowAt,
                           Visit visit) {
    for (size_t done = 0, from = 0; from < text.size();) {
      Specials::Match match = specials.find(text, from, done, allowAt);
      if (match.begin > done)
        if (Result<void> result = visit(text.substr(done, match.begin - done), place); !result)
          return result;
      if (!match.entry)
        break;
      out.push_back(match.entry->id);
      place = TextPlace::AfterSpecial;
      done = std::max(done, match.end);
      from = match.next;
    }
    return {};
  }

  Result<void> encodePlain(std::string_view plain, TextPlace place, bool control) {
    if (tokenizer.normalizers.empty() && tokenizer.normalizedSpecials.empty())
      return encodeNormalized(plain, place);
    Pieces pieces(plain, place);
    if (Result<void> result = tokenizer.normalizers.apply(pieces); !result)
      return result;
    std::string_view text = pieces.list.empty() ? std::string_view() : pieces.list[0];
    if (tokenizer.normalizedSpecials.empty())
      return encodeNormalized(text, place);
    Specials::Allow allow = control ? Specials::Allow::Control : Specials::Allow::UserDefined;
    return eachStretch(
        tokenizer.normalizedSpecials, text, place, [&](size_t) -> Specials::Allowed { return {allow, text.size()}; },
        [&](std::string_view stretch, TextPlace at) { return encodeNormalized(stretch, at); });
  }

  Result<void> encodeNormalized(std::string_view text, TextPlace place) {
    Pieces pieces(text, place);
    if (Result<void> result = tokenizer.splits.apply(pieces); !result)
      return result;
    for (std::string_view piece : pieces.list) {
      if (piece.size() > INT32_MAX)
        return error("tokenizer: normalized, a text is longer than ", INT32_MAX, " bytes");
      if (unigram)
        unigram->encode(piece, out);
      else
        merger.encode(piece, out);
    }
    return {};
  }
};

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  if (options.addSpecial)
    ids.assign(view.opening.begin(), view.opening.end());
  Encoder encoder{*this, ids};
  Specials::Allow allow = options.parseSpecial ? Specials::Allow::Control : Specials::Allow::UserDefined;
  if (Result<void> result = encoder.encode(text, {}, allow); !result)
    return result.takeError();
  if (options.addSpecial)
    ids.insert(ids.end(), view.closing.begin(), view.closing.end());
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
  Encoder encoder{*this, ids};
  if (Result<void> result = encoder.encode(chat->text, literals, Specials::Allow::Template); !result)
    return result.takeError();
  return ids;
}

std::string_view Tokenizer::piece(int32_t id) const {
  return id >= 0 && id < size() ? view.bytes(id) : std::string_view();
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::string out;
  bool atStart = options.start && view.has(LATHE_TOKENIZER_STRIP_SPACE);
  for (int32_t id : ids) {
    if (isControl(id) && !options.special)
      continue;
    std::string_view text = piece(id);
    // What is shown ends the start, a control token's spelling too: "<s> Hello", as the libraries have it.
    if (atStart && !text.empty()) {
      if (text[0] == ' ' && !isControl(id))
        text.remove_prefix(1);
      atStart = false;
    }
    out += text;
  }
  if (options.end && dropsEndSpace() && out.ends_with(' '))
    out.pop_back();
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

std::string_view Tokenizer::kind() const {
  switch (view.header().kind) {
  case LATHE_TOKENIZER_BPE:
    return "bpe";
  case LATHE_TOKENIZER_SPM:
    return "spm";
  default:
    return "unigram";
  }
}

} // namespace lathe
