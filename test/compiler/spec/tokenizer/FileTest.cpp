//===- FileTest.cpp - tokenizer.json, SentencePiece's .model, llama2.c's tokenizer.bin ----------------------------===//
//
// The vocabularies in test/data/tokenizers/hf and sentencepiece and what their own libraries make of some texts come
// from make_fixtures.py beside them.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePieceModel.pb.h"
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "runtime/text/CharsMap.h"
#include "runtime/text/StreamDecoder.h"
#include "test/TemporaryFolder.h"
#include "test/runtime/text/Vocabularies.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <random>

using namespace lathe;
using namespace lathe::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const std::string data = "test/data/tokenizers/", shared = "../shared/data/";

Loaded openFile(const std::string &path) {
  llvm::Expected<std::shared_ptr<TokenizerSource>> source = readTokenizerFile(path);
  Loaded loaded;
  if (!source)
    loaded.error = llvm::toString(source.takeError());
  else if (!*source)
    loaded.error = path + ": no tokenizer";
  else
    return open(**source);
  return loaded;
}

nlohmann::json readCases(const std::string &path) {
  nlohmann::json json = nlohmann::json::parse(readFile(path), nullptr, false);
  return json.is_object() ? json["cases"] : json;
}

/// Every case of a file; `skip` says which texts are not to be compared.
template <typename Skip>
void check(const Loaded &loaded, const std::string &file, bool special, bool decodes, Skip skip) {
  ASSERT_EQ(loaded.error, "") << file;
  nlohmann::json cases = readCases(file);
  ASSERT_GT(cases.size(), 30u) << file;
  for (const auto &entry : cases) {
    auto text = entry["text"].get<std::string>();
    if (skip(text))
      continue;
    auto plain = entry["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(*loaded->encode(text, {.addSpecial = false, .parseSpecial = special}), plain) << file << ": " << entry;
    if (entry.contains("ids_with_special"))
      EXPECT_EQ(*loaded->encode(text, {.parseSpecial = special}), entry["ids_with_special"].get<std::vector<int32_t>>())
          << file << ": " << entry;
    if (decodes)
      EXPECT_EQ(loaded->decode(plain, {.special = true}), entry["decoded"].get<std::string>()) << file << ": " << entry;
  }
}
bool none(const std::string &) { return false; }
bool spellsSpecial(const std::string &text) { return text.find("s>") != text.npos; }

std::string hfCases(const std::string &name) { return data + "hf/" + name + ".cases.json"; }
Loaded openHf(const std::string &name) { return openFile(data + "hf/" + name + ".json"); }

TEST(TokenizerJson, ByteLevelWithStepsBehindIt) {
  check(openHf("byte-level"), hfCases("byte-level"), true, true, none);
}
TEST(TokenizerJson, OnigurumaPatternsAndSplitBehaviours) {
  check(openHf("oniguruma"), hfCases("oniguruma"), true, true, none);
}
TEST(TokenizerJson, ByteFallbackAndSpecialsBehindTheNormalizer) {
  check(openHf("fallback"), hfCases("fallback"), true, false, none);
  // What a text with shown control tokens loses at its start is not the library's: Lathe takes their spelling for none
  // of the text's own.
  check(openHf("fallback"), hfCases("fallback"), true, true, spellsSpecial);
}
TEST(TokenizerJson, MetaspaceFirst) { check(openHf("metaspace-first"), hfCases("metaspace-first"), true, false, none); }
TEST(TokenizerJson, Unigram) {
  check(openHf("unigram"), hfCases("unigram"), true, false, none);
  check(openHf("unigram"), hfCases("unigram"), true, true, spellsSpecial);
}
TEST(TokenizerJson, UnigramWithBytes) {
  check(openHf("unigram-fallback"), hfCases("unigram-fallback"), true, true, none);
}

/// A tokenizer.json with this model; `rest` are further members.
Loaded openModel(const std::string &model, const std::string &rest) {
  TemporaryFolder folder;
  Loaded loaded =
      openFile(folder.write("tokenizer.json", "{\"model\":" + model + (rest.empty() ? "" : ",") + rest + "}"));
  EXPECT_EQ(loaded.error, "");
  return loaded;
}
std::vector<int32_t> encodeAll(const Loaded &loaded, std::string_view text) {
  return *loaded->encode(text, {.parseSpecial = true});
}

TEST(TokenizerJson, WhatTheVocabularyLacks) {
  const std::string vocabulary = R"("vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":["a b"])";
  const std::string byteLevel = R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false})";
  for (const std::string &rest : {std::string(), byteLevel}) {
    // With an unk it is written, without one it goes before anything merges.
    EXPECT_THAT(encodeAll(openModel(R"({"type":"BPE","unk_token":"<unk>",)" + vocabulary + "}", rest), "a?b"),
                ElementsAre(1, 0, 2));
    EXPECT_THAT(encodeAll(openModel(R"({"type":"BPE",)" + vocabulary + "}", rest), "?a??b"), ElementsAre(3));
  }
  // Bytes among the added tokens are bytes still.
  Loaded bytes = openModel(R"({"type":"BPE","byte_fallback":true,"vocab":{"a":0,"<0x0A>":1},"merges":[]})",
                           R"("added_tokens":[{"id":1,"content":"<0x0A>","special":true}])");
  EXPECT_THAT(encodeAll(bytes, "a\n"), ElementsAre(0, 1));
}

