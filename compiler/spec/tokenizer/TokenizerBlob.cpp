//===- TokenizerBlob.cpp - from a checkpoint's vocabulary to the bundle's tokenizer blob --------------------------===//
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/spec/tokenizer/BlobWriter.h"
#include "compiler/spec/tokenizer/ChatTemplates.h"
#include "compiler/spec/tokenizer/Vocabulary.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

namespace lathe {
namespace {

/// Tokens that end a turn wherever they occur: checkpoints often name only one of them as eos.
constexpr llvm::StringLiteral turnEnds[] = {
    "<|im_end|>",        "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>",   "<|end_of_turn|>",
    "<|endoftext|>",     "<EOT>",      "<|eot|>",    "_<EOT>",  "<|end_of_text|>", "<｜end▁of▁sentence｜>",
    "<end_of_utterance>"};

/// Open addressing, linear probing, at most three quarters full.
std::vector<uint32_t> makeSlots(size_t entries) {
  return std::vector<uint32_t>(entries == 0 ? 0 : llvm::PowerOf2Ceil(entries + entries / 3 + 1), 0);
}

std::vector<uint32_t> hashMerges(llvm::ArrayRef<lathe_merge> merges) {
  std::vector<uint32_t> slots = makeSlots(merges.size());
  uint32_t mask = slots.size() - 1;
  for (size_t rank = 0; rank < merges.size(); rank++) {
    const lathe_merge &merge = merges[rank];
    uint32_t slot = lathe_merge_hash(merge.left, merge.right) & mask;
    // Of two merges of the same pair the first counts.
    while (slots[slot] != 0 &&
           (merges[slots[slot] - 1].left != merge.left || merges[slots[slot] - 1].right != merge.right))
      slot = (slot + 1) & mask;
    if (slots[slot] == 0)
      slots[slot] = rank + 1;
  }
  return slots;
}

/// Which of two tokens with the same bytes ordinary text becomes: SentencePiece's "▁" rather than " ", else the later,
/// as llama.cpp has it.
bool replaces(const TokenizerSource &source, uint32_t later, uint32_t earlier) {
  auto escaped = [&](uint32_t id) { return llvm::StringRef(source.tokens[id]).contains("\u2581"); };
  return escaped(later) || !escaped(earlier);
}

std::vector<uint32_t> hashPieces(const TokenizerSource &source, const Vocabulary &vocabulary, uint32_t &longest) {
  auto hashed = [&](size_t id) {
    lathe_token_type type = vocabulary.type(id);
    return !vocabulary.keys[id].empty() && !(id < source.apart.size() && source.apart[id]) &&
           (type == LATHE_TOKEN_NORMAL || type == LATHE_TOKEN_USER_DEFINED || type == LATHE_TOKEN_UNUSED);
  };
  std::vector<uint32_t> slots = makeSlots(vocabulary.tokens);
  uint32_t mask = slots.size() - 1;
  for (size_t id = 0; id < vocabulary.tokens; id++) {
    if (!hashed(id))
      continue;
    const std::string &key = vocabulary.keys[id];
    longest = std::max<uint32_t>(longest, key.size());
    uint32_t slot = lathe_piece_hash(reinterpret_cast<const uint8_t *>(key.data()), key.size()) & mask;
    while (slots[slot] != 0 && vocabulary.keys[slots[slot] - 1] != key)
      slot = (slot + 1) & mask;
    if (slots[slot] == 0 || replaces(source, id, slots[slot] - 1))
      slots[slot] = id + 1;
  }
  return slots;
}

/// Where no symbol has a space behind another character, no merge crosses such a place, and words may be encoded one by
/// one: LATHE_STEP_WORDS. Not for texts that are split by words anyway.
std::optional<TextStep> wordStep(const TokenizerSource &source, const Vocabulary &vocabulary) {
  bool splits = llvm::any_of(source.splits, [](const TextStep &step) { return step.kind == LATHE_STEP_SPLIT; });
  if (splits || !source.innerPrefix.empty() || !source.endSuffix.empty() || vocabulary.byteLevel ||
      vocabulary.kind == LATHE_TOKENIZER_UNIGRAM)
    return std::nullopt;
  llvm::StringRef space = vocabulary.keys == vocabulary.bytes ? " " : "\u2581";
  for (llvm::StringRef key : vocabulary.keys) {
    while (key.consume_front(space))
      ;
    if (key.contains(space))
      return std::nullopt;
  }
  return TextStep{LATHE_STEP_WORDS, 0, space.str()};
}

std::vector<uint32_t> findSpecials(const TokenizerSource &source, const Vocabulary &vocabulary) {
  std::vector<uint32_t> specials;
  for (size_t id = 0; id < vocabulary.tokens; id++) {
    lathe_token_type type = vocabulary.type(id);
    bool special = type == LATHE_TOKEN_CONTROL || type == LATHE_TOKEN_UNKNOWN ||
                   (type == LATHE_TOKEN_USER_DEFINED && !source.scoresUserDefined);
    if (special && !vocabulary.keys[id].empty())
      specials.push_back(id);
  }
  return specials;
}

llvm::Error addStrings(const TokenizerSource &source, llvm::ArrayRef<std::string> strings, BlobWriter &blob,
                       lathe_section &starts, lathe_section &bytes) {
  uint64_t total = 0;
  for (const std::string &text : strings)
    total += text.size();
  if (total > INT32_MAX / 4)
    return makeError("{0}: tokenizer: {1} bytes of token text; the limit is {2}", source.file, total, INT32_MAX / 4);
  std::vector<uint32_t> ends{0};
  std::string text;
  for (const std::string &part : strings) {
    text += part;
    ends.push_back(text.size());
  }
  starts = blob.add<uint32_t>(ends);
  bytes = blob.add(text);
  return llvm::Error::success();
}

/// The texts of a chat format for this model: {bos} and {eos} spelled out.
struct ChatTexts {
  ChatFormat format;

