//===- TokenizerBlobTest.cpp - what the compiler makes of a vocabulary ------------------------------------===//
#include "compiler/spec/tokenizer/ByteLevel.h"
#include "compiler/spec/tokenizer/ChatTemplates.h"
#include "compiler/spec/tokenizer/PreTokenizers.h"
#include "test/runtime/text/Vocabularies.h"
#include "llvm/Support/FormatVariadic.h"
#include <chrono>
#include <gmock/gmock.h>
#include <map>

using namespace lathe;
using namespace lathe::test;
using testing::HasSubstr;

namespace {

TEST(ByteLevel, SpellsEveryByteOnceAndBack) {
  EXPECT_EQ(spellByte(' '), "Ġ");
  EXPECT_EQ(spellByte('\n'), "Ċ");
  EXPECT_EQ(spellByte('a'), "a");
  EXPECT_EQ(spellByte(0xad), "Ń");
  std::map<std::string, int> seen;
  for (int byte = 0; byte < 256; byte++) {
    EXPECT_TRUE(seen.emplace(spellByte(byte), byte).second);
    EXPECT_EQ(bytesOfSpelling(spellByte(byte)), std::string(1, char(byte)));
  }
  EXPECT_EQ(bytesOfSpelling("世"), std::nullopt);
  EXPECT_EQ(bytesOfSpelling(" "), std::nullopt);
  EXPECT_EQ(bytesOfSpelling("\xc4"), std::nullopt);
}

/// Message of the error that a source gives, or "".
template <typename Change> std::string errorOf(TokenizerSource source, Change change) {
  change(source);
  llvm::Expected<std::string> blob = buildTokenizerBlob(source);
  return blob ? "" : llvm::toString(blob.takeError());
}

TEST(TokenizerBlob, ErrorsNameFileAndEntry) {
  auto error = [](auto change) { return errorOf(tinyByteLevel(), change); };
  EXPECT_THAT(error([](auto &s) { s.model = "bert"; }), HasSubstr("tiny.gguf: tokenizer: model \"bert\""));
  TokenizerSource unknown = tinyByteLevel();
  EXPECT_THAT(llvm::toString(addPreTokenizer(unknown, "nonsense").takeError()),
              HasSubstr("tiny.gguf: tokenizer: pre-tokeniser \"nonsense\" is unknown; known are gpt-2"));
  EXPECT_THAT(error([](auto &s) { s.tokens.clear(); }), HasSubstr("0 tokens"));
  EXPECT_THAT(error([](auto &s) { s.types.pop_back(); }), HasSubstr("263 token types for 264 tokens"));
  EXPECT_THAT(error([](auto &s) { s.types[3] = 9; }), HasSubstr("type 9 of token 3"));
  EXPECT_FALSE(splitMerge("nospace") || splitMerge("a ") || splitMerge(""));
  EXPECT_THAT(error([](auto &s) { s.merges[1] = {"", "a"}; }), HasSubstr("merge 1 has an empty side"));
  EXPECT_THAT(error([](auto &s) { s.merges[1] = {"世", "a"}; }), HasSubstr("merge 1"));
  EXPECT_THAT(error([](auto &s) { s.bos = 264; }), HasSubstr("special id 264"));
  EXPECT_THAT(error([](auto &s) { s.stops = {-3}; }), HasSubstr("stop id -3"));
  auto spmError = [](auto change) { return errorOf(tinySpm(), change); };
  EXPECT_THAT(spmError([](auto &s) { s.scores.pop_back(); }), HasSubstr("scores"));
  EXPECT_THAT(spmError([](auto &s) { s.scores[5] = NAN; }), HasSubstr("score of token 5"));
  EXPECT_THAT(spmError([](auto &s) { s.tokens[5] = "<0xZZ>"; }), HasSubstr("byte token 5"));
}

TEST(TokenizerBlob, EqualSourcesGiveEqualBytes) {
  EXPECT_EQ(*buildTokenizerBlob(tinyByteLevel()), *buildTokenizerBlob(tinyByteLevel()));
  EXPECT_EQ(*buildTokenizerBlob(tinySpm()), *buildTokenizerBlob(tinySpm()));
}

TEST(PreTokenizers, EveryPatternCompilesAndKeepsEveryByte) {
  std::string names = preTokenizerNames();
  const std::string text = "Hello, y'all! It's 12345 UPPERCase  \n\n \t 世界🦙 33…";
  for (size_t begin = 0; begin < names.size();) {
    size_t end = std::min(names.find(", ", begin), names.size());
    TokenizerSource source = tinyByteLevel();
    std::string name = names.substr(begin, end - begin);
    setPreTokenizer(source, name);
    if (source.model == "bpe")
      source.tokens[259] = "\u2581";
    if (source.model == "bpe") // of characters: they need tokens of their own
      for (int byte = 0; byte < 256; byte++)
        source.tokens[byte] = llvm::formatv("<0x{0:X-2}>", byte).str(), source.types[byte] = LATHE_TOKEN_BYTE;
    Loaded loaded = open(source);
    ASSERT_EQ(loaded.error, "") << name;
    Result<std::vector<int32_t>> ids = loaded->encode(text, {.addSpecial = false});
    ASSERT_TRUE(ids) << name << ": " << ids.message();
    EXPECT_EQ(loaded->decode(*ids), text) << name;
    begin = end + 2;
  }
}

/// The pieces that a pre-tokeniser makes, joined by "|": in a vocabulary where every piece is a token.
std::string pieces(const std::string &pre, const std::string &text) {
  TokenizerSource source = tinyByteLevel();
  setPreTokenizer(source, pre);
  llvm::Expected<std::string> blob = buildTokenizerBlob(source);
  EXPECT_TRUE(bool(blob));
  std::vector<uint64_t> words(blob->size() / 8);
  memcpy(words.data(), blob->data(), blob->size());
  Result<TokenizerView> view = TokenizerView::open({reinterpret_cast<const uint8_t *>(words.data()), blob->size()});
  EXPECT_TRUE(view);
  Result<TextSteps> steps = TextSteps::create(*view, view->splits);
  EXPECT_TRUE(steps);
  Pieces out(text, TextPlace::Start);
  EXPECT_TRUE(steps->apply(out));
  std::string joined;
  for (std::string_view piece : out.list)
    joined += (joined.empty() ? "" : "|") + std::string(piece);
  return joined;
}

/// Time grows about as a run of one kind does.
TEST(PreTokenizers, LongRuns) {
  std::string names = preTokenizerNames();
  for (size_t begin = 0; begin < names.size(); begin = names.find(", ", begin) + 2) {
    std::string name = names.substr(begin, names.find(", ", begin) - begin);
    for (std::string unit : {"1", "1234567a", "a", " ", "\n", "世", "a ", "A", "!", "'", "½"}) {
      std::string text;
      while (text.size() < 1 << 16)
        text += unit;
      auto start = std::chrono::steady_clock::now();
      EXPECT_FALSE(pieces(name, text).empty()) << name << " " << unit;
      EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 2)
          << name << " " << unit;
    }
    if (names.find(", ", begin) == names.npos)
      break;
  }
}

