//===- TokenizerTest.cpp - encoding and decoding -------------------------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Utf8.h"
#include "test/runtime/text/Vocabularies.h"
#include <chrono>
#include <gmock/gmock.h>
#include <random>

using namespace lathe;
using namespace lathe::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const char *const gpt2Path = "test/data/tokenizers/ggml-vocab-gpt-2.gguf";
const char *const spmPath = "test/data/tokenizers/ggml-vocab-llama-spm.gguf";

std::vector<int32_t> encode(const Loaded &loaded, std::string_view text, EncodeOptions options = {}) {
  Result<std::vector<int32_t>> ids = loaded->encode(text, options);
  EXPECT_TRUE(ids) << ids.message();
  return ids ? *ids : std::vector<int32_t>();
}

std::string randomBytes(std::mt19937 &random, size_t count) {
  std::string text;
  // Mostly ASCII, so that merges happen, with whole and broken UTF-8 between.
  const std::string_view chunks[] = {"hello ",   " the", "\n",       "é",  "世界", "🦙",
                                     "\xf0\x9f", "\xff", "\xc0\x80", "  ", "'ll",  "33"};
  while (text.size() < count)
    if (random() % 3 == 0)
      text += char(random());
    else
      text += chunks[random() % std::size(chunks)];
  return text;
}

TEST(ByteLevel, MergesByRank) {
  Loaded tiny = open(tinyByteLevel());
  ASSERT_EQ(tiny.error, "");
  EXPECT_THAT(encode(tiny, "hello"), ElementsAre(259));
  EXPECT_THAT(encode(tiny, "hell"), ElementsAre(258));
  EXPECT_THAT(encode(tiny, "hel"), ElementsAre(256, 'l'));
  // Two words: no merge crosses the border.
  EXPECT_THAT(encode(tiny, "he llo"), ElementsAre(256, ' ', 257, 'o'));
}

TEST(ByteLevel, SpecialTokensOnlyWhenAsked) {
  Loaded tiny = open(tinyByteLevel());
  EXPECT_THAT(encode(tiny, "he<|a|>he", {.parseSpecial = true}), ElementsAre(256, 260, 256));
  EXPECT_THAT(encode(tiny, "<|a|>"), ElementsAre('<', '|', 'a', '|', '>'));
  // The longest that fits, and not the beginning of one.
  EXPECT_THAT(encode(tiny, "<|ab|><|a", {.parseSpecial = true}), ElementsAre(261, '<', '|', 'a'));
  // User-defined tokens are plain text for the vocabulary.
  EXPECT_THAT(encode(tiny, "he<<x>>"), ElementsAre(256, 263));
}

TEST(ByteLevel, StripsBlanksBesideATokenThatTakesThem) {
  llvm::Expected<std::string> blob = buildTokenizerBlob(tinyByteLevel());
  ASSERT_TRUE(bool(blob));
  auto head = reinterpret_cast<lathe_tokenizer *>(blob->data());
  (*blob)[head->types.offset + 260] |= LATHE_TOKEN_LSTRIP | LATHE_TOKEN_RSTRIP;
  Loaded tiny = open(*blob);
  EXPECT_THAT(encode(tiny, "he  <|a|> \n he", {.parseSpecial = true}), ElementsAre(256, 260, 256));
}

TEST(ByteLevel, LeavesOutBytesWithoutToken) {
  TokenizerSource source = tinyByteLevel();
  source.tokens['q'] = "unused"; // nothing is spelled "q" now
  Loaded tiny = open(source);
  ASSERT_EQ(tiny.error, "");
  EXPECT_THAT(encode(tiny, "heqhe"), ElementsAre(256, 256));
}

TEST(ByteLevel, WritesAMergeThatIsNoTokenAsItsBytes) {
  TokenizerSource source = tinyByteLevel();
  source.merges.insert(source.merges.begin(), {"x", "y"}); // "xy" is no token
  source.merges.push_back({"xy", "z"});                    // nor is "xyz"
  Loaded tiny = open(source);
  ASSERT_EQ(tiny.error, "");
  EXPECT_THAT(encode(tiny, "xyzhe"), ElementsAre('x', 'y', 'z', 256));
}

TEST(ByteLevel, KeepsWholeTokensWhereMergesAreIgnored) {
  TokenizerSource source = tinyByteLevel();
  setPreTokenizer(source, "llama-bpe");
  source.tokens.push_back("world"); // 264: no merge leads to it
  source.types.push_back(1);
  Loaded tiny = open(source);
  EXPECT_THAT(encode(tiny, "world", {.addSpecial = false}), ElementsAre(264));
  source.ignoreMerges = false;
  setPreTokenizer(source, "dbrx"); // the same patterns, merges only
  EXPECT_THAT(encode(open(source), "world"), ElementsAre('w', 'o', 'r', 'l', 'd'));
}

