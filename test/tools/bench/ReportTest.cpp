// The report and the trace, of results made by hand: names that are markup, many workers, nothing at all.
#include "tools/lathe/bench/Svg.h"
#include "tools/lathe/bench/Write.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace lathe::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const char *const kHostile = "</svg><script>alert(\"x\")</script>&'\x01\xff";

BundleResult bundle(const std::string &name, size_t workers) {
  BundleResult bundle{
      .path = name, .model = name, .target = name, .threads = unsigned(workers), .footprint = 98'000'000};
  bundle.limits.readBytesPerSecond = 30e9;
  bundle.limits.f32OperationsPerSecond = 200e9;
  bundle.limits.dot4OperationsPerSecond = 900e9;
  for (StepResult *step : {&bundle.prefill, &bundle.decode}) {
    const bool decode = step == &bundle.decode;
    step->step = decode ? "decode" : "prefill";
    step->tokens = 64;
    step->rates = {240, 250, 260};
    step->phases = {{.name = name,
                     .schedule = "nearest " + name,
                     .count = 2,
                     .seconds = 20e-6,
                     .bytes = 400e3,
                     .operations = 800e3,
                     .rate = LATHE_RATE_DOT4_TWICE,
                     .limitSeconds = 13e-6},
                    {.name = "late",
                     .schedule = "tuned",
                     .count = 1,
                     .seconds = 30e-6,
                     .bytes = 300e3,
                     .operations = 1e6,
                     .rate = LATHE_RATE_F32,
                     .limitSeconds = 10e-6,
                     .bound = Bound::F32},
                    {.name = "copies", .schedule = "fallback", .count = 1, .seconds = 1e-6}};
    step->seconds = 51e-6;
    step->workers.assign(workers, {40e-6, 8e-6, 3e-6});
    step->barriers = {4, {300, 400, 500}};
    step->timeline = {.rows = 1, .seconds = 52e-6};
    double at = 0;
    for (size_t i = 0; i < 4; ++i, at += 13e-6)
      step->timeline.phases.push_back({.name = i ? "layers." + std::to_string(i) + "." + name : "late",
                                       .group = size_t(i == 0),
                                       .work = {1, 2, 0},
                                       .workers = std::vector<Timeline::Span>(workers, {at + 1e-6, at + 12e-6})});
  }
  bundle.depths = {{32, 250, 300}, {64, 240, 290}};
  return bundle;
}

BenchResult result(size_t bundles, const std::string &name, size_t workers = 2) {
  BenchResult result{.version = "1", .date = "today"};
  result.machines = {{.device = "cpu", .name = name, .threads = 2}};
  result.machines.front().roofs = {{Roof::Kind::Read, "memory", 1 << 28, {{.name = "1 stream", .samples = {{0, 28e9}, {1, 30e9}}}}},
                  {Roof::Kind::F32, "f32", 0, {{.name = "FMA", .samples = {{0, 200e9}}}}},
                  {Roof::Kind::Dot4, "dot4", 0, {{.name = "dot", .samples = {{0, 900e9}}}}}};
  for (size_t i = 0; i < bundles; ++i)
    result.bundles.push_back(bundle(name, workers));
  if (bundles == 2)
    result.prefill = result.decode = Ratio{.pairs = 8, .ratio = 1.1, .low = 1.05, .high = 1.2};
  return result;
}

std::string written(void (*write)(llvm::raw_ostream &, const BenchResult &), const BenchResult &result) {
  std::string text;
  llvm::raw_string_ostream out(text);
  write(out, result);
  return text;
}

