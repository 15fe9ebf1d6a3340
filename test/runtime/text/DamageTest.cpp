//===- DamageTest.cpp - blobs that no compiler wrote ------------------------------------------------------===//
#include "runtime/text/StreamDecoder.h"
#include "test/runtime/text/Vocabularies.h"
#include <cstring>
#include <gmock/gmock.h>
#include <random>

using namespace lathe;
using namespace lathe::test;
using testing::HasSubstr;

namespace {

std::string blobOf(const TokenizerSource &source) {
  llvm::Expected<std::string> blob = buildTokenizerBlob(source);
  EXPECT_TRUE(bool(blob));
  return blob ? *blob : "";
}

TokenizerSource withChat(TokenizerSource source) {
  source.chatTemplate = "<|im_start|> <|im_end|>";
  return source;
}

/// Opens a blob and, if it opens, does everything with it. Nothing may crash; what comes out does not matter.
void use(const std::string &blob) {
  Loaded loaded = open(blob);
  if (!loaded.tokenizer) {
    EXPECT_THAT(loaded.error, HasSubstr("tokenizer"));
    return;
  }
  std::vector<int32_t> ids;
  for (bool special : {false, true})
    if (auto result = loaded->encode("hello ab <|a|>é\xff 33<<x>>", {.parseSpecial = special}))
      ids = *result;
  (void)loaded->decode(ids, {.special = true});
  StreamDecoder stream(*loaded);
  for (int32_t id : ids)
    (void)stream.push(id);
  for (int32_t id = -1; id < 300; id++) {
    (void)loaded->piece(id);
    (void)loaded->isStop(id);
  }
  std::vector<ChatMessage> messages = {{"system", "a"}, {"user", "b"}};
  if (auto result = loaded->encodeChat(messages))
    (void)loaded->decode(*result);
}

template <typename Change> std::string changed(std::string blob, Change change) {
  change(*reinterpret_cast<lathe_tokenizer *>(blob.data()));
  return blob;
}

TEST(Damage, HeaderMistakesAreNamed) {
  std::string blob = blobOf(tinyByteLevel());
  EXPECT_THAT(open(std::string()).error, HasSubstr("shorter than its header"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.magic[0] = 'X'; })).error, HasSubstr("LATHETOK"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.version = 99; })).error, HasSubstr("version 99"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.kind = 7; })).error, HasSubstr("kind 7"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.blob_bytes++; })).error, HasSubstr("states"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.merges.count = 1 << 30; })).error, HasSubstr("merges"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.n_tokens = 0; })).error, HasSubstr("counts"));
  EXPECT_THAT(open(changed(blob, [](auto &head) { head.bos = 1 << 20; })).error, HasSubstr("special id"));
  EXPECT_THAT(open(blob.substr(0, blob.size() - 8)).error, HasSubstr("states"));
}

TEST(Damage, ABadPatternIsNamed) {
  std::string blob = blobOf(tinyByteLevel());
  auto *head = reinterpret_cast<lathe_tokenizer *>(blob.data());
  auto *split = reinterpret_cast<lathe_step *>(blob.data() + head->splits.offset);
  blob[split->pattern.offset] = '(';
  EXPECT_THAT(open(blob).error, HasSubstr("pattern of step 1"));
}

TEST(Damage, TruncatedAnywhere) {
  std::string blob = blobOf(withChat(tinyByteLevel()));
  for (size_t bytes = 0; bytes < blob.size(); bytes += 7) {
    use(blob.substr(0, bytes));
    // The same with a length that claims to fit.
    std::string cut = blob.substr(0, bytes);
    if (bytes >= sizeof(lathe_tokenizer))
      use(changed(cut, [&](auto &head) { head.blob_bytes = bytes; }));
  }
}

TEST(Damage, AnyBitFlipped) {
  for (const TokenizerSource &source : {withChat(tinyByteLevel()), withChat(tinySpm())}) {
    std::string blob = blobOf(source);
    std::mt19937 random(3);
    for (size_t bit = 0; bit < sizeof(lathe_tokenizer) * 8; bit++) {
      std::string copy = blob;
      copy[bit / 8] ^= 1 << bit % 8;
      use(copy);
    }
    for (int round = 0; round < 4000; round++) {
      std::string copy = blob;
      for (int flips = 1 + random() % 4; flips > 0; flips--) {
        size_t bit = random() % (blob.size() * 8);
        copy[bit / 8] ^= 1 << bit % 8;
      }
      use(copy);
    }
  }
}

TEST(Damage, FullHashTablesEnd) {
  for (const TokenizerSource &source : {tinyByteLevel(), tinySpm()}) {
    std::string blob = blobOf(source);
    auto *head = reinterpret_cast<lathe_tokenizer *>(blob.data());
    for (lathe_section section : {head->merge_slots, head->piece_slots})
      for (uint32_t i = 0; i < section.count; i++)
        reinterpret_cast<uint32_t *>(blob.data() + section.offset)[i] = 1;
    use(blob);
  }
}

} // namespace
