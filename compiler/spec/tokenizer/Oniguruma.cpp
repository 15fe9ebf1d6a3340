//===- Oniguruma.cpp - tokenizer.json's patterns in PCRE2's syntax ------------------------------------------------===//
#include "compiler/spec/tokenizer/Oniguruma.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringSwitch.h"
#include <optional>

namespace lathe {
namespace {

constexpr llvm::StringLiteral wordItems = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
// Out of classes Latin-1's superscript digits and fractions are word characters too.
constexpr llvm::StringLiteral word = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xB2\\xB3\\xB9\\xBC-\\xBE]";
constexpr int maxDepth = 100;

class Translator {
public:
  explicit Translator(llvm::StringRef pattern) : rest(pattern) {}

  llvm::Expected<std::string> translate() {
    size_t atom = 0; // where in `out` the last atom starts
    std::vector<size_t> groups;
    bool counted = false; // the last thing was {n,m}
    while (!rest.empty()) {
      if (counted && rest.front() == '+') {
        out.insert(atom, "(?:");
        out += ")+";
        rest = rest.drop_front();
        counted = false;
        continue;
      }
      counted = false;
      switch (rest.front()) {
      case '\\':
        atom = out.size();
        out += escape(/*inClass=*/false);
        break;
      case '[': {
        atom = out.size();
        llvm::Expected<std::string> set = charClass(0);
        if (!set)
          return set.takeError();
        out += *set;
        break;
      }
      case '(':
        groups.push_back(out.size());
        openGroup();
        break;
      case ')':
        if (!groups.empty()) {
          atom = groups.back();
          groups.pop_back();
        }
        take();
        break;
      case '{':
        counted = isCount();
        while (counted && rest.front() != '}')
          take();
        take();
        break;
      case '*':
      case '+':
      case '?':
        take();
        break;
      case '^':
      case '$':
        lines = true;
        [[fallthrough]];
      default:
        atom = out.size();
        do
          take();
        while (!rest.empty() && (rest.front() & 0xc0) == 0x80);
      }
    }
    return lines ? "(?m)" + out : out;
  }

private:
  void take() {
    if (rest.empty())
      return;
    out += rest.front();
    rest = rest.drop_front();
  }

  /// "{2}", "{2,}", "{,3}", "{1,3}" and not a literal brace.
  bool isCount() const {
    size_t close = rest.find('}');
    return close != llvm::StringRef::npos && close > 1 &&
           rest.slice(1, close).find_first_not_of("0123456789,") == llvm::StringRef::npos;
  }

  /// "(" or "(?im-x:" or "(?im-x)"; Ruby's m is PCRE2's s.
  void openGroup() {
    take();
    if (!rest.starts_with("?"))
      return;
    size_t end = rest.find_first_not_of("imx-", 1);
    bool options = end != llvm::StringRef::npos && end > 1 && (rest[end] == ':' || rest[end] == ')');
    for (size_t i = 0; options && i < end; i++) {
      out += rest.front() == 'm' ? 's' : rest.front();
      rest = rest.drop_front();
    }
  }

  /// A set of characters that has another name or meaning in PCRE2.
  struct Set {
    std::string items; ///< of a class
    bool negated;
  };
  static std::optional<std::string> itemsOf(llvm::StringRef name) {
    std::string plain;
    for (char c : name)
      if (!llvm::StringRef(" _-").contains(c))
        plain += llvm::toLower(c);
    return llvm::StringSwitch<std::optional<std::string>>(plain)
        .Cases({"alpha", "alphabetic"}, "\\p{Alphabetic}")
        .Case("alnum", "\\p{Alphabetic}\\p{Nd}")
        .Case("word", wordItems.str())
        .Cases({"upper", "uppercase"}, "\\p{Uppercase}")
        .Cases({"lower", "lowercase"}, "\\p{Lowercase}")
        .Case("punct", "\\p{P}$+<=>\\^`|~")
        .Cases({"space", "whitespace"}, "\\s")
        .Case("digit", "\\p{Nd}")
        .Case("xdigit", "0-9a-fA-F")
        .Case("letter", "\\p{L}")
        .Case("uppercaseletter", "\\p{Lu}")
        .Case("lowercaseletter", "\\p{Ll}")
        .Cases({"mark", "combiningmark"}, "\\p{M}")
        .Case("number", "\\p{N}")
        .Case("decimalnumber", "\\p{Nd}")
        .Case("punctuation", "\\p{P}")
        .Case("symbol", "\\p{S}")
        .Case("separator", "\\p{Z}")
        .Default(std::nullopt);
  }

