#include "test/compiler/kernels/TextEdits.h"
#include <cctype>
#include <map>
#include <regex>

namespace lathe::test {
namespace {

/// The name of a value that starts at `at`: a % and a letter. (In modules' text values are numbers: %12, %arg3.)
std::string nameAt(const std::string &pattern, size_t at) {
  size_t end = at + 1;
  while (end < pattern.size() && std::isalnum(static_cast<unsigned char>(pattern[end])))
    ++end;
  return pattern.substr(at, end - at);
}

bool isSpace(char c) { return c == ' ' || c == '\n'; }

struct Pattern {
  std::regex regex;
  std::map<std::string, size_t> names; ///< the group of each value
  std::vector<size_t> gaps;            ///< the groups of the `...`
};

Pattern parse(const std::string &from) {
  Pattern pattern;
  std::string text;
  size_t groups = 0;
  for (size_t at = 0; at < from.size();) {
    if (from[at] == '%') {
      const std::string name = nameAt(from, at);
      const auto [known, added] = pattern.names.try_emplace(name, groups + 1);
      text += added ? "(%\\w+)" : "\\" + std::to_string(known->second) + "\\b";
      groups += added;
      at += name.size();
    } else if (from.compare(at, 3, "...") == 0) {
      text += "([^\\n]*?)";
      pattern.gaps.push_back(++groups);
      at += 3;
    } else if (isSpace(from[at])) {
      text += "\\s+";
      while (at < from.size() && isSpace(from[at]))
        ++at;
    } else {
      if (!std::isalnum(static_cast<unsigned char>(from[at])))
        text += '\\';
      text += from[at++];
    }
  }
  pattern.regex = std::regex(text);
  return pattern;
}

std::string fill(const std::string &to, const Pattern &pattern, const std::smatch &match) {
  std::string text;
  size_t gap = 0;
  for (size_t at = 0; at < to.size();) {
    if (to[at] == '%') {
      const std::string name = nameAt(to, at);
      const auto known = pattern.names.find(name);
      text += known == pattern.names.end() ? name : match[known->second].str();
      at += name.size();
    } else if (to.compare(at, 3, "...") == 0) {
      text += match[pattern.gaps.at(gap++)].str();
      at += 3;
    } else {
      text += to[at++];
    }
  }
  return text;
}

} // namespace

std::optional<std::string> edited(const std::string &text, const std::string &from, const std::string &to) {
  const Pattern pattern = parse(from);
  std::string result;
  auto end = text.begin();
  for (std::sregex_iterator match(text.begin(), text.end(), pattern.regex), none; match != none; ++match) {
    result.append(end, text.begin() + match->position()).append(fill(to, pattern, *match));
    end = text.begin() + match->position() + match->length();
  }
  if (end == text.begin())
    return std::nullopt;
  return result.append(end, text.end());
}

} // namespace lathe::test
