//===- TextSteps.cpp - what text goes through before it becomes symbols -------------------------------------------===//
#include "runtime/text/TextSteps.h"
#include "runtime/text/Unicode.h"

namespace lathe {
namespace {

std::string replaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (size_t i = 0; i <= text.size();) {
    size_t next = from.empty() ? text.npos : text.find(from, i);
    out += text.substr(i, next == text.npos ? next : next - i);
    if (next == text.npos)
      break;
    out += to;
    i = next + from.size();
  }
  return out;
}

Result<std::string> replaceMatches(const Pattern &pattern, std::string_view text, std::string_view to) {
  std::string out;
  size_t done = 0;
  Result<void> result = pattern.forEachMatch(text, [&](size_t begin, size_t end) {
    out += text.substr(done, begin - done);
    out += to;
    done = end;
  });
  if (!result)
    return result.takeError();
  out += text.substr(done);
  return out;
}

Specials userDefined(const TokenizerView &view) {
  Specials out;
  for (uint32_t id = 0; id < view.header().n_tokens; id++)
    if (view.type(id) == LATHE_TOKEN_USER_DEFINED)
      out.add({replaceAll(view.key(id), " ", "\u2581"), int32_t(id), Specials::Allow::UserDefined, 0});
  out.seal();
  return out;
}

/// A stretch of a piece that is a match or lies between matches.
struct Stretch {
  size_t begin, end;
  bool match;
};

/// Joins stretches as a split's behaviour has it. What is left with `match` set and REMOVED goes.
void joinStretches(std::vector<Stretch> &stretches, uint32_t behaviour) {
  std::vector<Stretch> out;
  bool previous = false;
  for (const Stretch &next : stretches) {
    bool join = false;
    switch (behaviour) {
    case LATHE_SPLIT_CONTIGUOUS:
      join = next.match == previous;
      break;
    case LATHE_SPLIT_MERGED_WITH_PREVIOUS:
      join = next.match && !previous;
      break;
    case LATHE_SPLIT_MERGED_WITH_NEXT:
      join = previous && !next.match;
      break;
    }
    if (join && !out.empty())
      out.back().end = next.end;
    else
      out.push_back(next);
    previous = next.match;
  }
  stretches.swap(out);
}

} // namespace

Result<TextSteps> TextSteps::create(const TokenizerView &view, std::span<const lathe_step> entries) {
  TextSteps out;
  for (const lathe_step &entry : entries) {
    auto number = [&] { return out.steps.size() + 1; };
    Step step{lathe_step_kind(entry.kind), entry.flags, view.text(entry.pattern), view.text(entry.text), {}, {}, {}};
    if (entry.kind < LATHE_STEP_SPLIT || entry.kind > LATHE_STEP_CHARSMAP)
      return error("tokenizer blob: step ", number(), " is of kind ", entry.kind,
                   ", which this runtime does not know; compile the model again");
    if (step.kind == LATHE_STEP_SPLIT || step.kind == LATHE_STEP_REPLACE_PATTERN) {
      Result<Pattern> compiled = Pattern::compile(step.pattern);
      if (!compiled)
        return error("tokenizer: pattern of step ", number(), ": ", compiled.message());
      step.compiled = compiled.take();
    }
    if (step.kind == LATHE_STEP_CHARSMAP)
      step.map.emplace(step.pattern);
    if (step.kind == LATHE_STEP_CHARSMAP && (step.flags & 2))
      step.kept.emplace(userDefined(view));
    out.steps.push_back(std::move(step));
  }
  return out;
}

bool TextSteps::keepsWhole() const {
  for (const Step &step : steps)
    if (step.kind == LATHE_STEP_SPLIT || step.kind == LATHE_STEP_WORDS)
      return false;
  return true;
}

Result<std::string> TextSteps::change(const Step &step, std::string_view piece) {
  switch (step.kind) {
  case LATHE_STEP_REPLACE:
    return replaceAll(piece, step.pattern, step.text);
  case LATHE_STEP_REPLACE_PATTERN:
    return replaceMatches(*step.compiled, piece, step.text);
  case LATHE_STEP_STRIP: {
    if (step.flags & 1)
      piece.remove_prefix(leadingSpace(piece));
    if (step.flags & 2)
      piece.remove_suffix(trailingSpace(piece));
    return std::string(piece);
  }
  case LATHE_STEP_NORMALIZE:
    return normalize(piece, NormalForm(step.flags & 3));
  case LATHE_STEP_LOWERCASE:
    return lowercase(piece);
  case LATHE_STEP_STRIP_MARKS:
    return stripMarks(piece);
  case LATHE_STEP_SPELL_BYTES:
    return spellBytes(piece);
  case LATHE_STEP_UNSPELL_BYTES:
    return unspellBytes(piece);
  case LATHE_STEP_CHARSMAP:
    return mapCharacters(step, piece);
  default:
    return std::string(piece);
  }
}