  ChatTexts(const ChatFormat &original, const TokenizerSource &source) : format(original) {
    auto spelling = [&](std::optional<int32_t> id) { return id ? source.tokens[*id] : std::string(); };
    auto expand = [&](std::string &text) {
      for (auto [name, token] : {std::pair("{bos}", spelling(source.bos)), std::pair("{eos}", spelling(source.eos))})
        for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + token.size()))
          text.replace(at, 5, token);
    };
    for (ChatFormat::Turn &turn : format.turns) {
      expand(turn.prefix);
      expand(turn.suffix);
    }
    expand(format.generation);
  }

  bool mentions(llvm::StringRef token) const {
    for (const ChatFormat::Turn &turn : format.turns)
      if (llvm::StringRef(turn.prefix).contains(token) || llvm::StringRef(turn.suffix).contains(token))
        return true;
    return llvm::StringRef(format.generation).contains(token);
  }

  lathe_section write(BlobWriter &blob) const {
    lathe_chat chat{};
    chat.flags = format.flags;
    chat.name = blob.add(format.name);
    chat.default_system = blob.add(format.defaultSystem);
    for (int role = 0; role < LATHE_ROLE_COUNT; role++)
      chat.turns[role] = {blob.add(format.turns[role].prefix), blob.add(format.turns[role].suffix)};
    chat.generation = blob.add(format.generation);
    return blob.add(llvm::ArrayRef(chat));
  }
};

/// Ends of a turn. They become control tokens if they were something else: checkpoints get that wrong, and text that
/// spells one must not end a turn.
std::vector<uint32_t> resolveStops(const TokenizerSource &source, const std::optional<ChatTexts> &chat,
                                   Vocabulary &vocabulary) {
  std::vector<uint32_t> stops(source.stops.begin(), source.stops.end());
  if (source.eos)
    stops.push_back(*source.eos);
  auto addText = [&](llvm::StringRef text) {
    int32_t id = vocabulary.findSpecial(text);
    if (id < 0)
      return;
    vocabulary.makeControl(id);
    stops.push_back(id);
  };
  for (llvm::StringRef text : turnEnds)
    addText(text);
  if (chat)
    for (const std::string &text : chat->format.stops)
      addText(text);
  llvm::sort(stops);
  stops.erase(llvm::unique(stops), stops.end());
  return stops;
}

/// Makes control tokens of the chat format's markers where a checkpoint calls them user-defined (Gemma's first GGUFs):
/// user-defined tokens are matched in any text, so a message could forge a turn.
void protectMarkers(const ChatTexts &chat, Vocabulary &vocabulary) {
  for (size_t id = 0; id < vocabulary.tokens; id++) {
    llvm::StringRef text = vocabulary.keys[id];
    bool marker = (text.starts_with("<") && text.ends_with(">")) || (text.starts_with("[") && text.ends_with("]"));
    if (vocabulary.type(id) == LATHE_TOKEN_USER_DEFINED && marker && chat.mentions(text))
      vocabulary.makeControl(id);
  }
}

} // namespace