TEST(ByteLevel, AddsBosAndEosOnlyWhenAsked) {
  TokenizerSource source = tinyByteLevel();
  source.opening = {*source.bos};
  source.closing = {*source.eos};
  Loaded tiny = open(source);
  EXPECT_THAT(encode(tiny, "he"), ElementsAre(260, 256, 262));
  EXPECT_THAT(encode(tiny, ""), ElementsAre(260, 262));
  EXPECT_THAT(encode(tiny, "he", {.addSpecial = false}), ElementsAre(256));
}

TEST(Spm, MergesByScoreAndFallsBackToBytes) {
  Loaded tiny = open(tinySpm());
  ASSERT_EQ(tiny.error, "");
  EXPECT_EQ(tiny->opening().size(), 1u);
  EXPECT_THAT(encode(tiny, "ab"), ElementsAre(1, 264));
  EXPECT_THAT(encode(tiny, "a\n", {.addSpecial = false}), ElementsAre(262, 3 + '\n'));
  EXPECT_THAT(encode(tiny, "é", {.addSpecial = false}), ElementsAre(259, 3 + 0xc3, 3 + 0xa9));
  EXPECT_THAT(encode(tiny, "\xff", {.addSpecial = false}), ElementsAre(259, 3 + 0xff));
  EXPECT_THAT(encode(tiny, "", {.addSpecial = false}), ElementsAre());
}

TEST(Spm, TheBetterScoreGoesFirst) {
  TokenizerSource source = tinySpm();
  source.tokens[264] = "zz"; // no "▁ab": "▁a" and "ab" compete
  EXPECT_THAT(encode(open(source), "ab", {.addSpecial = false}), ElementsAre(262, 261));
  std::swap(source.scores[262], source.scores[263]);
  EXPECT_THAT(encode(open(source), "ab", {.addSpecial = false}), ElementsAre(259, 263));
  source.scores[262] = source.scores[263]; // equal: the left one
  EXPECT_THAT(encode(open(source), "ab", {.addSpecial = false}), ElementsAre(262, 261));
}

TEST(Spm, MergesOverSpacesWhereATokenHasThemInside) {
  TokenizerSource source = tinySpm();
  source.tokens[264] = "b▁"; // a space behind a letter: words cannot be encoded apart
  source.scores[264] = 0;
  EXPECT_THAT(encode(open(source), "ab a", {.addSpecial = false}), ElementsAre(262, 264, 260));
}

TEST(Spm, PrefixesASpaceAfterSpecialTokens) {
  Loaded tiny = open(tinySpm());
  EXPECT_THAT(encode(tiny, "a</s>a", {.addSpecial = false, .parseSpecial = true}), ElementsAre(262, 2, 262));
  TokenizerSource source = tinySpm();
  source.normalizers.clear();
  addSpaceSteps(source, {.charsMap = "", .prefix = false});
  EXPECT_THAT(encode(open(source), "a</s>a", {.addSpecial = false, .parseSpecial = true}), ElementsAre(260, 2, 260));
}

TEST(Steps, GrowthHasALimit) {
  TokenizerSource source = tinyByteLevel();
  for (int i = 0; i < 30; i++)
    source.normalizers.push_back({LATHE_STEP_REPLACE, 0, "a", std::string(256, 'a')});
  Loaded tiny = open(source);
  ASSERT_EQ(tiny.error, "");
  EXPECT_EQ(encode(tiny, "b").size(), 1u);
  Result<std::vector<int32_t>> ids = tiny->encode("aaaa");
  ASSERT_FALSE(ids);
  EXPECT_THAT(ids.message(), testing::HasSubstr("make more than"));
  source.normalizers = {{LATHE_STEP_REPLACE, 0, "a", std::string(257, 'a')}};
  EXPECT_THAT(open(source).error, testing::HasSubstr("a text of 257"));
}

TEST(Spm, ReadsTheEscapedSpaceAsASpace) {
  Loaded tiny = open(tinySpm());
  EXPECT_EQ(encode(tiny, "a▁a"), encode(tiny, "a a"));
}

TEST(Spm, UsesUnkWithoutByteTokens) {
  TokenizerSource source = tinySpm();
  source.types.assign(source.types.size(), LATHE_TOKEN_NORMAL);
  source.types[0] = LATHE_TOKEN_UNKNOWN;
  EXPECT_THAT(encode(open(source), "aé", {.addSpecial = false}), ElementsAre(262, 0));
}

