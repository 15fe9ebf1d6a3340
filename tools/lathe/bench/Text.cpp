#include "tools/lathe/Console.h"
#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/Write.h"
#include <algorithm>

namespace lathe::bench {
namespace {

std::string threadsText(unsigned threads) {
  return std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

std::string machineText(const MachineResult &machine) {
  cli::Table table({"limit", "best", "half of samples", "", "fastest form"});
  for (const Roof &roof : machine.roofs) {
    const RoofForm &form = roof.best();
    const Quartiles spread = spreadOf(form);
    table.add({titleOf(roof), digits(roof.limit() / 1e9), digits(spread.low / 1e9) + "–" + digits(spread.high / 1e9),
               unitOf(roof.kind),
               form.name + (roof.bytes && roof.name != "step" ? ", of " + cli::bytesText(double(roof.bytes)) : "")});
  }
  return machine.name + ", " + (machine.isProcessor() ? threadsText(machine.threads) : machine.device) + "\n" +
         table.text();
}

std::string stepTitle(const StepResult &step, uint32_t depth) {
  return step.step + " of " + std::to_string(step.tokens) + " tokens" +
         (depth ? " behind " + std::to_string(depth) : "") +
         (step.sequences > 1 ? ", " + std::to_string(step.sequences) + " sequences in a step" : "");
}

/// Where a worker's time goes, as parts of all workers' time.
std::string barrierText(const StepResult &step) {
  double working = 0, imbalance = 0, barrier = 0;
  for (const WorkerResult &worker : step.workers)
    working += worker.working, imbalance += worker.imbalance, barrier += worker.barrier;
  const double all = working + imbalance + barrier;
  if (all <= 0)
    return "";
  const Quartiles &ns = step.barriers.nanoseconds;
  return step.step + ": " + number("%.0f", step.barriers.count) + " barriers" +
         (step.step == "decode" ? " a token" : "") + ", " + number("%.0f", ns.median) + " ns each (half " +
         number("%.0f", ns.low) + "–" + number("%.0f", ns.high) + "); workers wait " +
         number("%.1f %%", 100 * imbalance / all) + " of the time for one another, " +
         number("%.1f %%", 100 * barrier / all) + " for barriers\n";
}

std::string bundleText(const BundleResult &bundle, uint32_t depth) {
  std::string text = bundle.model + ", " + bundle.target + ", " +
                     (bundle.onProcessor() ? threadsText(bundle.threads) : bundle.device) +
                     "; a step of decode reads " + cli::bytesText(double(bundle.footprint)) + "\n";
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    text += stepTitle(*step, depth) + ": " + ratesText(step->rates) + "\n";
  cli::Table table(
      {"phase", "times", "us", "share", "lost us", "MB", "GB/s", "GOP/s", "bound", "of limit", "schedule"});
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases)
      if (phase.seconds > 0)
        table.add({step->step + ": " + phase.name, number("%.0f", phase.count), number("%.0f", phase.seconds * 1e6),
                   number("%.1f %%", 100 * phase.seconds / step->seconds), number("%.0f", phase.lost() * 1e6),
                   number("%.2f", phase.bytes / 1e6), number("%.1f", phase.bytes / phase.seconds / 1e9),
                   number("%.1f", phase.operations / phase.seconds / 1e9), name(phase.bound),
                   number("%.0f %%", 100 * phase.ofLimit()), name(phase.scheduleKind())});
  text += '\n' + table.text() + '\n';
  if (bundle.onProcessor()) // a GPU has no workers and barriers
    for (const StepResult *step : {&bundle.prefill, &bundle.decode})
      text += barrierText(*step);
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
  for (const MachineResult &machine : result.machines)
    text += (two ? "\n" : "") + machineText(machine);
  return text;
}

} // namespace lathe::bench