TEST(TokenizerJson, AddedTokensStandApart) {
  // No part of what the model writes,
  Loaded unigram = openModel(R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["b",-1]]})",
                             R"("added_tokens":[{"id":3,"content":"ab","single_word":true,"special":false}])");
  EXPECT_THAT(encodeAll(unigram, "aba ab"), ElementsAre(1, 2, 1, 0, 3));
  // not before joiners, circled letters and letter numbers, which are word characters too,
  for (const char *text : {"ab\u200d", "ab\u24d0", "ab\u2177", "\u2177ab"})
    EXPECT_THAT(encodeAll(unigram, text), testing::Contains(1)) << text;
  // and normalized ones are looked for in what the others leave.
  Loaded two = openModel(R"({"type":"BPE","unk_token":"?","vocab":{"?":0},"merges":[]})",
                         R"("added_tokens":[{"id":1,"content":"x","normalized":false,"special":true},
                            {"id":2,"content":"ab","single_word":true,"normalized":true,"special":false}])");
  EXPECT_THAT(encodeAll(two, "xab"), ElementsAre(1, 2));
  // White space that one takes may begin the next.
  Loaded strip = openModel(R"({"type":"BPE","unk_token":"?","vocab":{"?":0},"merges":[]})",
                           R"("added_tokens":[{"id":1,"content":"x","rstrip":true,"special":true},
                              {"id":2,"content":" y","special":true}])");
  EXPECT_THAT(encodeAll(strip, "x y  ."), ElementsAre(1, 2, 0, 0, 0));
  EXPECT_THAT(encodeAll(strip, "x  "), ElementsAre(1));
}

