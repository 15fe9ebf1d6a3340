//===- JournalTest.cpp - measurements that survive ----------------------------------------------------------------===//
#include "compiler/tune/Journal.h"
#include "test/TemporaryFolder.h"
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe::tune;
using testing::HasSubstr;

namespace {

const JournalHead kHead = {"toy", "x86-64-v3", "halide 0123", "M, 2 threads", 2};

class JournalFile : public testing::Test {
protected:
  std::unique_ptr<Journal> open(const JournalHead &head = kHead, bool afresh = false) {
    llvm::Expected<std::unique_ptr<Journal>> journal = Journal::open(path, head, afresh);
    if (!journal) {
      failure = llvm::toString(journal.takeError());
      return nullptr;
    }
    return std::move(*journal);
  }
  void add(Journal &journal, const std::string &values, Outcome outcome = Outcome::NoBetter) {
    Measurement m;
    m.key = "linear k=64", m.values = values, m.incumbent = "v=1", m.outcome = outcome;
    m.change = -0.25, m.low = -INFINITY, m.high = INFINITY, m.chance = 0.5, m.pairs = 5, m.seconds = 1.5;
    llvm::Error failed = journal.add(m);
    ASSERT_FALSE(bool(failed)) << llvm::toString(std::move(failed));
  }
  void append(const std::string &text) { std::ofstream(path, std::ios::app) << text; }

  lathe::test::TemporaryFolder folder;
  std::string path = folder.file("j");
  std::string failure;
};

} // namespace

TEST_F(JournalFile, GoesOnWhereItEnded) {
  {
    auto journal = open();
    ASSERT_TRUE(journal) << failure;
    EXPECT_TRUE(journal->before().measurements.empty());
    llvm::cantFail(journal->add(KeyLine{"linear k=64", "decode", "v=1", "v=1", 10, 5, true, 0.5}));
    add(*journal, "v=2", Outcome::Won);
  }
  auto journal = open();
  ASSERT_TRUE(journal) << failure;
  ASSERT_EQ(journal->before().measurements.size(), 1u);
  const Measurement &m = journal->before().measurements[0];
  EXPECT_EQ(m.values, "v=2");
  EXPECT_EQ(m.outcome, Outcome::Won);
  EXPECT_DOUBLE_EQ(m.change, -0.25);
  EXPECT_TRUE(std::isinf(m.low) && m.low < 0 && std::isinf(m.high) && m.high > 0);
  ASSERT_EQ(journal->before().keys.size(), 1u);
  EXPECT_TRUE(journal->before().keys[0].memory);
  EXPECT_DOUBLE_EQ(journal->before().keys[0].limitNanoseconds, 5);
}

TEST_F(JournalFile, LosesATornLineAndNoMore) {
  add(*open(), "v=2");
  append(R"({"key":"linear k=64","val)");
  {
    auto journal = open();
    ASSERT_TRUE(journal) << failure;
    EXPECT_EQ(journal->before().measurements.size(), 1u);
    add(*journal, "v=3");
  }
  auto journal = open();
  ASSERT_TRUE(journal) << failure;
  ASSERT_EQ(journal->before().measurements.size(), 2u);
  EXPECT_EQ(journal->before().measurements[1].values, "v=3");
}

TEST_F(JournalFile, OfATornHeadNothingWasLost) {
  append(R"({"lathe_tune":1,"mod)");
  ASSERT_TRUE(open()) << failure;
  EXPECT_TRUE(open()) << failure;
}

TEST_F(JournalFile, RefusesWhatItIsNotOf) {
  ASSERT_TRUE(open());
  JournalHead other = kHead;
  other.generator = "halide 4567";
  EXPECT_FALSE(open(other));
  EXPECT_THAT(failure, HasSubstr("generator is \"halide 0123\", now it is \"halide 4567\""));
  EXPECT_THAT(failure, HasSubstr("--fresh"));
  EXPECT_TRUE(open(other, /*afresh=*/true)) << failure;
}

TEST_F(JournalFile, NamesTheLineThatIsNone) {
  add(*open(), "v=2");
  append("{\"key\": 7}\n");
  EXPECT_FALSE(open());
  EXPECT_THAT(failure, HasSubstr("j:3: "));
}

TEST_F(JournalFile, IsOfOneProcessAtATime) {
  auto journal = open();
  ASSERT_TRUE(journal) << failure;
  EXPECT_FALSE(open());
  EXPECT_THAT(failure, HasSubstr("another 'lathe tune' writes to it"));
}

TEST_F(JournalFile, LeavesOtherFilesAlone) {
  std::ofstream(path) << "something else\n";
  for (bool afresh : {false, true}) {
    EXPECT_FALSE(open(kHead, afresh));
    EXPECT_THAT(failure, HasSubstr("j:1: is no journal"));
  }
}
