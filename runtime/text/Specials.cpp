//===- Specials.cpp - tokens that are matched in the text itself --------------------------------------------------===//
#include "runtime/text/Specials.h"
#include "runtime/text/Unicode.h"
#include <algorithm>
#include <tuple>

namespace lathe {

void Specials::add(Entry entry) {
  if (!entry.text.empty())
    entries.push_back(std::move(entry));
}

void Specials::seal() {
  std::sort(entries.begin(), entries.end(),
            [](const Entry &a, const Entry &b) { return std::tie(a.text, a.id) < std::tie(b.text, b.id); });
  for (uint32_t i = 0; i < entries.size(); i++) {
    Range &range = ranges[static_cast<uint8_t>(entries[i].text[0])];
    if (range.end == 0)
      range.begin = i;
    range.end = i + 1;
  }
}

/// The longest entry at the front of `text`; among equals the one with the lowest id.
const Specials::Entry *Specials::longest(std::string_view text, Range range, Allow allow) const {
  const Entry *best = nullptr;
  for (size_t depth = 1; range.begin < range.end; depth++) {
    // All of the range agree with the text in `depth` bytes; those that end here come first.
    for (bool found = false; range.begin < range.end && entries[range.begin].text.size() == depth; range.begin++) {
      const Entry &entry = entries[range.begin];
      if (!found && entry.allow <= allow) {
        best = &entry;
        found = true;
      }
    }
    if (depth >= text.size())
      break;
    auto first = entries.begin() + range.begin, last = entries.begin() + range.end;
    auto byteOf = [&](const Entry &entry) { return static_cast<uint8_t>(entry.text[depth]); };
    uint8_t wanted = text[depth];
    first = std::lower_bound(first, last, wanted, [&](const Entry &e, uint8_t byte) { return byteOf(e) < byte; });
    last = std::upper_bound(first, last, wanted, [&](uint8_t byte, const Entry &e) { return byte < byteOf(e); });
    range = {uint32_t(first - entries.begin()), uint32_t(last - entries.begin())};
  }
  return best;
}

bool Specials::fits(const Entry &entry, std::string_view text, size_t at) {
  return !(entry.attributes & LATHE_TOKEN_SINGLE_WORD) ||
         (!endsWithWord(text.substr(0, at)) && !startsWithWord(text.substr(at + entry.text.size())));
}

Specials::Match Specials::widen(const Entry &entry, std::string_view text, size_t done, size_t at) {
  size_t begin = at, next = at + entry.text.size(), end = next;
  if ((entry.attributes & LATHE_TOKEN_LSTRIP) && at > done)
    begin -= trailingSpace(text.substr(done, at - done));
  if (entry.attributes & LATHE_TOKEN_RSTRIP)
    end += leadingSpace(text.substr(end));
  return {&entry, begin, end, next};
}

} // namespace lathe
