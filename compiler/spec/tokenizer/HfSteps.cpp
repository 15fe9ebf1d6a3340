//===- HfSteps.cpp - tokenizer.json's normalizers and pre-tokenizers as steps -------------------------------------===//
#include "compiler/spec/tokenizer/HfTokenizer.h"
#include "compiler/spec/tokenizer/Oniguruma.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Base64.h"

namespace lathe::hf {
namespace {

constexpr llvm::StringLiteral gpt2Words =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";
// \w as Rust's regex has it (Unicode Technical Standard 18, annex C): joiners are in it.
constexpr llvm::StringLiteral wordCharacters = R"re(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D})re";
#define CHINESE(OPEN)                                                                                                  \
  OPEN R"re([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F})re"           \
       R"re(\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]))re"
constexpr llvm::StringLiteral punctuation = R"re([\p{P}!-/:-@\[-`{-~])re";

struct StepReader {
  TokenizerSource &source;
  bool byteLevel = false;
  bool spelled = false; ///< the text is in the byte-level alphabet at this step

  /// {"String": …} or {"Regex": …}, as a pattern; `literal` is set for a string.
  llvm::Expected<std::string> pattern(const Component &component, bool &literal) {
    const Json &value = member(component.json, "pattern");
    const Json &string = member(value, "String"), &regex = member(value, "Regex");
    literal = string.is_string();
    if (literal)
      return string.get<std::string>();
    if (!regex.is_string())
      return makeError("{0}: {1}.pattern: must be a String or a Regex", source.file, component.path);
    llvm::Expected<std::string> translated = toPcre2(regex.get<std::string>());
    if (!translated)
      return makeError("{0}: {1}.pattern: {2}", source.file, component.path, llvm::toString(translated.takeError()));
    return translated;
  }

  llvm::Error normalizer(const Component &component) {
    std::vector<TextStep> &steps = source.normalizers;
    std::string type = component.type();
    auto form = [&](uint32_t flags) { steps.push_back({LATHE_STEP_NORMALIZE, flags}); };
    if (spelled)
      return makeError("{0}: {1}: nothing may follow a ByteLevel normalizer", source.file, component.path);
    if (type == "NFD")
      form(0);
    else if (type == "NFC")
      form(1);
    else if (type == "NFKD")
      form(2);
    else if (type == "NFKC")
      form(3);
    else if (type == "Lowercase")
      steps.push_back({LATHE_STEP_LOWERCASE});
    else if (type == "StripAccents")
      steps.push_back({LATHE_STEP_STRIP_MARKS});
    else if (type == "Strip")
      steps.push_back({LATHE_STEP_STRIP, uint32_t(flag(component.json, "strip_left", true)) |
                                             uint32_t(flag(component.json, "strip_right", true)) << 1});
    else if (type == "Prepend")
      steps.push_back({LATHE_STEP_PREPEND, 0, "", text(component.json, "prepend")});
    else if (type == "Replace") {
      bool literal = false;
      llvm::Expected<std::string> from = pattern(component, literal);
      if (!from)
        return from.takeError();
      steps.push_back(
          {literal ? LATHE_STEP_REPLACE : LATHE_STEP_REPLACE_PATTERN, 0, *from, text(component.json, "content")});
    } else if (type == "Precompiled") {
      std::vector<char> map;
      if (llvm::Error error = llvm::decodeBase64(text(component.json, "precompiled_charsmap"), map))
        return makeError("{0}: {1}.precompiled_charsmap: {2}", source.file, component.path,
                         llvm::toString(std::move(error)));
      steps.push_back({LATHE_STEP_CHARSMAP, /*by graphemes*/ 1, std::string(map.begin(), map.end())});
    } else if (type == "ByteLevel") {
      steps.push_back({LATHE_STEP_SPELL_BYTES});
      byteLevel = spelled = true;
    } else if (type == "BertNormalizer") {
      bertNormalizer(component);
    } else {
      return component.unsupported(source.file, "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, "
                                                "Replace, Precompiled, ByteLevel, BertNormalizer, Sequence");
    }
    return llvm::Error::success();
  }

  /// Bert's clean_text, tokenize_chinese_chars and so on, of which only white space is left for what splits at it.
  void bertNormalizer(const Component &component) {
    std::vector<TextStep> &steps = source.normalizers;
    auto replace = [&](const char *pattern, const char *text) {
      steps.push_back({LATHE_STEP_REPLACE_PATTERN, 0, pattern, text});
    };
    bool lowercase = flag(component.json, "lowercase", true);
    if (flag(component.json, "clean_text", true)) {
      replace(R"re([\x{0}\x{FFFD}]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}])re", "");
      replace(R"re(\s)re", " ");
    }
    if (flag(component.json, "handle_chinese_chars", true))
      for (const char *place : {CHINESE("(?="), CHINESE("(?<=")})
        replace(place, " ");
    if (flag(component.json, "strip_accents", lowercase)) {
      steps.push_back({LATHE_STEP_NORMALIZE, 0});
      replace(R"re(\p{Mn})re", "");
    }
    if (lowercase)
      steps.push_back({LATHE_STEP_LOWERCASE});
  }

  void split(llvm::StringRef pattern, uint32_t behaviour) {
    source.splits.push_back({LATHE_STEP_SPLIT, behaviour, pattern.str()});
  }