TEST(TokenizerJson, KeysThatMarkWhereAWordEnds) {
  const std::string gpt = R"("normalizer":{"type":"BertNormalizer","lowercase":true},
      "pre_tokenizer":{"type":"BertPreTokenizer"},"decoder":{"type":"BPEDecoder","suffix":"</w>"})";
  Loaded loaded =
      openModel(R"({"type":"BPE","unk_token":"<unk>","end_of_word_suffix":"</w>","vocab":{"<unk>":0,"a":1,"b":2,
      "a</w>":3,"b</w>":4,"ab</w>":5,"ba":6},"merges":["a b</w>","b a"]})",
                gpt);
  std::vector<int32_t> ids = encodeAll(loaded, "AB bab \u00e0\u00ad?");
  EXPECT_THAT(ids, ElementsAre(5, 2, 5, 3, 0));
  ids.pop_back();
  EXPECT_EQ(loaded->decode(ids), "ab bab a");
  StreamDecoder stream(*loaded);
  EXPECT_EQ(stream.push(5) + "|" + stream.push(2) + "|" + stream.push(5), "ab| b|ab");
  EXPECT_EQ(stream.finish(), "");

  Loaded chinese = openModel(R"({"type":"BPE","vocab":{"a":0," ":1,"世":2},"merges":[]})",
                             R"("normalizer":{"type":"BertNormalizer"})");
  EXPECT_THAT(encodeAll(chinese, "世世\u00a0A"), ElementsAre(1, 2, 1, 1, 2, 1, 1, 0));

  Loaded inner = openModel(
      R"({"type":"BPE","continuing_subword_prefix":"##","vocab":{"a":0,"##a":1,"##b":2,"a##":3,"aab":4,"aa":5},
      "merges":["a ##a","aa ##b"]})",
      R"("pre_tokenizer":{"type":"WhitespaceSplit"})");
  EXPECT_THAT(encodeAll(inner, "aab aaa"), ElementsAre(4, 5, 1));
}

TEST(TokenizerJson, FixedLength) {
  Loaded loaded = openModel(R"({"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2},"merges":["a a","aa aa"]})",
                            R"("pre_tokenizer":{"type":"FixedLength","length":3})");
  EXPECT_THAT(encodeAll(loaded, "aaaaaaaa"), ElementsAre(1, 0, 1, 0, 1));
}

TEST(TokenizerJson, Shared) {
  const std::string folder = shared + "tokenizers/hf/";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << folder << " is not here: only the vocabularies in test/data were checked";
  for (const char *name : {"gpt2", "qwen2_5"})
    check(openFile(folder + name + "/tokenizer.json"), folder + name + "/oracle.json", true, true, none);
  // The folder llama2 holds Mistral's vocabulary; its oracle is Llama 2's, which lies with a model.
  check(openFile(folder + "llama2/tokenizer.json"), hfCases("shared-llama2"), true, false, none);
  check(openFile(shared + "models/stories15M/tokenizer.model"), folder + "llama2/oracle.json", true, true,
        spellsSpecial);
  check(openFile(shared + "models/stories15M/tokenizer.bin"), folder + "llama2/oracle.json", true, false,
        [](const std::string &text) { return spellsSpecial(text) || text.find("▁") != text.npos; });
}

TEST(SentencePiece, Models) {
  for (const char *name : {"bpe", "bpe-nfkc", "unigram", "unigram-identity"}) {
    std::string file = data + "sentencepiece/" + name;
    Loaded loaded = openFile(file + ".model");
    ASSERT_EQ(loaded.error, "");
    for (const auto &entry : readCases(file + ".cases.json"))
      EXPECT_EQ(*loaded->encode(entry["text"].get<std::string>(), {.addSpecial = false}),
                entry["ids"].get<std::vector<int32_t>>())
          << name << ": " << entry;
  }
}

/// A model of sentencepiece/ with two of its pieces user-defined.
Loaded openUserDefined(const std::string &name, int first, const std::string &one, const std::string &two) {
  sentencepiece::Model model;
  EXPECT_TRUE(model.ParseFromString(readFile(data + "sentencepiece/" + name + ".model")));
  for (auto [id, text] : {std::pair(first, one), std::pair(first + 1, two)}) {
    model.mutable_pieces(id)->set_piece(text);
    model.mutable_pieces(id)->set_type(LATHE_TOKEN_USER_DEFINED);
  }
  TemporaryFolder folder;
  Loaded loaded = openFile(folder.write("user-defined.model", model.SerializeAsString()));
  EXPECT_EQ(loaded.error, "");
  return loaded;
}