  /// Takes such a set off the front: "\\w", "\\p{^Alpha}", in a class "[:alpha:]" too.
  std::optional<Set> takeSet(bool inClass) {
    llvm::StringRef name, whole;
    bool negated = false;
    if (inClass && rest.starts_with("[:")) {
      name = rest.drop_front(2).take_until([](char c) { return c == ':'; });
      whole = rest.take_front(name.size() + 4);
      if (!whole.ends_with(":]"))
        return std::nullopt;
    } else if (rest.starts_with_insensitive("\\p{")) {
      name = rest.drop_front(3).take_until([](char c) { return c == '}'; });
      whole = rest.take_front(name.size() + 4);
      negated = rest[1] == 'P';
    } else if (rest.size() > 1 && rest[0] == '\\' && llvm::StringRef("wWhH").contains(rest[1])) {
      whole = rest.take_front(2);
      name = llvm::toLower(rest[1]) == 'w' ? "word" : "xdigit";
      negated = llvm::isUpper(rest[1]);
    }
    if (name.consume_front("^"))
      negated = !negated;
    std::optional<std::string> items = itemsOf(name);
    if (!items)
      return std::nullopt;
    rest = rest.drop_front(whole.size());
    return Set{*items, negated};
  }

  /// An escape sequence at the front, translated.
  std::string escape(bool inClass) {
    char c = rest.size() > 1 ? rest[1] : '\0';
    if (!inClass && c != '\0' && llvm::StringRef("wWbB").contains(c)) {
      rest = rest.drop_front(2);
      std::string is = "(?=" + word.str() + ")", isNot = "(?!" + word.str() + ")", was = "(?<=" + word.str() + ")",
                  wasNot = "(?<!" + word.str() + ")";
      return c == 'w'   ? word.str()
             : c == 'W' ? "[^" + word.drop_front(1).str()
             : c == 'b' ? "(?:" + was + isNot + "|" + wasNot + is + ")"
                        : "(?:" + was + is + "|" + wasNot + isNot + ")";
    }
    if (std::optional<Set> set = inClass ? std::nullopt : takeSet(false))
      return (set->negated ? "[^" : "[") + set->items + "]";
    llvm::StringRef whole = rest.take_front(2);
    rest = rest.drop_front(whole.size());
    switch (c) {
    case 'u':
      if (rest.size() >= 4 && llvm::all_of(rest.take_front(4), llvm::isHexDigit)) {
        std::string digits = rest.take_front(4).str();
        rest = rest.drop_front(4);
        return "\\x{" + digits + "}";
      }
      return whole.str();
    case 'p':
    case 'P':
    case 'x':
      if (size_t close = rest.find('}'); rest.starts_with("{") && close != llvm::StringRef::npos) {
        std::string text = (whole + rest.take_front(close + 1)).str();
        rest = rest.drop_front(close + 1);
        return text;
      }
      return whole.str();
    default:
      // An escaped character of several bytes keeps its other bytes: they follow as they are.
      return whole.str();
    }
  }

  /// A class at the front: "[...]", or an expression of the same width for what PCRE2's classes cannot say.
  llvm::Expected<std::string> charClass(int depth) {
    if (depth > maxDepth)
      return makeError("classes are nested more than {0} deep", maxDepth);
    rest = rest.drop_front();
    bool negated = rest.consume_front("^");
    std::string before;             // of an intersection: what must hold too
    std::string items;              // of a plain class
    std::vector<std::string> inner; // classes in the class
    auto united = [&]() -> std::string {
      std::string plain = items.empty() ? "" : "[" + items + "]";
      if (inner.empty())
        return plain;
      std::string all = plain;
      for (const std::string &set : inner)
        all += (all.empty() ? "" : "|") + set;
      return "(?:" + all + ")";
    };
    for (bool first = true;; first = false) {
      if (rest.empty())
        return makeError("a class has no end");
      if (rest.front() == ']' && !first)
        break;
      if (std::optional<Set> set = takeSet(/*inClass=*/true)) {
        if (set->negated)
          inner.push_back("[^" + set->items + "]");
        else
          items += set->items;
      } else if (rest.consume_front("&&")) {
        before += "(?=" + united() + ")";
        items.clear();
        inner.clear();
      } else if (rest.starts_with("[:") && rest.find(":]") != llvm::StringRef::npos) {
        size_t end = rest.find(":]") + 2;
        items += rest.take_front(end);
        rest = rest.drop_front(end);
      } else if (rest.front() == '[') {
        llvm::Expected<std::string> set = charClass(depth + 1);
        if (!set)
          return set.takeError();
        inner.push_back(*set);
      } else if (rest.front() == '\\') {
        items += escape(/*inClass=*/true);
      } else {
        items += rest.front();
        rest = rest.drop_front();
      }
    }
    rest = rest.drop_front();
    if (before.empty() && inner.empty())
      return "[" + std::string(negated ? "^" : "") + items + "]";
    std::string set = before + united();
    return negated ? "(?:(?!" + set + ")(?s:.))" : "(?:" + set + ")";
  }

  llvm::StringRef rest;
  std::string out;
  bool lines = false;
};

} // namespace

llvm::Expected<std::string> toPcre2(llvm::StringRef pattern) { return Translator(pattern).translate(); }

std::string escapePattern(llvm::StringRef text) {
  std::string out;
  for (char c : text) {
    if (llvm::isPrint(c) && !llvm::isAlnum(c))
      out += '\\';
    out += c;
  }
  return out;
}

} // namespace lathe