llvm::Expected<std::string> buildTokenizerBlob(const TokenizerSource &source) {
  llvm::Expected<Vocabulary> vocabulary = resolveVocabulary(source);
  if (!vocabulary)
    return vocabulary.takeError();
  if (source.normalizers.size() > LATHE_MAX_STEPS || source.splits.size() >= LATHE_MAX_STEPS)
    return makeError("{0}: tokenizer: {1} normalizers and {2} pre-tokenizers; the limit is {3} of each", source.file,
                     source.normalizers.size(), source.splits.size(), LATHE_MAX_STEPS - 1);
  std::optional<ChatTexts> chat;
  if (!source.chatTemplate.empty()) {
    llvm::Expected<std::vector<ChatFormat>> formats = chatFormats();
    if (!formats)
      return formats.takeError();
    if (const ChatFormat *format = matchChatFormat(*formats, source.chatTemplate))
      chat.emplace(*format, source);
  }
  std::vector<uint32_t> stops = resolveStops(source, chat, *vocabulary);
  if (chat)
    protectMarkers(*chat, *vocabulary);

  lathe_tokenizer head{};
  head.kind = vocabulary->kind;
  auto set = [&](bool on, lathe_tokenizer_flag flag) { head.flags |= on ? flag : 0; };
  set(source.stripSpace, LATHE_TOKENIZER_STRIP_SPACE);
  set(source.ignoreMerges, LATHE_TOKENIZER_IGNORE_MERGES);
  set(vocabulary->byteLevel, LATHE_TOKENIZER_BYTE_LEVEL);
  set(source.fuseUnknown, LATHE_TOKENIZER_FUSE_UNKNOWN);
  set(source.mergeOverUnknown, LATHE_TOKENIZER_MERGE_OVER_MISSING);
  set(source.normalizedKeys, LATHE_TOKENIZER_NORMALIZED_KEYS);
  set(source.stripEndSpace, LATHE_TOKENIZER_STRIP_END_SPACE);
  set(source.singleSums, LATHE_TOKENIZER_SINGLE_SUMS);
  head.n_tokens = vocabulary->tokens;
  head.n_symbols = vocabulary->bytes.size();
  head.bos = source.bos.value_or(-1);
  head.eos = source.eos.value_or(-1);
  head.unk = source.unk.value_or(-1);
  head.pad = source.pad.value_or(-1);
  head.missing = source.dropUnknown ? -1 : head.unk;

  BlobWriter blob;
  if (llvm::Error error = addStrings(source, vocabulary->bytes, blob, head.symbol_starts, head.symbol_bytes))
    return std::move(error);
  if (vocabulary->keys != vocabulary->bytes)
    if (llvm::Error error = addStrings(source, vocabulary->keys, blob, head.key_starts, head.key_bytes))
      return std::move(error);
  head.types = blob.add<uint8_t>(vocabulary->types);
  head.scores = blob.add<double>(vocabulary->scores);
  head.merges = blob.add<lathe_merge>(vocabulary->merges);
  head.merge_slots = blob.add<uint32_t>(hashMerges(vocabulary->merges));
  if (!vocabulary->byteLevel || source.ignoreMerges)
    head.piece_slots = blob.add<uint32_t>(hashPieces(source, *vocabulary, head.max_key_bytes));
  head.byte_symbols = blob.add<int32_t>(vocabulary->byteSymbols);
  head.specials = blob.add<uint32_t>(findSpecials(source, *vocabulary));
  head.opening = blob.add<uint32_t>(std::vector<uint32_t>(source.opening.begin(), source.opening.end()));
  head.closing = blob.add<uint32_t>(std::vector<uint32_t>(source.closing.begin(), source.closing.end()));
  head.stops = blob.add<uint32_t>(stops);
  std::vector<TextStep> splits = source.splits;
  if (std::optional<TextStep> words = wordStep(source, *vocabulary))
    splits.push_back(*words);
  for (auto [steps, section] : {std::pair(llvm::ArrayRef(source.normalizers), &head.normalizers),
                                std::pair(llvm::ArrayRef(splits), &head.splits)}) {
    std::vector<lathe_step> entries;
    for (const TextStep &step : steps) {
      size_t limit = step.kind == LATHE_STEP_CHARSMAP ? 1 << 24 : LATHE_MAX_PATTERN_BYTES;
      if (step.pattern.size() > limit || step.text.size() > LATHE_MAX_STEP_TEXT_BYTES)
        return makeError(
            "{0}: tokenizer: a step with a pattern of {1} bytes and a text of {2}; the limits are {3} and {4}",
            source.file, step.pattern.size(), step.text.size(), limit, LATHE_MAX_STEP_TEXT_BYTES);
      entries.push_back({uint32_t(step.kind), step.flags, blob.add(step.pattern), blob.add(step.text)});
    }
    *section = blob.add<lathe_step>(entries);
  }
  head.inner_prefix = blob.add(source.innerPrefix);
  head.end_suffix = blob.add(source.endSuffix);
  if (chat)
    head.chat = chat->write(blob);
  return blob.finish(head);
}

} // namespace lathe
