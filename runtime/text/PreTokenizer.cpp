//===- PreTokenizer.cpp - the pieces that no merge may cross ------------------------------------------------------===//
#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Utf8.h"
#include <pcre2.h>

namespace lathe {
namespace {

template <auto Free> struct Freed {
  template <typename T> void operator()(T *pointer) const { Free(pointer); }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freed<pcre2_jit_stack_free>>;

std::string pcreMessage(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char *>(text);
}

/// Cuts text into whole characters and stretches that are no UTF-8.
void splitValidity(std::string_view text, std::vector<std::string_view> &pieces) {
  while (!text.empty()) {
    size_t bytes = validUtf8Prefix(text);
    if (bytes == 0)
      bytes = utf8Front(text).bytes;
    pieces.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
}

} // namespace

struct PreTokenizer::Patterns {
  std::vector<Code> codes;
};

PreTokenizer::PreTokenizer(std::unique_ptr<Patterns> patterns) : patterns(std::move(patterns)) {}
PreTokenizer::~PreTokenizer() = default;

Result<std::unique_ptr<PreTokenizer>> PreTokenizer::create(const TokenizerView &view) {
  auto patterns = std::make_unique<Patterns>();
  for (const lathe_split &split : view.splits) {
    std::string_view pattern = view.text(split.pattern);
    int code = 0;
    PCRE2_SIZE offset = 0;
    Code compiled(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr));
    if (!compiled)
      return error("tokenizer: pre-tokeniser pattern ", patterns->codes.size() + 1, ": ", pcreMessage(code),
                   " at byte ", offset, " of \"", pattern, "\"");
    // Where PCRE2 has no JIT for the machine it interprets the same pattern.
    pcre2_jit_compile(compiled.get(), PCRE2_JIT_COMPLETE);
    patterns->codes.push_back(std::move(compiled));
  }
  return std::unique_ptr<PreTokenizer>(new PreTokenizer(std::move(patterns)));
}

Result<void> PreTokenizer::split(std::string_view text, std::vector<std::string_view> &pieces) const {
  pieces.clear();
  if (patterns->codes.empty()) {
    pieces.push_back(text);
    return {};
  }
  splitValidity(text, pieces);

  // The JIT's own stack is 32 KB; long runs of white space or of upper case letters need more.
  MatchContext context(pcre2_match_context_create(nullptr));
  JitStack stack(pcre2_jit_stack_create(32 * 1024, 64 * 1024 * 1024, nullptr));
  if (context && stack)
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());

  std::vector<std::string_view> input;
  for (size_t index = 0; index < patterns->codes.size(); index++) {
    const pcre2_code *code = patterns->codes[index].get();
    MatchData match(pcre2_match_data_create_from_pattern(code, nullptr));
    if (!match)
      return error("tokenizer: out of memory");
    input.swap(pieces);
    pieces.clear();
    for (std::string_view piece : input) {
      if (validUtf8Prefix(piece.substr(0, 4)) == 0) { // a stretch from splitValidity that is no UTF-8
        pieces.push_back(piece);
        continue;
      }
      size_t done = 0, from = 0;
      uint32_t notEmpty = 0;
      while (from < piece.size()) {
        // The piece is valid UTF-8; checking it again on every match would take quadratic time.
        int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), from,
                                 PCRE2_NO_UTF_CHECK | notEmpty, match.get(), context.get());
        if (result == PCRE2_ERROR_NOMATCH)
          break;
        if (result < 0)
          return error("tokenizer: pre-tokeniser pattern ", index + 1, ": ", pcreMessage(result), " in a piece of ",
                       piece.size(), " bytes");
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match.get());
        size_t begin = ends[0], end = ends[1];
        if (begin < done || end < begin) // \K can do that
          return error("tokenizer: pre-tokeniser pattern ", index + 1, " matches backwards");
        if (begin > done)
          pieces.push_back(piece.substr(done, begin - done));
        if (end > begin)
          pieces.push_back(piece.substr(begin, end - begin));
        // An empty match only cuts: the search goes on behind it.
        notEmpty = end == begin ? PCRE2_NOTEMPTY_ATSTART : 0;
        done = from = end;
      }
      if (done < piece.size())
        pieces.push_back(piece.substr(done));
    }
  }
  return {};
}

} // namespace lathe