TEST(SentencePiece, UserDefinedPieces) {
  auto has = [](int32_t id) { return testing::Contains(id); };
  for (const char *name : {"bpe-nfkc", "unigram"}) {
    // Their text is not normalized, which would make a space of one and take the circle from the other,
    Loaded loaded = openUserDefined(name, 200, "\n", "\u24d0");
    EXPECT_THAT(*loaded->encode("a\nb"), has(200)) << name;
    EXPECT_THAT(*loaded->encode("a\u24d0b"), has(201)) << name;
    EXPECT_EQ(loaded->decode(*loaded->encode("a\nb")), "a\nb") << name;
    // and they are looked for once spaces are U+2581; a piece with a plain one is never met.
    loaded = openUserDefined(name, 200, "\u2581qx", "q x");
    EXPECT_THAT(*loaded->encode("a qx"), has(200)) << name;
    EXPECT_THAT(*loaded->encode("a\u00a0qx"), has(200)) << name;
    EXPECT_THAT(*loaded->encode("q x"), testing::Not(has(201))) << name;
    EXPECT_EQ(loaded->decode(*loaded->encode("a qx")), "a qx") << name;
  }
  // The prefix goes before one that starts the text, and U+2581 at the end is a space there.
  Loaded loaded = openUserDefined("unigram", 200, "qx", "qy");
  std::vector<int32_t> ids = *loaded->encode("qx");
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(loaded->piece(ids[0]), " ");
  EXPECT_EQ(*loaded->encode("qx\u2581 \u2581"), ids);
}

TEST(CharsMap, ByGraphemes) {
  sentencepiece::Model model;
  ASSERT_TRUE(model.ParseFromString(readFile(data + "sentencepiece/bpe-nfkc.model")));
  CharsMap map(model.normalizer_spec().precompiled_charsmap());
  EXPECT_EQ(map.apply("e\u0301 カ\u3099 \u2460"), "\u00e9 ガ 1");
  EXPECT_EQ(map.apply("e\u0301 カ\u3099 \u2460", /*byGraphemes=*/true), "\u00e9 カ\u3099 1"); // 6 bytes are too many
}

TEST(Llama2c, WithAndWithoutTheLengthInFront) {
  Loaded loaded = openFile(data + "llama2c/tokenizer.bin");
  ASSERT_EQ(loaded.error, "");
  EXPECT_EQ(loaded->size(), 512);
  std::vector<int32_t> ids = *loaded->encode("Once upon a time");
  EXPECT_THAT(ids, ElementsAre(1, 403, 407, 261, 378));
  EXPECT_EQ(loaded->decode(ids), "Once upon a time");
  EXPECT_EQ(loaded->piece(1), "<s>");

  TemporaryFolder folder;
  Loaded old = openFile(folder.write("tokenizer.bin", readFile(data + "llama2c/tokenizer.bin").substr(4)));
  ASSERT_EQ(old.error, "");
  EXPECT_EQ(*old->encode("Once upon a time"), ids);
}

TEST(RoundTrip, AnyBytesThroughEveryKind) {
  std::mt19937 random(7);
  // Of those whose normalizers lose nothing.
  for (const std::string &file :
       {data + "hf/fallback.json", data + "sentencepiece/bpe.model", data + "sentencepiece/unigram-identity.model"}) {
    Loaded loaded = openFile(file);
    ASSERT_EQ(loaded.error, "");
    for (int round = 0; round < 200; round++) {
      std::string text;
      for (int length = random() % 40; length > 0; length--)
        text += random() % 2 ? char(random()) : char(' ' + random() % 95);
      EXPECT_EQ(loaded->decode(*loaded->encode(text, {.addSpecial = false})), text) << file;
    }
  }
}

/// What reading a changed tokenizer.json says.
template <typename Change> std::string errorOf(Change change) {
  auto json = nlohmann::json::parse(readFile(data + "hf/fallback.json"));
  change(json);
  TemporaryFolder folder;
  return openFile(folder.write("tokenizer.json", json.dump())).error;
}

