//===- TokenizerBlob.cpp - from a checkpoint's vocabulary to the bundle's tokenizer blob --------------------------===//
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/spec/tokenizer/BlobWriter.h"
#include "compiler/spec/tokenizer/ChatTemplates.h"
#include "compiler/spec/tokenizer/PreTokenizers.h"
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
    return !vocabulary.bytes[id].empty() &&
           (type == LATHE_TOKEN_NORMAL || type == LATHE_TOKEN_USER_DEFINED || type == LATHE_TOKEN_UNUSED);
  };
  std::vector<uint32_t> slots = makeSlots(vocabulary.tokens);
  uint32_t mask = slots.size() - 1;
  for (size_t id = 0; id < vocabulary.tokens; id++) {
    if (!hashed(id))
      continue;
    const std::string &bytes = vocabulary.bytes[id];
    longest = std::max<uint32_t>(longest, bytes.size());
    uint32_t slot = lathe_piece_hash(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()) & mask;
    while (slots[slot] != 0 && vocabulary.bytes[slots[slot] - 1] != bytes)
      slot = (slot + 1) & mask;
    if (slots[slot] == 0 || replaces(source, id, slots[slot] - 1))
      slots[slot] = id + 1;
  }
  return slots;
}

/// LATHE_TOKENIZER_SPACE_STARTS.
bool spacesOnlyStart(const Vocabulary &vocabulary) {
  return llvm::none_of(llvm::ArrayRef(vocabulary.bytes).take_front(vocabulary.tokens), [](llvm::StringRef bytes) {
    size_t word = bytes.find_first_not_of(' ');
    return word != llvm::StringRef::npos && bytes.find(' ', word) != llvm::StringRef::npos;
  });
}

std::vector<uint32_t> sortSpecials(const Vocabulary &vocabulary) {
  std::vector<uint32_t> specials;
  for (size_t id = 0; id < vocabulary.tokens; id++) {
    lathe_token_type type = vocabulary.type(id);
    bool special = type == LATHE_TOKEN_CONTROL || type == LATHE_TOKEN_USER_DEFINED || type == LATHE_TOKEN_UNKNOWN;
    if (special && !vocabulary.bytes[id].empty())
      specials.push_back(id);
  }
  llvm::sort(specials, [&](uint32_t a, uint32_t b) {
    return std::tie(vocabulary.bytes[a], a) < std::tie(vocabulary.bytes[b], b);
  });
  return specials;
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
    vocabulary.types[id] = LATHE_TOKEN_CONTROL;
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
    llvm::StringRef text = vocabulary.bytes[id];
    bool marker = (text.starts_with("<") && text.ends_with(">")) || (text.starts_with("[") && text.ends_with("]"));
    if (vocabulary.type(id) == LATHE_TOKEN_USER_DEFINED && marker && chat.mentions(text))
      vocabulary.types[id] = LATHE_TOKEN_CONTROL;
  }
}

} // namespace

llvm::Expected<std::string> buildTokenizerBlob(const TokenizerSource &source) {
  llvm::Expected<Vocabulary> vocabulary = resolveVocabulary(source);
  if (!vocabulary)
    return vocabulary.takeError();
  bool spm = vocabulary->kind == LATHE_TOKENIZER_SPM;

  const PreTokenizerRecord *pre = nullptr;
  if (!spm) {
    llvm::StringRef name = source.pre.empty() ? "default" : llvm::StringRef(source.pre);
    pre = findPreTokenizer(name);
    if (!pre)
      return makeError("{0}: tokenizer: pre-tokeniser \"{1}\" is unknown; known are {2}", source.file, printable(name),
                       preTokenizerNames());
  }
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
  set(source.addBos.value_or(spm || pre->addBos) && source.bos, LATHE_TOKENIZER_ADD_BOS);
  set(source.addEos.value_or(false) && source.eos, LATHE_TOKENIZER_ADD_EOS);
  set(spm && source.addSpacePrefix.value_or(true), LATHE_TOKENIZER_SPACE_PREFIX);
  set(spm, LATHE_TOKENIZER_ESCAPED_SPACE);
  set(spm && spacesOnlyStart(*vocabulary), LATHE_TOKENIZER_SPACE_STARTS);
  set(!spm, LATHE_TOKENIZER_BYTE_LEVEL);
  set(!spm && pre->ignoreMerges, LATHE_TOKENIZER_IGNORE_MERGES);
  head.n_tokens = vocabulary->tokens;
  head.n_symbols = vocabulary->bytes.size();
  head.bos = source.bos.value_or(-1);
  head.eos = source.eos.value_or(-1);
  head.unk = source.unk.value_or(-1);
  head.pad = source.pad.value_or(-1);
  // Byte-level models leave out bytes that their vocabulary lacks, as the libraries they were trained with do.
  head.missing = spm ? head.unk : -1;

  uint64_t total = 0;
  for (const std::string &bytes : vocabulary->bytes)
    total += bytes.size();
  if (total > INT32_MAX / 2)
    return makeError("{0}: tokenizer: {1} bytes of token text; the limit is {2}", source.file, total, INT32_MAX / 2);
  std::vector<uint32_t> starts{0};
  std::string text;
  for (const std::string &bytes : vocabulary->bytes) {
    text += bytes;
    starts.push_back(text.size());
  }

  BlobWriter blob;
  head.symbol_starts = blob.add<uint32_t>(starts);
  head.symbol_bytes = blob.add(text);
  head.types = blob.add<uint8_t>(vocabulary->types);
  head.scores = blob.add<float>(vocabulary->scores);
  head.merges = blob.add<lathe_merge>(vocabulary->merges);
  head.merge_slots = blob.add<uint32_t>(hashMerges(vocabulary->merges));
  if (spm || pre->ignoreMerges)
    head.piece_slots = blob.add<uint32_t>(hashPieces(source, *vocabulary, head.max_symbol_bytes));
  head.byte_symbols = blob.add<int32_t>(vocabulary->byteSymbols);
  head.specials = blob.add<uint32_t>(sortSpecials(*vocabulary));
  head.stops = blob.add<uint32_t>(stops);
  std::vector<lathe_split> splits;
  if (pre)
    for (llvm::StringRef pattern : pre->splits)
      splits.push_back({blob.add(pattern)});
  head.splits = blob.add<lathe_split>(splits);
  if (chat)
    head.chat = chat->write(blob);
  return blob.finish(head);
}

} // namespace lathe