TEST(Decode, DropsTheFirstSpaceOnlyAtTheStart) {
  Loaded tiny = open(tinySpm());
  std::vector<int32_t> ids = {1, 262, 262};
  EXPECT_EQ(tiny->decode(ids), "a a");
  EXPECT_EQ(tiny->decode(ids, {.start = false}), " a a");
  EXPECT_EQ(tiny->decode(ids, {.special = true}), "<s> a a"); // what is shown ends the start
  StreamDecoder shown(*tiny, {.special = true}), hidden(*tiny);
  EXPECT_EQ(shown.push(1) + shown.push(262), "<s> a");
  EXPECT_EQ(hidden.push(1) + hidden.push(262), "a");
}

TEST(Decode, SkipsIdsThatAreNoTokens) {
  Loaded tiny = open(tinyByteLevel());
  EXPECT_EQ(tiny->decode(std::vector<int32_t>{-1, 256, 100000, INT32_MIN, 'o'}), "heo");
  EXPECT_EQ(tiny->piece(-1), "");
  EXPECT_FALSE(tiny->isStop(-1));
  EXPECT_TRUE(tiny->isStop(262));
}

TEST(RoundTrip, AnyBytes) {
  for (const char *path : {gpt2Path, spmPath}) {
    Loaded loaded = open(readGguf(path));
    ASSERT_EQ(loaded.error, "");
    std::mt19937 random(7);
    for (int round = 0; round < 200; round++) {
      std::string text = randomBytes(random, random() % 200);
      EXPECT_EQ(loaded->decode(encode(loaded, text)), text) << path;
    }
    std::string all;
    for (int byte = 0; byte < 256; byte++)
      all += char(byte);
    EXPECT_EQ(loaded->decode(encode(loaded, all)), all) << path;
  }
}

TEST(Stream, NeverSplitsACharacterAndLosesNothing) {
  for (const char *path : {gpt2Path, spmPath}) {
    Loaded loaded = open(readGguf(path));
    std::mt19937 random(11);
    for (int round = 0; round < 200; round++) {
      std::string text = randomBytes(random, random() % 60);
      std::vector<int32_t> ids = encode(loaded, text);
      StreamDecoder stream(*loaded);
      std::string all;
      for (int32_t id : ids) {
        std::string part = stream.push(id);
        EXPECT_EQ(validUtf8Prefix(part), part.size());
        all += part;
      }
      all += stream.finish();
      EXPECT_EQ(all, toValidUtf8(text)) << path;
    }
  }
}

TEST(Stream, SplitAtEveryByte) {
  Loaded tiny = open(tinyByteLevel());
  const std::string text = "aé世🦙z";
  StreamDecoder stream(*tiny);
  std::vector<std::string> parts;
  for (unsigned char byte : text)
    parts.push_back(stream.push(byte));
  EXPECT_THAT(parts, ElementsAre("a", "", "é", "", "", "世", "", "", "", "🦙", "z"));
  EXPECT_EQ(stream.finish(), "");
  // Cut short: one replacement at the end, and ready for the next text.
  EXPECT_EQ(stream.push(0xf0) + stream.push(0x9f), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.push('a'), "a");
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  EXPECT_EQ(toValidUtf8("a\xc0\x80z"), "a\uFFFD\uFFFDz");                 // overlong
  EXPECT_EQ(toValidUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");           // a surrogate
  EXPECT_EQ(toValidUtf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD"); // past U+10FFFF
  EXPECT_EQ(toValidUtf8("\xe4\xb8\xe4\xb8\x96"), "\uFFFD世");             // cut short, then whole
  EXPECT_EQ(utf8Front("\xe4\xb8").kind, Utf8Front::Incomplete);
}

/// Time grows about as the text does: a quadratic step would take minutes here.
TEST(LongText, MegabytesOfOneLetter) {
  for (const char *path : {gpt2Path, spmPath}) {
    Loaded loaded = open(readGguf(path));
    for (std::string unit : {"a", " ", "\n", "!", "A", "1", "\xff", "é", "<", " \n", "ab c"}) {
      std::string text;
      while (text.size() < (unit == "a" ? 1 << 20 : 1 << 18)) // whole megabytes of the plainest case
        text += unit;
      auto begin = std::chrono::steady_clock::now();
      std::vector<int32_t> ids = encode(loaded, text);
      double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      EXPECT_EQ(loaded->decode(ids), text) << path << " " << testing::PrintToString(unit);
      EXPECT_LT(seconds, 20) << path << " " << testing::PrintToString(unit);
      RecordProperty(std::string("seconds ") + testing::PrintToString(unit), std::to_string(seconds));
      if (getenv("LATHE_TEST_TIMES"))
        printf("%s %s: %.3f s, %zu tokens\n", path, testing::PrintToString(unit).c_str(), seconds, ids.size());
    }
  }
}

} // namespace