TEST(PreTokenizers, SplitAsTheirModelsDo) {
  const std::string text = "I'LL it's 1234567 a  b";
  EXPECT_EQ(pieces("gpt-2", text), "I|'|LL| it|'s| 1234567| a| | b");
  EXPECT_EQ(pieces("smollm", text), "I|'|LL| it|'s| |1|2|3|4|5|6|7| a| | b");
  EXPECT_EQ(pieces("llama-bpe", text), "I|'LL| it|'s| |123|456|7| a| | b");
  EXPECT_EQ(pieces("qwen2", text), "I|'LL| it|'s| |1|2|3|4|5|6|7| a| | b");
  EXPECT_EQ(pieces("gpt-4o", "HelloWORLDnow I'LL"), "Hello|WORLDnow| I'LL");
  EXPECT_EQ(pieces("tekken", "HelloWorld 12"), "Hello|World| |1|2");
  EXPECT_EQ(pieces("superbpe", "ab 1234567"), "ab |1|234|567");
  EXPECT_EQ(pieces("superbpe", "123456x12x12½123456"), "123|456|x|12|x|12½|123|456");
  for (const char *pre : {"tiny_aya", "afmoe"}) {
    EXPECT_EQ(pieces(pre, "1234567 12 123"), "1|234|567| |12| |123") << pre;
    EXPECT_EQ(pieces(pre, "1234"), "1|234") << pre;
  }
  EXPECT_EQ(pieces("tiny_aya", "1234567a"), "123|456|7|a"); // no word ends there: by threes from the start
  EXPECT_EQ(pieces("tiny_aya", "1234½"), "123|4½");         // ½ is part of the word
  EXPECT_EQ(pieces("afmoe", "1234567a世界b"), "1|234|567|a|世界|b");
  EXPECT_EQ(pieces("kimi-k2", "ab世界cdE世F 12345"), "ab|世界|cd|E|世|F| |123|45");
  EXPECT_EQ(pieces("exaone-moe", "a bc d e fg 12"), "a bc d e fg| |1|2");
  EXPECT_EQ(pieces("jais-2", "a       b"), "a|    |  | b");
  EXPECT_EQ(pieces("qwen35", "कि ab\n\n"), "कि| ab|\n\n");
  EXPECT_EQ(pieces("youtu", "Ab가나…12"), "Ab|가나|…|1|2");
  EXPECT_EQ(pieces("laguna", "a\n\n  b"), "a|\n\n| | b");
  EXPECT_EQ(pieces("gemma4", "a b\n\nc"), "a b|\n\n|c");
  EXPECT_EQ(pieces("deepseek-v3", "a中文b1234"), "a|中文|b|123|4");
}

