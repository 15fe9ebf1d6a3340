//===- TokenizerView.h - a tokenizer blob, checked ------------------------------------------------------*- C++ -*-===//
//
// Typed access to runtime/abi/tokenizer_abi.h's blob. open() checks everything that is small (header, bounds, ids, the
// starts of all symbols); the entries of the two hash tables and the merges are checked as they are looked up, so that
// opening does not touch their pages. A bad entry there means "not found", never an access out of bounds.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZERVIEW_H
#define LATHE_RUNTIME_TEXT_TOKENIZERVIEW_H

#include "runtime/abi/tokenizer_abi.h"
#include "runtime/core/Result.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lathe {

class TokenizerView {
public:
  /// `blob` must be 8-aligned and outlive the view.
  static Result<TokenizerView> open(std::span<const uint8_t> blob);

  const lathe_tokenizer &header() const { return *head; }
  bool has(lathe_tokenizer_flag flag) const { return head->flags & flag; }

  /// The bytes that a symbol stands for. symbol < n_symbols.
  std::string_view bytes(uint32_t symbol) const {
    return {symbolBytes.data() + starts[symbol], starts[symbol + 1] - starts[symbol]};
  }
  /// How text that went through the steps spells it.
  std::string_view key(uint32_t symbol) const {
    return keyStarts.empty()
               ? bytes(symbol)
               : std::string_view(keyBytes.data() + keyStarts[symbol], keyStarts[symbol + 1] - keyStarts[symbol]);
  }
  /// token < n_tokens.
  uint32_t type(uint32_t token) const { return types[token] & LATHE_TOKEN_TYPE_MASK; }
  uint32_t attributes(uint32_t token) const { return types[token] & ~LATHE_TOKEN_TYPE_MASK; }
  double score(uint32_t token) const { return scores[token]; }
  /// The symbol that writes one byte, or -1.
  int32_t byteSymbol(uint8_t byte) const { return byteSymbols[byte]; }

  /// What two neighbouring symbols become.
  struct Merge {
    uint32_t rank, result;
  };
  std::optional<Merge> findMerge(uint32_t left, uint32_t right) const;
  /// The symbol with exactly this key that ordinary text may become, or -1.
  int32_t findPiece(std::string_view key) const {
    return findPiece(key, lathe_piece_hash(reinterpret_cast<const uint8_t *>(key.data()), key.size()));
  }
  /// The same with the key's hash known.
  int32_t findPiece(std::string_view key, uint32_t hash) const;

  std::span<const uint32_t> specials, opening, closing, stops;
  std::span<const lathe_step> normalizers, splits;
  std::string_view innerPrefix, endSuffix;
  /// Null: the bundle has no chat format.
  const lathe_chat *chat = nullptr;
  /// A u8 section that open() has checked: of a step or of the chat.
  std::string_view text(lathe_section section) const { return {base + section.offset, section.count}; }

private:
  const char *base = nullptr;
  const lathe_tokenizer *head = nullptr;
  std::span<const char> symbolBytes, keyBytes;
  std::span<const uint32_t> starts, keyStarts, mergeSlots, pieceSlots;
  std::span<const uint8_t> types;
  std::span<const double> scores;
  std::span<const lathe_merge> merges;
  std::span<const int32_t> byteSymbols;
};

} // namespace lathe

#endif
