//===- RecordsTest.cpp - records as data, and which one a kernel gets --------------------------------------------===//
#include "compiler/schedule/Records.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;
using testing::HasSubstr;

namespace {

const char kProvenance[] =
    R"(provenance { machine: "M" commit: "0123abc" generator: "g" date: "2026-11-21" budget_seconds: 1 runs: 5
                                           median_ns: 10 spread_ns: 1 fallback_ns: 12 gain_percent: 16 gain_low_percent: 15 gain_high_percent: 17 })";

/// A record of one value for linears of some k.
std::string linear(int64_t from, int64_t to, int64_t unroll, const char *target = "x86-64-v3") {
  return std::string("records { target: \"") + target +
         "\" family: \"linear\" types: \"q4_1 q16\" sizes { name: \"k\" min: " + std::to_string(from) +
         " max: " + std::to_string(to) + " } values { name: \"unroll\" value: " + std::to_string(unroll) + " } " +
         kProvenance + " }\n";
}

std::string failure(const std::string &text) {
  RecordBook book;
  llvm::Error wrong = book.add("file.textproto", text);
  return wrong ? llvm::toString(std::move(wrong)) : "";
}

std::string replaced(std::string text, const std::string &what, const std::string &by) {
  size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

class Lookup : public testing::Test {
protected:
  void add(const std::string &text) {
    llvm::Error wrong = book.add("f", text);
    ASSERT_FALSE(bool(wrong)) << llvm::toString(std::move(wrong));
  }
  /// The unroll value of the record found, negative if it is a near one; 0: none.
  int64_t find(int64_t k, const char *types = "q4_1 q16", const char *target = "x86-64-v3") {
    ScheduleKey key{"linear", types, {{"m", 1}, {"n", 64}, {"k", k}}};
    RecordBook::Match match =
        book.find(target, key, [&](const schedule::Record &r) { return r.values(0).value() != refused; });
    return !match.record ? 0 : match.exact ? match.record->values(0).value() : -match.record->values(0).value();
  }
  RecordBook book;
  int64_t refused = -1;
};

} // namespace

TEST(Records, ThatAreEmbeddedAreSound) {
  llvm::Expected<RecordBook> book = RecordBook::embedded();
  EXPECT_TRUE(bool(book)) << llvm::toString(book.takeError());
}

// What schedules/ has may be nothing: what is said of it is said of files like those.
TEST(Records, ThatAreNotSoundAreFound) {
  const std::string good = linear(512, 576, 1), other = linear(577, 1024, 2),
                    wrong = replaced(other, "runs: 5", "runs: 0");
  const auto failure = [](std::initializer_list<EmbeddedFile> files) {
    llvm::Expected<RecordBook> book = RecordBook::of(files);
    return book ? "" : llvm::toString(book.takeError());
  };
  EXPECT_EQ(failure({{"a.textproto", good}, {"b.textproto", other}}), "");
  EXPECT_THAT(failure({{"a.textproto", good}, {"b.textproto", wrong}}),
              HasSubstr("b.textproto: record \"linear q4_1 q16 k=577..1024\": provenance: budget_seconds and runs"));
  EXPECT_THAT(failure({{"a.textproto", good}, {"b.textproto", good}}),
              HasSubstr("b.textproto: record \"linear q4_1 q16 k=512..576\" for x86-64-v3: "));
}

TEST(Records, EveryFamilyHasSizes) {
  for (const KernelFamily &family : kernelFamilies())
    EXPECT_FALSE(sizeNames(family.name).empty()) << family.name;
  EXPECT_TRUE(sizeNames("nonsense").empty());
}

TEST_F(Lookup, ExactThenNearestThenNone) {
  add(linear(512, 576, 1) + linear(2048, 2048, 2));
  EXPECT_EQ(find(576), 1);
  EXPECT_EQ(find(2048), 2);
  EXPECT_EQ(find(640), -1);
  EXPECT_EQ(find(1800), -2);
  EXPECT_EQ(find(1000), -1) << "0.8 doublings from 576, 1.03 from 2048";
  EXPECT_EQ(find(4096), -2);
  EXPECT_EQ(find(8192), -2) << "two doublings are near";
  EXPECT_EQ(find(8224), 0) << "more are not";
  EXPECT_EQ(find(576, "q8_0 q16"), 0) << "other types";
  EXPECT_EQ(find(576, "q4_1 q16", "x86-64-v4-vnni"), 0) << "another target";
}

TEST_F(Lookup, PassesOverWhatCannotBeUsed) {
  add(linear(512, 576, 1) + linear(1024, 1024, 2));
  refused = 1;
  EXPECT_EQ(find(576), -2);
}

