// The concrete specs in models/: each is valid and has the parameters that its authors publish.
#include "TestFiles.h"
#include <gtest/gtest.h>

using namespace lathe;

namespace {

int64_t parameters(const std::string &name) {
  llvm::Expected<Input> input = readInput("models/" + name + ".textproto");
  if (!input) {
    ADD_FAILURE() << llvm::toString(input.takeError());
    return 0;
  }
  int64_t total = 0;
  for (const WeightShape &shape : weightShapes(input->model))
    total += shape.rows * shape.columns;
  return total;
}

TEST(Models, PublishedParameterCounts) {
  EXPECT_EQ(parameters("smollm2-135m"), 134515008);
  EXPECT_EQ(parameters("llama2-7b"), 6738415616);
  EXPECT_EQ(parameters("llama3-8b"), 8030261248);
  EXPECT_EQ(parameters("llama3.2-1b"), 1235814400);
  EXPECT_EQ(parameters("mistral-7b"), 7241732096);
  EXPECT_EQ(parameters("mixtral-8x7b"), 46702792704);
  EXPECT_EQ(parameters("qwen2.5-0.5b"), 494032768);
  EXPECT_EQ(parameters("gpt2"), 124439808);
  EXPECT_EQ(parameters("nanogpt"), 124439808 + 47 * 768);
  EXPECT_EQ(parameters("nanogpt-shakespeare"), 10646784 + 256 * 384); // "10.65M", which leaves out positions
  EXPECT_EQ(parameters("bloom-560m"), 559214592);
  EXPECT_EQ(parameters("falcon-7b"), 6921720704);
  EXPECT_EQ(parameters("gemma2-2b"), 2614341888);
  EXPECT_EQ(parameters("phi-2"), 2779683840);
  EXPECT_EQ(parameters("starcoder-1b"), 1137207296);
  EXPECT_EQ(parameters("palm-8b"), 8632012800); // "8.63B" (table 1)
  EXPECT_EQ(parameters("mamba-130m"), 129135360);
}

TEST(Models, LearnersConfigurations) {
  // Embedding and head, then per layer attention, feed-forward and two norms, then the last norm.
  EXPECT_EQ(parameters("learner-512"), 2 * 32000 * 512 + 8 * (4 * 512 * 512 + 3 * 512 * 1536 + 2 * 512) + 512);
  EXPECT_EQ(parameters("learner-256"), 2 * 8192 * 256 + 4 * (3 * 256 * 256 + 3 * 256 * 682 + 2 * 256) + 256);
  EXPECT_EQ(parameters("learner-256-post"), parameters("learner-256") - 256); // no last norm
  EXPECT_EQ(parameters("learner-tiny"), 2 * 1000 * 256 + 2 * (5 * 256 * 128 + 3 * 256 * 704 + 2 * 256) + 256);
}

} // namespace
