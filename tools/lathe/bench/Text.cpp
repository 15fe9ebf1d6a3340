#include "tools/lathe/Console.h"
#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/Write.h"
#include <algorithm>

namespace lathe::bench {
namespace {

std::string threadsText(unsigned threads) {
  return std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

std::string machineText(const BenchResult &result) {
  cli::Table table({"limit", "best", "half of samples", "", "fastest form"});
  for (const Roof &roof : result.roofs) {
    const RoofForm &form = roof.best();
    const Quartiles spread = spreadOf(form);
    table.add({titleOf(roof), digits(roof.limit() / 1e9), digits(spread.low / 1e9) + "–" + digits(spread.high / 1e9),
               unitOf(roof.kind),
               form.name + (roof.bytes && roof.name != "step" ? ", of " + cli::bytesText(double(roof.bytes)) : "")});
  }
  return result.cpu + ", " + threadsText(result.threads) + "\n" + table.text();
}

std::string stepTitle(const StepResult &step, uint32_t depth) {
  return step.step + " of " + std::to_string(step.tokens) + " tokens" +
         (depth ? " behind " + std::to_string(depth) : "") +
         (step.sequences > 1 ? ", " + std::to_string(step.sequences) + " sequences in a step" : "");
}

/// Where a worker's time goes, as parts of all workers' time; of a GPU how long it pauses.
std::string barrierText(const StepResult &step, bool onGpu) {
  double working = 0, imbalance = 0, barrier = 0;
  for (const WorkerResult &worker : step.workers)
    working += worker.working, imbalance += worker.imbalance, barrier += worker.barrier;
  const double all = working + imbalance + barrier;
  if (all <= 0)
    return "";
  const Quartiles &ns = step.barriers.nanoseconds;
  const std::string spread = number("%.0f", ns.median) + " ns each (half " + number("%.0f", ns.low) + "–" +
                             number("%.0f", ns.high) + ")";
  if (step.workers.size() == 1 && onGpu)
    return step.step + ": " + number("%.0f", step.barriers.count) + " phases" +
           (step.step == "decode" ? " a token" : "") + ", pauses between them " + spread + "\n";
  return step.step + ": " + number("%.0f", step.barriers.count) + " barriers" +
         (step.step == "decode" ? " a token" : "") + ", " + spread + "; workers wait " +
         number("%.1f %%", 100 * imbalance / all) + " of the time for one another, " +
         number("%.1f %%", 100 * barrier / all) + " for barriers\n";
}

std::string bundleText(const BundleResult &bundle, uint32_t depth) {
  std::string text = bundle.model + ", " + bundle.target + ", " +
                     (bundle.limits ? threadsText(bundle.threads) : bundle.device) +
                     "; a step of decode reads " + cli::bytesText(double(bundle.footprint)) + "\n";
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    text += stepTitle(*step, depth) + ": " + ratesText(step->rates) + "\n";
  std::vector<std::string> head = {"phase", "times", "us", "share", "MB", "GB/s", "GOP/s", "schedule"};
  if (bundle.limits)
    head = {"phase", "times", "us", "share", "lost us", "MB", "GB/s", "GOP/s", "bound", "of limit", "schedule"};
  cli::Table table(head);
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases)
      if (phase.seconds > 0) {
        std::vector<std::string> row = {step->step + ": " + phase.name, number("%.0f", phase.count),
                                        number("%.0f", phase.seconds * 1e6),
                                        number("%.1f %%", 100 * phase.seconds / step->seconds)};
        if (bundle.limits)
          row.push_back(number("%.0f", phase.lost() * 1e6));
        row.insert(row.end(), {number("%.2f", phase.bytes / 1e6), number("%.1f", phase.bytes / phase.seconds / 1e9),
                               number("%.1f", phase.operations / phase.seconds / 1e9)});
        if (bundle.limits)
          row.insert(row.end(), {name(phase.bound), number("%.0f %%", 100 * phase.ofLimit())});
        row.push_back(name(phase.scheduleKind()));
        table.add(row);
      }
  text += '\n' + table.text() + '\n';
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    text += barrierText(*step, !bundle.limits);
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases)
      if (phase.ofLimit() > 1)
        text += "note: " + step->step + " " + phase.name + " is above its limit, which was measured too low\n";
  return text;
}

} // namespace

std::string textOf(const BenchResult &result) {
  std::string text;
  const bool two = result.bundles.size() == 2;
  for (size_t i = 0; i < result.bundles.size(); ++i)
    text += (two ? std::string(i ? "B: " : "A: ") + result.bundles[i].path + ": " : "") +
            bundleText(result.bundles[i], result.depth) + '\n';
  for (const auto &[step, ratio] : {std::pair("prefill", &result.prefill), std::pair("decode", &result.decode)})
    if (*ratio)
      text += std::string(step) + ": B makes " + number("%.3f", (*ratio)->ratio) + " times the tokens of A (" +
              intervalText(**ratio) + ")\n";
  return result.cpu.empty() ? text : text + (two ? "\n" : "") + machineText(result);
}

} // namespace lathe::bench
