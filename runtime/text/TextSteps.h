//===- TextSteps.h - what text goes through before it becomes symbols -----------------------------------*- C++ -*-===//
//
// Applies the steps of a tokenizer blob (lathe_step), one after the other. Normalizers change the text; splits cut it
// into pieces that no merge may cross, and each further step sees each piece as if it were a text of its own.
//
//   "Hello, y'all 33"  --SPLIT 's|'t|…| ?\p{L}+| ?\p{N}+|…-->  "Hello" "," " y" "'" "all" " 33"
//   "Hello  world"     --REPLACE " " by "▁", PREPEND "▁"-->    "▁Hello▁▁world"
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TEXTSTEPS_H
#define LATHE_RUNTIME_TEXT_TEXTSTEPS_H

#include "runtime/core/Result.h"
#include "runtime/text/CharsMap.h"
#include "runtime/text/Pattern.h"
#include "runtime/text/Specials.h"
#include "runtime/text/TokenizerView.h"
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// What stands before a stretch of text.
enum class TextPlace { Start, AfterSpecial };

/// A text on its way. The views refer to the text it was made of or to `storage`.
struct Pieces {
  explicit Pieces(std::string_view text, TextPlace place) : place(place) { list.push_back(text); }

  std::vector<std::string_view> list;
  std::deque<std::string> storage; ///< of pieces that a step changed
  TextPlace place;                 ///< of the first piece
};

/// Immutable once made: several threads may apply it at once. Refers to the blob.
class TextSteps {
public:
  /// Compiles the patterns; the error names the step and where in its pattern PCRE2 stopped.
  static Result<TextSteps> create(const TokenizerView &view, std::span<const lathe_step> steps);

  bool empty() const { return steps.empty(); }
  /// Whether every text stays one piece.
  bool keepsWhole() const;
  /// Fails if a pattern needs more backtracking than PCRE2 allows.
  Result<void> apply(Pieces &pieces) const;

private:
  struct Step {
    lathe_step_kind kind;
    uint32_t flags;
    std::string_view pattern, text;
    std::optional<Pattern> compiled;
    std::optional<CharsMap> map;
    std::optional<Specials> kept; ///< what the map leaves alone
  };
  static Result<std::string> change(const Step &step, std::string_view piece);
  static std::string mapCharacters(const Step &step, std::string_view piece);
  static Result<void> split(const Step &step, Pieces &pieces);
  static void splitWords(const Step &step, Pieces &pieces);
  static void prepend(const Step &step, Pieces &pieces);

  std::vector<Step> steps;
};

} // namespace lathe

#endif