TEST(ChatFormats, EmbeddedFilesAreSound) {
  llvm::Expected<std::vector<ChatFormat>> formats = chatFormats();
  ASSERT_TRUE(bool(formats)) << llvm::toString(formats.takeError());
  EXPECT_GE(formats->size(), 15u);
  // Each is found by a template that says just what it looks for.
  for (const ChatFormat &format : *formats) {
    std::string text;
    for (const std::string &match : format.match)
      text += match + " ";
    const ChatFormat *found = matchChatFormat(*formats, text);
    ASSERT_TRUE(found) << format.name;
    EXPECT_EQ(found->name, format.name);
  }
  EXPECT_EQ(matchChatFormat(*formats, "{{ something else }}"), nullptr);
}

TEST(ChatFormats, ErrorsNameTheField) {
  auto error = [](const char *json) {
    llvm::Expected<ChatFormat> format = parseChatFormat("x.json", json);
    return format ? std::string() : llvm::toString(format.takeError());
  };
  const std::string turns =
      R"("system":{"prefix":"","suffix":""},"user":{"prefix":"","suffix":""},"assistant":{"prefix":"","suffix":""})";
  EXPECT_EQ(error((R"({"name":"x","match":["a"],"generation":"",)" + turns + "}").c_str()), "");
  EXPECT_THAT(error("{"), HasSubstr("x.json: "));
  EXPECT_THAT(error("[]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(error(R"({"name":"x"})"), HasSubstr("x.json.system"));
  EXPECT_THAT(error((R"({"name":"x","match":["a"],"generation":"","colour":1,)" + turns + "}").c_str()),
              HasSubstr("x.json.colour: is no field"));
  EXPECT_THAT(error((R"({"name":"x","match":"a","generation":"",)" + turns + "}").c_str()), HasSubstr("x.json.match"));
  EXPECT_THAT(error((R"({"name":"x","match":["a"],"trim":["robot"],"generation":"",)" + turns + "}").c_str()),
              HasSubstr("\"robot\""));
}

} // namespace
