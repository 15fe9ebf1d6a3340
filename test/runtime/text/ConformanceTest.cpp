//===- ConformanceTest.cpp - llama.cpp's vocabularies and their expected ids --------------------------------------===//
#include "test/runtime/text/Vocabularies.h"
#include <filesystem>
#include <gmock/gmock.h>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Encodes every test text of a vocabulary and decodes it again.
void check(const std::string &gguf) {
  Loaded loaded = open(readGguf(gguf));
  ASSERT_EQ(loaded.error, "");
  Conformance conformance = readConformance(gguf);
  // The file ends with a separator, after which there is no text.
  ASSERT_GE(conformance.inputs.size(), conformance.ids.size());
  ASSERT_GT(conformance.ids.size(), 40u);
  for (size_t i = 0; i < conformance.ids.size(); i++) {
    const std::string &text = conformance.inputs[i];
    Result<std::vector<int32_t>> ids = loaded->encode(text, {.addSpecial = false});
    ASSERT_TRUE(ids) << ids.message();
    EXPECT_EQ(*ids, conformance.ids[i]) << gguf << " text " << i << ": " << testing::PrintToString(text);
    EXPECT_EQ(loaded->decode(*ids), text);
  }
}

TEST(Conformance, Gpt2) { check("test/data/tokenizers/ggml-vocab-gpt-2.gguf"); }
TEST(Conformance, LlamaSpm) { check("test/data/tokenizers/ggml-vocab-llama-spm.gguf"); }

/// Every vocabulary beside the repository, too big to be in it.
TEST(Conformance, Shared) {
  const std::string folder = "../shared/data/tokenizers";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << folder << " is not here: only the vocabularies in test/data were checked";
  int count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".gguf") {
      check(entry.path().string());
      count++;
    }
  EXPECT_GT(count, 0);
}

} // namespace
