//===- OnigurumaTest.cpp - tokenizer.json's patterns in PCRE2's syntax --------------------------------------------===//
#include "compiler/spec/tokenizer/Oniguruma.h"
#include "runtime/text/Pattern.h"
#include <gmock/gmock.h>

using namespace lathe;

namespace {

/// The matches in a text, joined by "|".
std::string matches(const char *pattern, std::string_view text) {
  llvm::Expected<std::string> translated = toPcre2(pattern);
  if (!translated)
    return "error: " + llvm::toString(translated.takeError());
  Result<Pattern> compiled = Pattern::compile(*translated);
  if (!compiled)
    return "error: " + compiled.message();
  std::string out;
  (void)compiled->forEachMatch(text, [&](size_t begin, size_t end) {
    out += (out.empty() ? "" : "|") + std::string(text.substr(begin, end - begin));
  });
  return out;
}

TEST(Oniguruma, LeavesWhatPcre2ReadsTheSame) {
  const char *pattern = R"((?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+)";
  EXPECT_EQ(*toPcre2(pattern), pattern);
}

TEST(Oniguruma, Differences) {
  EXPECT_EQ(matches(R"(\h+)", "xafg09 \t"), "af|09");
  EXPECT_EQ(matches(R"([\h ]+)", "xaf 09"), "af 09");
  EXPECT_EQ(matches(R"(\w+)", "कि x_1-²ⅷⓐ\u200d"), "कि|x_1|²ⅷⓐ");
  EXPECT_EQ(matches(R"([\w]+)", "x_1-²ⅷⓐ\u200d"), "x_1|ⅷⓐ");
  EXPECT_EQ(matches(R"(a\b)", "a½a-aⅷa"), "a|a");
  EXPECT_EQ(matches(R"(a\B)", "a½a-a"), "a");
  EXPECT_EQ(matches(R"([[:alpha:]]+|[[:^alpha:]]+)", "aⅷ1ʰ\u0301"), "aⅷ|1|ʰ|\u0301");
  EXPECT_EQ(matches(R"([[:lower:]-]+)", "aⓐA-"), "aⓐ|-");
  EXPECT_EQ(matches(R"(\p{Punct}+|\P{Alnum})", "a$+«%a€"), "$+«%|€");
  EXPECT_EQ(matches(R"(\p{Uppercase_Letter}\p{letter})", "aBc"), "Bc");
  EXPECT_EQ(matches(R"([\p{^Letter}1]+)", "a-1b"), "-1");
  EXPECT_EQ(matches(R"([\W_]+)", "a-_ \u0301b²"), "-_ |²");
  EXPECT_EQ(matches(R"(\d{1,2}+)", "1234567a"), "1234567");
  EXPECT_EQ(matches(R"((?:ab){2}+)", "ababababx"), "abababab");
  EXPECT_EQ(matches(R"(a$)", "a\nba"), "a|a");
  EXPECT_EQ(matches(R"((?m)a.b)", "a\nb"), "a\nb");
  EXPECT_EQ(matches(R"((?m:a.)b)", "a\nb"), "a\nb");
  EXPECT_EQ(matches(R"([a-z&&[^aeiou]]+)", "banana"), "b|n|n");
  EXPECT_EQ(matches(R"([\p{L}&&[^\p{Han}]]+)", "ab世cd"), "ab|cd");
  EXPECT_EQ(matches(R"([ab[xy]]+)", "xaqby"), "xa|by");
  EXPECT_EQ(matches(R"([^ab[xy]]+)", "xaqby"), "q");
  EXPECT_EQ(matches(R"(\u4e16)", "世"), "世");
  EXPECT_EQ(matches(R"([]a]+)", "a]b"), "a]");
  EXPECT_EQ(matches(R"(\$\^a)", "$^a"), "$^a");
}

TEST(Oniguruma, Errors) {
  EXPECT_THAT(matches("[a", ""), testing::HasSubstr("a class has no end"));
  EXPECT_THAT(matches(std::string(1000, '[').c_str(), ""), testing::HasSubstr("deep"));
  EXPECT_THAT(matches("(a", ""), testing::HasSubstr("error: "));
  for (const char *pattern : {"\\", "[\\", "(?", "{", "a{1", "\\p{", "\\u12", "+", "a{2}+", "[a&&", "[&&]", "[[:"})
    (void)matches(pattern, "a");
}

TEST(Oniguruma, EscapedTextMatchesItself) {
  for (const char *text : {"▁", "a.b", "\\E[x]", "#{}$", " \n"})
    EXPECT_EQ(matches(escapePattern(text).c_str(), text), text);
}

} // namespace
