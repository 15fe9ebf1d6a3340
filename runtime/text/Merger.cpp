//===- Merger.cpp - from a piece of text to its tokens ------------------------------------------------------------===//
#include "runtime/text/Merger.h"
#include "runtime/text/Utf8.h"
#include <algorithm>
#include <bit>

namespace lathe {
namespace {

/// Scores as integers that ascend where scores descend. Scores that compare equal give equal integers.
uint32_t priorityOf(float score) {
  uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f); // -0 becomes 0
  uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

} // namespace

void Merger::append(int32_t id, uint32_t start, uint32_t bytes) {
  if (id < 0 && view.has(LATHE_TOKENIZER_MERGE_OVER_MISSING) && !fallback.writes(piece.substr(start, bytes)))
    return;
  int32_t index = symbols.size();
  symbols.push_back({id, start, bytes, index - 1, index + 1});
}

void Merger::splitBytes() {
  for (size_t i = 0; i < piece.size(); i++)
    append(view.byteSymbol(piece[i]), i, 1);
}

void Merger::splitCharacters() {
  for (size_t i = 0; i < piece.size();) {
    std::string_view rest = piece.substr(i);
    Utf8Front front = utf8Front(rest);
    std::string_view key = rest.substr(0, front.bytes);
    bool inner = i > 0 && !view.innerPrefix.empty(), end = key.size() == rest.size() && !view.endSuffix.empty();
    if (inner || end)
      key = spelled.assign(inner ? view.innerPrefix : std::string_view()).append(key).append(end ? view.endSuffix : "");
    int32_t id = front.kind == Utf8Front::Character ? view.findPiece(key) : -1;
    append(id, i, front.bytes);
    i += front.bytes;
  }
}

/// Puts the pair on the heap if it may merge.
void Merger::offer(int32_t left, int32_t right) {
  if (left < 0 || right < 0)
    return;
  const Symbol &a = symbols[left], &b = symbols[right];
  uint32_t bytes = a.bytes + b.bytes;
  Pair pair;
  if (view.header().kind == LATHE_TOKENIZER_BPE) {
    if (a.id < 0 || b.id < 0)
      return;
    std::optional<TokenizerView::Merge> found = view.findMerge(a.id, b.id);
    if (!found)
      return;
    pair = {found->rank, left, found->result, bytes};
  } else {
    int32_t token = view.findPiece(piece.substr(a.start, bytes));
    if (token < 0 || uint32_t(token) >= view.header().n_tokens)
      return;
    pair = {priorityOf(view.score(token)), left, uint32_t(token), bytes};
  }
  heap.push_back(pair);
}

void Merger::merge() {
  auto later = [](const Pair &a, const Pair &b) {
    return a.priority != b.priority ? a.priority > b.priority : a.left > b.left;
  };
  heap.clear();
  for (size_t i = 1; i < symbols.size(); i++)
    offer(i - 1, i);
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Pair pair = heap.back();
    heap.pop_back();
    Symbol &left = symbols[pair.left];
    if (left.bytes == 0 || left.next < 0)
      continue;
    Symbol &right = symbols[left.next];
    if (left.bytes + right.bytes != pair.bytes)
      continue;
    left.id = pair.result;
    left.bytes = pair.bytes;
    right.bytes = 0;
    left.next = right.next;
    if (left.next >= 0)
      symbols[left.next].previous = pair.left;
    for (auto [a, b] : {std::pair(left.previous, pair.left), std::pair(pair.left, left.next)}) {
      size_t before = heap.size();
      offer(a, b);
      if (heap.size() != before)
        std::push_heap(heap.begin(), heap.end(), later);
    }
  }
}

void Merger::encode(std::string_view text, std::vector<int32_t> &out) {
  piece = text;
  if (piece.empty())
    return;
  if (view.has(LATHE_TOKENIZER_IGNORE_MERGES)) {
    int32_t whole = view.findPiece(piece);
    if (whole >= 0 && uint32_t(whole) < view.header().n_tokens) {
      out.push_back(whole);
      return;
    }
  }
  symbols.clear();
  if (view.has(LATHE_TOKENIZER_BYTE_LEVEL))
    splitBytes();
  else
    splitCharacters();
  if (symbols.empty())
    return;
  symbols.back().next = -1;
  merge();
  fallback.reset();
  for (int32_t i = 0; i >= 0; i = symbols[i].next) {
    const Symbol &symbol = symbols[i];
    if (symbol.id >= 0 && uint32_t(symbol.id) < view.header().n_tokens) {
      out.push_back(symbol.id);
      fallback.reset();
    } else {
      fallback.write(symbol.id >= 0 ? view.key(symbol.id) : piece.substr(symbol.start, symbol.bytes), out);
    }
  }
}

} // namespace lathe