TEST(TokenizerJson, ErrorsNameTheComponent) {
  using Json = nlohmann::json;
  EXPECT_EQ(errorOf([](Json &) {}), "");
  EXPECT_THAT(errorOf([](Json &j) { j["model"]["type"] = "WordPiece"; }), HasSubstr("model: type \"WordPiece\""));
  EXPECT_THAT(errorOf([](Json &j) { j["normalizer"]["normalizers"][1]["type"] = "Nmt"; }),
              HasSubstr("normalizer.normalizers[1]: type \"Nmt\" is not supported; supported are NFC"));
  EXPECT_THAT(errorOf([](Json &j) { j["pre_tokenizer"]["type"] = "UnicodeScripts"; }),
              HasSubstr("pre_tokenizer: type \"UnicodeScripts\""));
  EXPECT_THAT(errorOf([](Json &j) { j["decoder"]["decoders"][1]["type"] = "CTC"; }),
              HasSubstr("decoder.decoders[1]: type \"CTC\""));
  EXPECT_THAT(errorOf([](Json &j) { j["decoder"]["decoders"][3]["start"] = 2; }), HasSubstr("behind Fuse"));
  EXPECT_THAT(errorOf([](Json &j) { j["post_processor"]["type"] = "Magic"; }), HasSubstr("post_processor: type"));
  EXPECT_THAT(errorOf([](Json &j) { j["post_processor"]["special_tokens"] = Json::object(); }),
              HasSubstr("\"<s>\" has no ids"));
  EXPECT_THAT(errorOf([](Json &j) { j["model"]["end_of_word_suffix"] = std::string(300, 'x'); }),
              HasSubstr("end_of_word_suffix"));
  EXPECT_THAT(errorOf([](Json &j) { j["model"]["dropout"] = 0.1; }), HasSubstr("dropout"));
  EXPECT_THAT(errorOf([](Json &j) { j["model"]["vocab"]["x"] = 1 << 30; }), HasSubstr("\"x\" has id 1073741824"));
  EXPECT_THAT(errorOf([](Json &j) { j["model"]["merges"][3] = 7; }), HasSubstr("model.merges[3]"));
  EXPECT_THAT(errorOf([](Json &j) { j["added_tokens"][0].erase("id"); }), HasSubstr("added_tokens[0]"));
  EXPECT_THAT(errorOf([](Json &j) {
                j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
              }),
              HasSubstr("(a"));
  EXPECT_THAT(errorOf([](Json &j) {
                j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "x\n(a"}}}, {"behavior", "Isolated"}};
              }),
              testing::Not(HasSubstr("\n"))); // one line
  EXPECT_THAT(errorOf([](Json &j) {
                j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Odd"}};
              }),
              HasSubstr("\"Odd\" is not one of Isolated"));
}

TEST(Malformed, NothingCrashes) {
  TemporaryFolder folder;
  std::mt19937 random(5);
  for (const std::string &file : {data + "hf/byte-level.json", data + "hf/unigram.json", data + "hf/fallback.json",
                                  data + "sentencepiece/bpe.model", data + "llama2c/tokenizer.bin"}) {
    std::string bytes = readFile(file);
    ASSERT_FALSE(bytes.empty());
    for (int round = 0; round < 150; round++) {
      std::string copy = bytes.substr(0, random() % 4 ? bytes.size() : random() % bytes.size());
      for (int flips = random() % 4; flips > 0 && !copy.empty(); flips--)
        copy[random() % copy.size()] = random() % 3 ? "0\"{}[],:9"[random() % 9] : char(random());
      Loaded loaded = openFile(folder.write(std::filesystem::path(file).filename(), copy));
      if (!loaded.tokenizer)
        continue;
      if (auto ids = loaded->encode("Hello <s> 世界 \xff 12", {.parseSpecial = true}))
        (void)loaded->decode(*ids, {.special = true});
    }
  }
}

} // namespace