TEST_F(Lookup, PrintsItsKey) {
  add(linear(512, 576, 1));
  EXPECT_EQ(print(book.all()[0]), "linear q4_1 q16 k=512..576");
}

TEST(RecordErrors, NameFileRecordAndField) {
  const std::string good = linear(576, 576, 2);
  ASSERT_EQ(failure(good), "");
  EXPECT_THAT(failure("records { nonsense: 1 }"), HasSubstr("file.textproto:1:"));
  EXPECT_THAT(failure(replaced(good, "x86-64-v3", "z80")), HasSubstr("target = \"z80\" is not a target"));
  EXPECT_THAT(failure(replaced(good, "\"linear\"", "\"sort\"")), HasSubstr("family = \"sort\""));
  EXPECT_THAT(failure(replaced(good, "name: \"k\"", "name: \"z\"")), HasSubstr("no size \"z\", only m, n, k"));
  EXPECT_THAT(failure(replaced(good, "min: 576", "min: 577")), HasSubstr("holds nothing"));
  EXPECT_THAT(failure(replaced(good, "2026-11-21", "yesterday")), HasSubstr("is not a day"));
  EXPECT_THAT(failure(replaced(good, "0123abc", "dirty")), HasSubstr("provenance.commit = \"dirty\""));
  EXPECT_THAT(failure(replaced(good, "runs: 5", "")), HasSubstr("runs must be above 0"));
  EXPECT_THAT(failure(replaced(good, "median_ns: 10", "median_ns: 13")), HasSubstr("no better than"));
  EXPECT_THAT(failure(replaced(good, "types: \"q4_1 q16\"", "")), HasSubstr("types is empty"));
  EXPECT_THAT(failure(replaced(good, "values { name: \"unroll\" value: 2 }", "")), HasSubstr("values is empty"));
}

TEST(RecordErrors, NoTwoCoverOneKernel) {
  EXPECT_THAT(
      failure(linear(512, 576, 1) + linear(576, 1024, 2)),
      HasSubstr("\"linear q4_1 q16 k=576..1024\" for x86-64-v3: \"linear q4_1 q16 k=512..576\" covers the same"));
  EXPECT_EQ(failure(linear(512, 576, 1) + linear(577, 1024, 2)), "");
  EXPECT_EQ(failure(linear(512, 576, 1) + linear(512, 576, 2, "x86-64-v2")), "");
}

namespace {

std::vector<schedule::Record> parsed(const std::string &text) { return llvm::cantFail(parseRecords("f", text)); }

/// The notes, or the error.
std::string merging(const std::string &a, const std::string &b, size_t *count = nullptr) {
  llvm::Expected<Merged> merged = mergeRecords({{"a.textproto", parsed(a)}, {"b.textproto", parsed(b)}});
  if (!merged)
    return llvm::toString(merged.takeError());
  if (count)
    *count = merged->records.size();
  std::string notes;
  for (const std::string &note : merged->notes)
    notes += note;
  return notes;
}

} // namespace

TEST(RecordText, ReadsWhatItWrites) {
  const std::vector<schedule::Record> records = parsed(linear(512, 576, 1) + linear(2048, 2048, 2, "x86-64-v2"));
  const std::string text = textOf(records);
  const std::vector<schedule::Record> again = parsed(text);
  ASSERT_EQ(again.size(), 2u);
  for (size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(again[i].SerializeAsString(), records[i].SerializeAsString());
  EXPECT_EQ(textOf(again), text);
  EXPECT_EQ(parsed(textOf(records[0], /*oneLine=*/true)).size(), 1u);
}

TEST(Merge, KeepsTheLaterOfTwoDoubles) {
  size_t count = 0;
  EXPECT_EQ(merging(linear(512, 576, 1), linear(2048, 2048, 2), &count), "");
  EXPECT_EQ(count, 2u);
  EXPECT_THAT(merging(linear(576, 576, 2), replaced(linear(576, 576, 2), "2026-11-21", "2026-11-22"), &count),
              HasSubstr("\"linear q4_1 q16 k=576\" for x86-64-v3 is there twice: b.textproto stays, a.textproto goes"));
  EXPECT_EQ(count, 1u);
}

TEST(Merge, RefusesContradictions) {
  EXPECT_THAT(
      merging(linear(576, 576, 2), linear(576, 576, 4)),
      HasSubstr("\"linear q4_1 q16 k=576\" for x86-64-v3: a.textproto (unroll=2; 16.0 % better than the fallback "
                "on 2026-11-21) against b.textproto (unroll=4;"));
  EXPECT_THAT(merging(linear(512, 576, 2), linear(576, 1024, 2)), HasSubstr("contradict")) << "which kernels it is for";
}
