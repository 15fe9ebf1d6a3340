//===- Pattern.cpp - a PCRE2 pattern ------------------------------------------------------------------------------===//
#include "runtime/text/Pattern.h"
#include "runtime/text/Utf8.h"
#include <algorithm>
#include <pcre2.h>

namespace lathe {
namespace {

template <auto Free> struct Freed {
  template <typename T> void operator()(T *pointer) const { Free(pointer); }
};
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freed<pcre2_jit_stack_free>>;

std::string pcreMessage(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char *>(text);
}

/// The end of a pattern, in one line.
std::string lastOf(std::string_view pattern) {
  std::string out(pattern.substr(pattern.size() - std::min<size_t>(pattern.size(), 40)));
  std::replace_if(out.begin(), out.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return out;
}

/// What a thread needs to search, kept for its next search.
struct Workspace {
  MatchData match{pcre2_match_data_create(64, nullptr)};
  MatchContext context{pcre2_match_context_create(nullptr)};
  // The JIT's own stack is 32 KB; long runs of white space or of upper case letters need more.
  JitStack stack{pcre2_jit_stack_create(32 * 1024, 64 * 1024 * 1024, nullptr)};

  Workspace() {
    if (context && stack)
      pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

} // namespace

struct Pattern::Code {
  std::unique_ptr<pcre2_code, Freed<pcre2_code_free>> compiled;
};

Pattern::Pattern(std::unique_ptr<Code> code) : code(std::move(code)) {}
Pattern::Pattern(Pattern &&) noexcept = default;
Pattern &Pattern::operator=(Pattern &&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view pattern) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto compiled = std::make_unique<Code>();
  compiled->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr));
  if (!compiled->compiled)
    return error(pcreMessage(code), " at byte ", offset, ", behind \"", lastOf(pattern.substr(0, offset)), "\"");
  // Where PCRE2 has no JIT for the machine it interprets the same pattern.
  pcre2_jit_compile(compiled->compiled.get(), PCRE2_JIT_COMPLETE);
  return Pattern(std::move(compiled));
}

Result<void> Pattern::forEachMatch(std::string_view text, const std::function<void(size_t, size_t)> &visit) const {
  thread_local Workspace workspace;
  if (!workspace.match)
    return error("out of memory");
  for (size_t start = 0; start < text.size();) {
    std::string_view valid = text.substr(start, validUtf8Prefix(text.substr(start)));
    if (valid.empty()) {
      start += utf8Front(text.substr(start)).bytes;
      continue;
    }
    uint32_t notEmpty = 0;
    for (size_t from = 0; from < valid.size();) {
      // Checking the UTF-8 again on every match would take quadratic time.
      int result = pcre2_match(code->compiled.get(), reinterpret_cast<PCRE2_SPTR>(valid.data()), valid.size(), from,
                               PCRE2_NO_UTF_CHECK | notEmpty, workspace.match.get(), workspace.context.get());
      if (result == PCRE2_ERROR_NOMATCH)
        break;
      if (result < 0)
        return error(pcreMessage(result), " in a piece of ", valid.size(), " bytes");
      const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(workspace.match.get());
      size_t begin = ends[0], end = ends[1];
      if (begin < from || end < begin) // \K can do that
        return error("it matches backwards");
      visit(start + begin, start + end);
      // Behind an empty match the search goes on for one that is not.
      notEmpty = end == begin ? PCRE2_NOTEMPTY_ATSTART : 0;
      from = end;
    }
    start += valid.size();
  }
  return {};
}

} // namespace lathe