  llvm::Expected<uint32_t> behaviour(const Component &component, llvm::StringRef otherwise) {
    std::string name = text(component.json, "behavior");
    auto found = llvm::StringSwitch<std::optional<uint32_t>>(name.empty() ? otherwise : llvm::StringRef(name))
                     .Case("Isolated", LATHE_SPLIT_ISOLATED)
                     .Case("Removed", LATHE_SPLIT_REMOVED)
                     .Case("MergedWithPrevious", LATHE_SPLIT_MERGED_WITH_PREVIOUS)
                     .Case("MergedWithNext", LATHE_SPLIT_MERGED_WITH_NEXT)
                     .Case("Contiguous", LATHE_SPLIT_CONTIGUOUS)
                     .Default(std::nullopt);
    if (!found)
      return makeError("{0}: {1}.behavior: \"{2}\" is not one of Isolated, Removed, MergedWithPrevious, "
                       "MergedWithNext, Contiguous",
                       source.file, component.path, printable(name));
    return *found;
  }

  llvm::Error metaspace(const Component &component) {
    std::string space = text(component.json, "replacement"), scheme = text(component.json, "prepend_scheme");
    if (space.empty())
      space = "\u2581";
    if (scheme.empty()) // files before prepend_scheme
      scheme = flag(component.json, "add_prefix_space", true) ? "always" : "never";
    source.splits.push_back({LATHE_STEP_REPLACE, 0, " ", space});
    if (scheme == "always" || scheme == "first")
      source.splits.push_back({LATHE_STEP_PREPEND,
                               uint32_t(LATHE_PREPEND_IF_MISSING) | (scheme == "first" ? LATHE_PREPEND_AT_START : 0),
                               "", space});
    else if (scheme != "never")
      return makeError("{0}: {1}.prepend_scheme: \"{2}\" is not one of always, first, never", source.file,
                       component.path, printable(scheme));
    if (flag(component.json, "split", true))
      split(escapePattern(space), LATHE_SPLIT_MERGED_WITH_NEXT);
    return llvm::Error::success();
  }

  void byteLevelSplit(const Component &component) {
    if (flag(component.json, "add_prefix_space", true))
      source.splits.push_back({LATHE_STEP_PREPEND, LATHE_PREPEND_IF_MISSING, "", " "});
    if (flag(component.json, "use_regex", true))
      split(gpt2Words, LATHE_SPLIT_ISOLATED);
    if (!spelled)
      source.splits.push_back({LATHE_STEP_SPELL_BYTES});
    byteLevel = spelled = true;
  }

  llvm::Error preTokenizer(const Component &component) {
    std::string type = component.type();
    if (type == "Split") {
      bool literal = false;
      llvm::Expected<std::string> found = pattern(component, literal);
      if (!found)
        return found.takeError();
      llvm::Expected<uint32_t> how = behaviour(component, "");
      if (!how)
        return how.takeError();
      split(literal ? escapePattern(*found) : *found,
            *how | (flag(component.json, "invert", false) ? LATHE_SPLIT_INVERT : 0));
    } else if (type == "ByteLevel") {
      byteLevelSplit(component);
    } else if (type == "Metaspace") {
      return metaspace(component);
    } else if (type == "Digits") {
      split("\\p{N}", flag(component.json, "individual_digits", false) ? LATHE_SPLIT_ISOLATED : LATHE_SPLIT_CONTIGUOUS);
    } else if (type == "Punctuation") {
      llvm::Expected<uint32_t> how = behaviour(component, "Isolated");
      if (!how)
        return how.takeError();
      split(punctuation, *how);
    } else if (type == "Whitespace") {
      split("[" + wordCharacters.str() + "]+|[^" + wordCharacters.str() + "\\s]+",
            LATHE_SPLIT_REMOVED | LATHE_SPLIT_INVERT);
    } else if (type == "WhitespaceSplit") {
      split("\\s+", LATHE_SPLIT_REMOVED);
    } else if (type == "BertPreTokenizer") {
      split("\\s+", LATHE_SPLIT_REMOVED);
      split(punctuation, LATHE_SPLIT_ISOLATED);
    } else if (type == "FixedLength") {
      const Json &length = member(component.json, "length");
      if (!length.is_number_integer() || length.get<int64_t>() < 1 || length.get<int64_t>() > 65535) // PCRE2's limit
        return makeError("{0}: {1}.length: must be from 1 to 65535", source.file, component.path);
      split(llvm::formatv("(?s:.){{1,{0}}", length.get<int64_t>()).str(), LATHE_SPLIT_ISOLATED);
    } else if (type == "CharDelimiterSplit") {
      split(escapePattern(text(component.json, "delimiter")), LATHE_SPLIT_REMOVED);
    } else {
      return component.unsupported(source.file,
                                   "Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, "
                                   "BertPreTokenizer, CharDelimiterSplit, FixedLength, Sequence");
    }
    return llvm::Error::success();
  }
};

} // namespace

llvm::Error readSteps(const Json &tokenizer, TokenizerSource &source, bool &byteLevel) {
  StepReader reader{source};
  llvm::Expected<std::vector<Component>> normalizers =
      flatten({member(tokenizer, "normalizer"), "normalizer"}, "normalizers", source.file);
  if (!normalizers)
    return normalizers.takeError();
  for (const Component &component : *normalizers)
    if (llvm::Error error = reader.normalizer(component))
      return error;
  llvm::Expected<std::vector<Component>> splits =
      flatten({member(tokenizer, "pre_tokenizer"), "pre_tokenizer"}, "pretokenizers", source.file);
  if (!splits)
    return splits.takeError();
  for (const Component &component : *splits)
    if (llvm::Error error = reader.preTokenizer(component))
      return error;
  byteLevel = reader.byteLevel;
  // The model reads bytes; where nothing looks at their spelling there is no need to spell them.
  if (!source.splits.empty() && source.splits.back().kind == LATHE_STEP_SPELL_BYTES)
    source.splits.pop_back();
  else if (reader.spelled)
    source.splits.push_back({LATHE_STEP_UNSPELL_BYTES});
  return llvm::Error::success();
}

} // namespace lathe::hf
