//===- TokenizerView.cpp - a tokenizer blob, checked --------------------------------------------------------------===//
#include "runtime/text/TokenizerView.h"
#include <cstring>

namespace lathe {
namespace {

/// Sections as spans; the first one that does not fit is remembered.
struct Sections {
  std::span<const uint8_t> blob;
  const char *bad = nullptr;

  template <typename T> std::span<const T> get(const char *name, lathe_section section) {
    uint64_t end = uint64_t(section.offset) + uint64_t(section.count) * sizeof(T);
    if (section.count == 0)
      return {};
    if (section.offset % LATHE_TOKENIZER_ALIGNMENT != 0 || end > blob.size()) {
      bad = bad ? bad : name;
      return {};
    }
    return {reinterpret_cast<const T *>(blob.data() + section.offset), section.count};
  }
  /// A text section, which needs no alignment.
  void check(const char *name, lathe_section section) {
    if (uint64_t(section.offset) + section.count > blob.size())
      bad = bad ? bad : name;
  }
};

bool isPowerOfTwoOrZero(size_t n) { return (n & (n - 1)) == 0; }

Error damaged(const char *what) { return error("tokenizer blob: ", what, "; the bundle is damaged, compile it again"); }

} // namespace

Result<TokenizerView> TokenizerView::open(std::span<const uint8_t> blob) {
  if (blob.size() < sizeof(lathe_tokenizer))
    return error("tokenizer blob: ", blob.size(), " bytes, shorter than its header of ", sizeof(lathe_tokenizer));
  if (reinterpret_cast<uintptr_t>(blob.data()) % LATHE_TOKENIZER_ALIGNMENT != 0)
    return error("tokenizer blob: not aligned to ", LATHE_TOKENIZER_ALIGNMENT, " bytes in memory");
  auto *head = reinterpret_cast<const lathe_tokenizer *>(blob.data());
  if (std::memcmp(head->magic, LATHE_TOKENIZER_MAGIC, sizeof(head->magic)) != 0)
    return damaged("does not start with " LATHE_TOKENIZER_MAGIC);
  if (head->version != LATHE_TOKENIZER_VERSION || head->header_bytes != sizeof(lathe_tokenizer))
    return error("tokenizer blob: version ", head->version, " (header of ", head->header_bytes,
                 " bytes), this runtime reads version ", LATHE_TOKENIZER_VERSION, "; compile the model again");
  if (head->blob_bytes != blob.size())
    return error("tokenizer blob: states ", head->blob_bytes, " bytes, has ", blob.size(),
                 "; the bundle is damaged, compile it again");
  if (head->kind < LATHE_TOKENIZER_BPE || head->kind > LATHE_TOKENIZER_UNIGRAM)
    return error("tokenizer blob: kind ", head->kind, " is not one this runtime knows (1: bpe, 2: spm, 3: unigram)");

  TokenizerView view;
  view.base = reinterpret_cast<const char *>(blob.data());
  view.head = head;
  Sections sections{blob};
  view.starts = sections.get<uint32_t>("symbol_starts", head->symbol_starts);
  view.symbolBytes = sections.get<char>("symbol_bytes", head->symbol_bytes);
  view.types = sections.get<uint8_t>("types", head->types);
  view.keyStarts = sections.get<uint32_t>("key_starts", head->key_starts);
  view.keyBytes = sections.get<char>("key_bytes", head->key_bytes);
  view.scores = sections.get<double>("scores", head->scores);
  view.merges = sections.get<lathe_merge>("merges", head->merges);
  view.mergeSlots = sections.get<uint32_t>("merge_slots", head->merge_slots);
  view.pieceSlots = sections.get<uint32_t>("piece_slots", head->piece_slots);
  view.byteSymbols = sections.get<int32_t>("byte_symbols", head->byte_symbols);
  view.specials = sections.get<uint32_t>("specials", head->specials);
  view.opening = sections.get<uint32_t>("opening", head->opening);
  view.closing = sections.get<uint32_t>("closing", head->closing);
  view.stops = sections.get<uint32_t>("stops", head->stops);
  view.normalizers = sections.get<lathe_step>("normalizers", head->normalizers);
  view.splits = sections.get<lathe_step>("splits", head->splits);
  sections.check("inner_prefix", head->inner_prefix);
  sections.check("end_suffix", head->end_suffix);
  std::span<const lathe_chat> chat = sections.get<lathe_chat>("chat", head->chat);
  for (std::span<const lathe_step> steps : {view.normalizers, view.splits})
    for (const lathe_step &step : steps) {
      sections.check("a step's pattern", step.pattern);
      sections.check("a step's text", step.text);
    }
  if (chat.size() == 1) {
    view.chat = chat.data();
    sections.check("chat.name", view.chat->name);
    sections.check("chat.default_system", view.chat->default_system);
    sections.check("chat.generation", view.chat->generation);
    for (const lathe_chat_turn &turn : view.chat->turns) {
      sections.check("a chat turn's prefix", turn.prefix);
      sections.check("a chat turn's suffix", turn.suffix);
    }
  }
  if (sections.bad)
    return error("tokenizer blob: section ", sections.bad, " lies outside the blob of ", blob.size(),
                 " bytes; the bundle is damaged, compile it again");

  uint32_t tokens = head->n_tokens, symbols = head->n_symbols;
  if (tokens == 0 || tokens > symbols || symbols > INT32_MAX || view.starts.size() != uint64_t(symbols) + 1)
    return damaged("the counts of tokens and symbols do not fit their tables");
  if (view.types.size() != tokens || (head->kind != LATHE_TOKENIZER_BPE && view.scores.size() != tokens))
    return damaged("types or scores are not one for each token");
  if (view.byteSymbols.size() != 256 || chat.size() > 1 || view.splits.size() > LATHE_MAX_STEPS ||
      view.normalizers.size() > LATHE_MAX_STEPS)
    return damaged("a table has an impossible length");
  if (!isPowerOfTwoOrZero(view.mergeSlots.size()) || !isPowerOfTwoOrZero(view.pieceSlots.size()))
    return damaged("a hash table's length is not a power of two");
  if (std::max(head->inner_prefix.count, head->end_suffix.count) > LATHE_MAX_STEP_TEXT_BYTES)
    return damaged("a prefix or suffix is longer than they can be");
  view.innerPrefix = view.text(head->inner_prefix);
  view.endSuffix = view.text(head->end_suffix);
  auto ascending = [&](std::span<const uint32_t> starts, size_t bytes) {
    bool sound = starts.size() == uint64_t(symbols) + 1;
    for (size_t i = 0; sound && i < symbols; i++)
      sound = starts[i] <= starts[i + 1];
    return sound && starts[symbols] <= bytes;
  };
  if (!ascending(view.starts, view.symbolBytes.size()))
    return damaged("symbol_starts is not ascending within symbol_bytes");
  if (!view.keyStarts.empty() && !ascending(view.keyStarts, view.keyBytes.size()))
    return damaged("key_starts is not ascending within key_bytes");
  for (int32_t id : {head->bos, head->eos, head->unk, head->pad, head->missing})
    if (id < -1 || id >= int64_t(tokens))
      return damaged("a special id is not a token");
  for (int32_t symbol : view.byteSymbols)
    if (symbol < -1 || symbol >= int64_t(symbols))
      return damaged("a byte's symbol does not exist");
  for (std::span<const uint32_t> ids : {view.specials, view.opening, view.closing, view.stops})
    for (uint32_t id : ids)
      if (id >= tokens)
        return damaged("a special, opening, closing or stop token does not exist");
  for (std::span<const lathe_step> steps : {view.normalizers, view.splits})
    for (const lathe_step &step : steps) {
      bool map = step.kind == LATHE_STEP_CHARSMAP;
      if ((step.pattern.count > LATHE_MAX_PATTERN_BYTES && !map) || step.text.count > LATHE_MAX_STEP_TEXT_BYTES)
        return damaged("a pattern is longer than patterns can be");
    }
  return view;
}

std::optional<TokenizerView::Merge> TokenizerView::findMerge(uint32_t left, uint32_t right) const {
  uint32_t mask = mergeSlots.size() - 1;
  uint32_t slot = lathe_merge_hash(left, right);
  // A sound table has empty slots; the bound stops the walk in a damaged one.
  for (size_t step = 0; step < mergeSlots.size(); step++, slot++) {
    uint32_t rank = mergeSlots[slot & mask];
    if (rank == 0 || rank > merges.size())
      return std::nullopt;
    const lathe_merge &merge = merges[rank - 1];
    if (merge.left == left && merge.right == right)
      return merge.result < head->n_symbols ? std::optional(Merge{rank - 1, merge.result}) : std::nullopt;
  }
  return std::nullopt;
}

int32_t TokenizerView::findPiece(std::string_view piece, uint32_t hash) const {
  if (piece.size() > head->max_key_bytes)
    return -1;
  uint32_t mask = pieceSlots.size() - 1;
  uint32_t slot = hash;
  for (size_t step = 0; step < pieceSlots.size(); step++, slot++) {
    uint32_t symbol = pieceSlots[slot & mask];
    if (symbol == 0 || symbol > head->n_symbols)
      return -1;
    if (key(symbol - 1) == piece)
      return symbol - 1;
  }
  return -1;
}

} // namespace lathe