/// Whether every element that begins ends, in order; the first that does not. (lit parses real reports as XML.)
std::string misnested(const std::string &page) {
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    if (end == std::string::npos)
      return "a tag that does not end";
    const std::string tag = page.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '!' || tag.back() == '/')
      continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || "/" + open.back() != tag)
        return tag;
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(Report, EscapesEveryName) {
  for (size_t bundles : {1, 2}) {
    const std::string page = written(writeReport, result(bundles, kHostile));
    EXPECT_EQ(misnested(page), "");
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\x01")));
    EXPECT_THAT(page, Not(HasSubstr("\xff")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;\uFFFD\uFFFD"));
  }
}

TEST(Report, NeedsNothingFromElsewhere) {
  const std::string page = written(writeReport, result(2, "m"));
  for (const char *outside : {"src=", "href=", "url(", "@import", "<script", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(Report, PutsTheMostLostFirst) {
  const std::string page = written(writeReport, result(1, "m"));
  EXPECT_LT(page.find("<td>late</td>"), page.find("<td>m</td>"));
  EXPECT_THAT(page, HasSubstr("<td>copies</td>"));
}

TEST(Report, DrawsSixteenOfManyWorkersAndSaysSo) {
  const std::string page = written(writeReport, result(1, "m", 40));
  EXPECT_THAT(page, HasSubstr("The first 16 of 40 workers"));
  EXPECT_THAT(page, Not(HasSubstr("worker 16<")));
}

TEST(Report, ComparesTwoWithAnInterval) {
  const std::string page = written(writeReport, result(2, "m"));
  EXPECT_THAT(page, HasSubstr("1.050–1.200 at 95 %, 8 pairs"));
  BenchResult few = result(2, "m");
  few.decode->high = INFINITY;
  EXPECT_THAT(written(writeReport, few), HasSubstr("too few for an interval at 95 %"));
}

TEST(Report, TakesBundlesOfWhichNothingWasSeen) {
  BenchResult empty = result(1, "m");
  empty.bundles[0].decode = empty.bundles[0].prefill = {.step = "decode"};
  empty.bundles[0].depths.clear();
  EXPECT_EQ(misnested(written(writeReport, empty)), "");
}

TEST(Report, SaysThatALimitWasMeasuredTooLow) {
  BenchResult above = result(1, "m");
  above.bundles[0].decode.phases[0].limitSeconds = 21e-6;
  EXPECT_THAT(written(writeReport, above), HasSubstr("105 % (limit measured too low)"));
  EXPECT_THAT(textOf(above), HasSubstr("decode m is above its limit"));
}

TEST(Trace, HasPhasesAndWaitsOfEachWorker) {
  const auto trace = nlohmann::json::parse(written(writeTrace, result(1, kHostile)));
  size_t phases = 0, waits = 0, threads = 0;
  for (const auto &event : trace["traceEvents"]) {
    phases += event.value("cat", "") == "phase";
    waits += event.value("cat", "") == "wait";
    threads += event["name"] == "thread_name";
    if (event["ph"] == "X")
      EXPECT_GT(event["dur"].get<double>(), 0);
  }
  EXPECT_EQ(phases, 2u * 2 * 4); // decode and prefill, workers, phases
  EXPECT_EQ(waits, 2u * 2 * 5);
  EXPECT_EQ(threads, 2u * 2);
}

TEST(Json, KeepsTheFieldsOfOneBundleAndPutsTwoSideBySide) {
  const auto one = nlohmann::json::parse(jsonOf(result(1, kHostile)));
  EXPECT_EQ(one["decode"]["tokens_per_s"].size(), 3u);
  EXPECT_EQ(one["machine"]["read_bytes_per_s"], 30e9);
  const auto two = nlohmann::json::parse(jsonOf(result(2, "m")));
  EXPECT_EQ(two["bundles"].size(), 2u);
  EXPECT_EQ(two["ratio"]["decode"]["low"], 1.05);
}

TEST(Scale, HasRoundTicks) {
  EXPECT_EQ(Scale::linear(0, 260, 0, 1).ticks(), (std::vector<double>{0, 100, 200}));
  EXPECT_EQ(Scale::logarithmic(0.3, 30, 0, 1).ticks(), (std::vector<double>{0.5, 1, 2, 5, 10, 20}));
  EXPECT_EQ(Scale::logarithmic(1, 100, 0, 200)(10), 100);
}

TEST(Labels, DoNotLieOnOneAnother) {
  Labels labels(200, 100);
  labels.keepFree(100, 50, 5);
  EXPECT_THAT(labels.place(100, 50, 5, "right"), HasSubstr("start"));
  EXPECT_THAT(labels.place(100, 50, 5, "left"), HasSubstr("end"));
  EXPECT_THAT(labels.place(100, 50, 5, "above"), HasSubstr("middle"));
  EXPECT_THAT(labels.place(100, 50, 5, "below"), HasSubstr("middle"));
  EXPECT_EQ(labels.place(100, 50, 5, "none"), "");
}

} // namespace
} // namespace lathe::bench
