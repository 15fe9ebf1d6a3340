//===- Specials.h - tokens that are matched in the text itself ------------------------------------------*- C++ -*-===//
//
// Control tokens ("<|im_end|>") and user-defined ones are cut out of a text before the rest of it is encoded: at each
// place the longest that fits.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_SPECIALS_H
#define LATHE_RUNTIME_TEXT_SPECIALS_H

#include "runtime/text/TokenizerView.h"
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Immutable once sealed.
class Specials {
public:
  /// Who may be matched. Control tokens that a text may spell only after its normalization are part of a template's own
  /// text as they stand.
  enum class Allow { UserDefined, Control, Template };

  struct Entry {
    std::string text;
    int32_t id;
    Allow allow; ///< the least that must be allowed
    uint32_t attributes;
  };
  /// A match and the text it takes with it.
  struct Match {
    const Entry *entry; ///< null: none
    size_t begin, end;
    size_t next; ///< where its own text ends: white space that it takes may begin the next match
  };

  void add(Entry entry);
  /// Call once, after the last add.
  void seal();
  bool empty() const { return entries.empty(); }

  /// The first match in text[from ..]; what it takes with it on its left does not reach before `done`.
  /// `allow(position)` says what may be matched there and how far: a match ends no later than that.
  struct Allowed {
    Allow allow;
    size_t reach;
  };
  template <typename AllowAt> Match find(std::string_view text, size_t from, size_t done, AllowAt allowAt) const {
    for (size_t i = from; i < text.size();) {
      Range range = ranges[static_cast<uint8_t>(text[i])];
      const Entry *entry = nullptr;
      if (range.begin != range.end) {
        Allowed allowed = allowAt(i);
        entry = longest(text.substr(i, allowed.reach - i), range, allowed.allow);
      }
      if (!entry) {
        i++;
        continue;
      }
      if (fits(*entry, text, i))
        return widen(*entry, text, done, i);
      i += entry->text.size();
    }
    return {nullptr, text.size(), text.size(), text.size()};
  }

private:
  struct Range {
    uint32_t begin = 0, end = 0;
  };
  const Entry *longest(std::string_view text, Range range, Allow allow) const;
  static bool fits(const Entry &entry, std::string_view text, size_t at);
  static Match widen(const Entry &entry, std::string_view text, size_t done, size_t at);

  std::vector<Entry> entries; ///< by their texts ascending
  Range ranges[256];          ///< of the entries that start with a byte
};

} // namespace lathe

#endif