std::string TextSteps::mapCharacters(const Step &step, std::string_view piece) {
  if (!step.kept)
    return step.map->apply(piece, step.flags & 1);
  std::string out;
  for (size_t done = 0; done < piece.size();) {
    Specials::Match match = step.kept->find(
        piece, done, done, [&](size_t) { return Specials::Allowed{Specials::Allow::UserDefined, piece.size()}; });
    out += step.map->apply(piece.substr(done, match.begin - done), step.flags & 1);
    out += piece.substr(match.begin, match.end - match.begin);
    done = match.end;
  }
  return out;
}

void TextSteps::prepend(const Step &step, Pieces &pieces) {
  for (size_t i = 0; i < pieces.list.size(); i++) {
    std::string_view &piece = pieces.list[i];
    TextPlace place = i == 0 ? pieces.place : TextPlace::AfterSpecial;
    bool elsewhere = (step.flags & LATHE_PREPEND_AT_START) && place != TextPlace::Start;
    bool there = (step.flags & LATHE_PREPEND_IF_MISSING) && piece.starts_with(step.text);
    if (piece.empty() || elsewhere || there)
      continue;
    piece = pieces.storage.emplace_back(std::string(step.text).append(piece));
  }
}

void TextSteps::splitWords(const Step &step, Pieces &pieces) {
  std::string_view space = step.pattern;
  if (space.empty())
    return;
  std::vector<std::string_view> input;
  input.swap(pieces.list);
  for (std::string_view piece : input)
    while (!piece.empty()) {
      size_t end = 0;
      while (piece.substr(end).starts_with(space))
        end += space.size();
      end = end < piece.size() ? std::min(piece.find(space, end), piece.size()) : end;
      pieces.list.push_back(piece.substr(0, end));
      piece.remove_prefix(end);
    }
}

Result<void> TextSteps::split(const Step &step, Pieces &pieces) {
  std::vector<std::string_view> input;
  input.swap(pieces.list);
  bool invert = step.flags & LATHE_SPLIT_INVERT;
  uint32_t behaviour = step.flags & LATHE_SPLIT_BEHAVIOUR_MASK;
  std::vector<Stretch> stretches;
  for (size_t i = 0; i < input.size(); i++) {
    std::string_view piece = input[i];
    stretches.clear();
    size_t done = 0;
    auto add = [&](size_t begin, size_t end, bool match) {
      if (begin < end)
        stretches.push_back({begin, end, match != invert});
    };
    Result<void> result = step.compiled->forEachMatch(piece, [&](size_t begin, size_t end) {
      add(done, begin, false);
      add(begin, end, true);
      done = end;
    });
    if (!result)
      return error("tokenizer: a pattern of the pre-tokeniser: ", result.message());
    add(done, piece.size(), false);
    // What was at the start of the input is there no more once it has gone.
    if (i == 0 && behaviour == LATHE_SPLIT_REMOVED && !stretches.empty() && stretches[0].match)
      pieces.place = TextPlace::AfterSpecial;
    if (behaviour >= LATHE_SPLIT_MERGED_WITH_PREVIOUS)
      joinStretches(stretches, behaviour);
    for (const Stretch &stretch : stretches)
      if (behaviour != LATHE_SPLIT_REMOVED || !stretch.match)
        pieces.list.push_back(piece.substr(stretch.begin, stretch.end - stretch.begin));
  }
  return {};
}

Result<void> TextSteps::apply(Pieces &pieces) const {
  auto total = [&] {
    size_t bytes = 0;
    for (std::string_view piece : pieces.list)
      bytes += piece.size();
    return bytes;
  };
  // No tokenizer needs more (an Arabic ligature's 3 bytes become 33); a file that was made to could fill the memory.
  const size_t limit = 4096 + 64 * total();
  for (const Step &step : steps) {
    if (step.kind == LATHE_STEP_SPLIT) {
      if (Result<void> result = split(step, pieces); !result)
        return result;
    } else if (step.kind == LATHE_STEP_WORDS) {
      splitWords(step, pieces);
    } else if (step.kind == LATHE_STEP_PREPEND) {
      prepend(step, pieces);
    } else {
      for (std::string_view &piece : pieces.list) {
        Result<std::string> changed = change(step, piece);
        if (!changed)
          return changed.takeError();
        piece = pieces.storage.emplace_back(changed.take());
      }
    }
    if (step.kind != LATHE_STEP_SPLIT && step.kind != LATHE_STEP_WORDS && total() > limit)
      return error("tokenizer: the vocabulary's steps make more than ", limit, " bytes of a text");
  }
  return {};
}

} // namespace lathe
