#include "tools/lathe/Console.h"
#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/ReportParts.h"
#include "tools/lathe/bench/ReportTables.h"
#include "tools/lathe/bench/Style.h"
#include "tools/lathe/bench/Svg.h"
#include "tools/lathe/bench/Write.h"
#include <algorithm>

namespace lathe::bench {
namespace {

/// "A: " of two bundles, nothing of one.
std::string letterOf(const BenchResult &result, size_t index) {
  return result.bundles.size() < 2 ? "" : index ? "B: " : "A: ";
}

std::string runOf(const StepResult &step) {
  return step.step == "decode"
             ? (step.sequences > 1 ? "a step of " + std::to_string(step.sequences) + " sequences" : "a token")
             : "a prompt of " + std::to_string(step.tokens) + " tokens";
}

/// A large number, and what it means.
std::string figure(const std::string &title, const std::string &value, const std::string &detail, const char *style) {
  return "<div class=\"figure " + std::string(style) + "\"><h3>" + escaped(title) + "</h3><p class=\"value\">" +
         escaped(value) + "</p><p class=\"detail\">" + escaped(detail) + "</p></div>\n";
}

struct Waits {
  double imbalance = 0, barrier = 0; ///< parts of all workers' time
};

Waits waitsOf(const StepResult &step) {
  Waits waits;
  double all = 0;
  for (const WorkerResult &worker : step.workers) {
    waits.imbalance += worker.imbalance, waits.barrier += worker.barrier;
    all += worker.working + worker.imbalance + worker.barrier;
  }
  return all > 0 ? Waits{waits.imbalance / all, waits.barrier / all} : Waits();
}

std::string percent(double part) { return digits(100 * part) + " %"; }

std::string rateDetail(const StepResult &step) {
  std::string text = "tokens/s";
  if (step.rates.size() > 1) {
    const auto [low, high] = std::ranges::minmax(step.rates);
    text += ", " + digits(low) + "–" + digits(high) + " in " + std::to_string(step.rates.size()) + " runs";
  }
  if (step.seconds > 0)
    text += "; its phases at " + percent(step.limitSeconds() / step.seconds) + " of what the limits allow";
  return text;
}

void writeFigures(llvm::raw_ostream &out, const BenchResult &result) {
  const std::string behind = result.depth ? " behind " + std::to_string(result.depth) : "";
  for (size_t i = 0; i < result.bundles.size(); ++i) {
    const BundleResult &bundle = result.bundles[i];
    const char *style = result.bundles.size() > 1 ? bundleClass(i) : "";
    out << "<section class=\"figures\">\n";
    for (const StepResult *step : {&bundle.decode, &bundle.prefill})
      out << figure(letterOf(result, i) + step->step + ", " + std::to_string(step->tokens) + " tokens" + behind +
                        (step->sequences > 1 ? ", batch of " + std::to_string(step->sequences) : ""),
                    digits(tune::median(step->rates)), rateDetail(*step), style);
    if (!bundle.onProcessor()) { // a GPU has no workers and barriers
      out << "</section>\n";
      continue;
    }
    const BarrierResult &barriers = bundle.decode.barriers;
    const Waits waits = waitsOf(bundle.decode);
    out << figure(letterOf(result, i) + "barriers a token", number("%.0f", barriers.count),
                  digits(barriers.nanoseconds.median) + " ns each (half of them " + digits(barriers.nanoseconds.low) +
                      "–" + digits(barriers.nanoseconds.high) + "): " + percent(waits.barrier) +
                      " of the workers' time; they wait " + percent(waits.imbalance) + " for one another",
                  style)
        << "</section>\n";
  }
  if (!result.prefill || !result.decode)
    return;
  out << "<section class=\"figures\">\n";
  for (const auto &[step, ratio] : {std::pair("decode", &*result.decode), std::pair("prefill", &*result.prefill)})
    out << figure(std::string(step) + ", B over A", number("%.3f", ratio->ratio),
                  "times the tokens/s; " + intervalText(*ratio), "");
  out << "</section>\n";
}

void writeHeader(llvm::raw_ostream &out, const BenchResult &result) {
  std::string title;
  for (const BundleResult &bundle : result.bundles)
    title += (title.empty() ? "" : " and ") + bundle.model;
  out << "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta charset=\"utf-8\"/>\n"
      << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      << "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>lathe bench: " << escaped(title)
      << "</title>\n<style>\n"
      << embeddedReportStyle().front().text
      << "</style></head>\n<body><main>\n<header><p class=\"kicker\">lathe bench</p><h1>" << escaped(title)
      << "</h1>\n<dl>\n";
  auto fact = [&](const std::string &name, const std::string &value) {
    out << "<div><dt>" << escaped(name) << "</dt><dd>" << escaped(value) << "</dd></div>\n";
  };
  for (size_t i = 0; i < result.bundles.size(); ++i) {
    const BundleResult &bundle = result.bundles[i];
    fact(letterOf(result, i) + "bundle", bundle.path);
    fact(letterOf(result, i) + "code for", bundle.target);
    fact(letterOf(result, i) + "a step of decode reads", cli::bytesText(double(bundle.footprint)));
  }
  const MachineResult &machine = result.machines.front(); // --report is of one
  fact("machine", machine.name + (!machine.isProcessor()  ? ", " + machine.device
                                  : machine.threads == 1 ? ", 1 thread"
                                                         : ", " + std::to_string(machine.threads) + " threads"));
  fact("measured", result.date);
  fact("lathe", result.version);
  out << "</dl></header>\n";
}

void writeRooflines(llvm::raw_ostream &out, const BenchResult &result) {
  out << "<section><h2>Roofline</h2>\n<p>A dot is a phase in all layers: how many operations it makes for a byte that "
         "it "
         "reads, and how many a second. Its area is its part of the time of its step. A dot on a roof cannot be faster "
         "on this machine; the distance below is what is lost. Phases that read nothing, or compute nothing, are in "
         "the "
         "tables only.</p>\n<p class=\"legend\"><span><i class=\"key decode\"></i>decode</span> <span><i class=\"key "
         "prefill\"></i>prefill</span> <span><svg viewBox=\"0 0 14 14\" class=\"shape\"><circle cx=\"7\" cy=\"7\" "
         "r=\"5\"/>"
         "</svg>tuned</span> <span><svg viewBox=\"0 0 14 14\" class=\"shape\"><rect x=\"3\" y=\"3\" width=\"8\" "
         "height=\"8\" "
         "transform=\"rotate(45 7 7)\"/></svg>nearest record</span> <span><svg viewBox=\"0 0 14 14\" "
         "class=\"shape\"><rect "
         "x=\"3\" y=\"3\" width=\"8\" height=\"8\"/></svg>fallback</span></p>\n";
  const bool two = result.bundles.size() > 1;
  out << "<div class=\"" << (two ? "pair" : "single") << "\">\n";
  for (size_t i = 0; i < result.bundles.size(); ++i)
    out << "<figure>"
        << (two ? "<figcaption>" + escaped(letterOf(result, i) + result.bundles[i].path) + "</figcaption>" : "")
        << rooflineSvg(result, result.bundles[i], two ? 620 : 1040) << "</figure>\n";
  out << "</div></section>\n";
}

void writePhases(llvm::raw_ostream &out, const BenchResult &result) {
  out << "<section><h2>Phases, by time lost above the roof</h2>\n<p>Medians of recorded runs. A phase's time is from "
         "the end "
         "of the one before it to its own, its barrier with it; lost is what it takes beyond its bytes and operations "
         "at "
         "the limits.</p>\n";
  const BundleResult &a = result.bundles.front(), &b = result.bundles.back();
  for (const auto &[of, other] : {std::pair(&a.decode, &b.decode), std::pair(&a.prefill, &b.prefill)})
    out << "<h3>" << escaped(of->step + ": " + runOf(*of)) << "</h3>\n<div class=\"wide\">"
        << (result.bundles.size() > 1 ? phasesTable(*of, *other) : phasesTable(*of)) << "</div>\n";
  out << "</section>\n";
}

void writeTimelines(llvm::raw_ostream &out, const BenchResult &result) {
  const bool workers = result.machines.front().isProcessor();
  out << "<section><h2>One token" << (workers ? ", by worker" : "")
      << "</h2>\n<p>A token that a quarter of those recorded are faster than, and one of its layers. Blocks are phases, "
         "gaps are waits"
      << (workers ? " at barriers" : "") << ".</p>\n";
  for (size_t i = 0; i < result.bundles.size(); ++i) {
    const StepResult &step = result.bundles[i].decode;
    out << (result.bundles.size() > 1 ? "<h3>" + escaped(letterOf(result, i) + result.bundles[i].path) + "</h3>\n" : "")
        << timelineLegend(step) << timelineSvg(step, /*layer=*/false) << timelineSvg(step, /*layer=*/true);
  }
  out << "</section>\n";
}

void writeWorkers(llvm::raw_ostream &out, const BenchResult &result) {
  if (!result.machines.front().isProcessor())
    return writeTimelines(out, result);
  out << "<section><h2>Workers</h2>\n<p class=\"legend\"><span><i class=\"key working\"></i>in phases</span> <span><i "
         "class=\"key imbalance\"></i>waits for others (imbalance)</span> <span><i class=\"key barrier\"></i>goes "
         "through "
         "barriers</span></p>\n";
  for (size_t i = 0; i < result.bundles.size(); ++i)
    for (const StepResult *step : {&result.bundles[i].decode, &result.bundles[i].prefill}) {
      out << "<h3>" << escaped(letterOf(result, i) + step->step + ": " + runOf(*step)) << "</h3>\n"
          << workersSvg(*step);
      if (step->workers.size() > kDrawnWorkers)
        out << "<p class=\"note\">The first " << kDrawnWorkers << " of " << step->workers.size() << " workers.</p>\n";
    }
  out << "</section>\n";
  writeTimelines(out, result);
}

void writeMachine(llvm::raw_ostream &out, const BenchResult &result) {
  const bool processor = result.machines.front().isProcessor();
  out << "<section><h2>The machine's roofs</h2>\n<p>Measured before and after the runs, all "
      << (processor ? "threads" : "multiprocessors")
      << " at once: each limit is the best of the forms below, a millisecond or two a sample. A step that reads the same "
         "bytes over and over has the rate of a region as large as its own. "
      << (processor ? "Int8 products (dot4) and f32 multiply-adds are those that the kernels use, on registers; no kernel "
                      "uses units of bf16."
                    : "Products of bytes (dot4) and of bf16 (half) are made by mma.sync, on registers.")
      << " An operation is half a multiply-add.</p>\n<div class=\"wide\">"
      << roofsTable(result) << "</div>\n<details><summary>All forms that were tried</summary><div class=\"wide\">"
      << formsTable(result) << "</div></details>\n</section>\n";
}

} // namespace

void writeReport(llvm::raw_ostream &out, const BenchResult &result) {
  writeHeader(out, result);
  writeFigures(out, result);
  writeRooflines(out, result);
  writePhases(out, result);
  const std::string depths = depthSvg(result);
  if (!depths.empty())
    out << "<section><h2>Decode by context length</h2>\n<p>Tokens a second behind so many positions, one sequence; "
           "dashed: "
           "what the limits allow.</p>\n"
        << depths << "</section>\n";
  writeWorkers(out, result);
  writeMachine(out, result);
  out << "</main></body></html>\n";
}

} // namespace lathe::bench
