#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/Write.h"
#include <nlohmann/json.hpp>

namespace lathe::bench {
namespace {

using Json = nlohmann::ordered_json;

Json quartiles(const Quartiles &of) { return {of.low, of.median, of.high}; }

Json machineJson(const MachineResult &machine) {
  Json roofs = Json::array();
  for (const Roof &roof : machine.roofs) {
    Json forms = Json::array();
    for (const RoofForm &form : roof.forms)
      forms.push_back({{"name", form.name},
                       {"samples", form.samples.size()},
                       {"best_per_s", form.limit()},
                       {"quartiles_per_s", quartiles(spreadOf(form))},
                       {"best_by_round_per_s", bestByRound(form)}});
    Json entry = {{"name", roof.name}};
    if (roof.bytes)
      entry["bytes"] = roof.bytes;
    entry.update({{"limit_per_s", roof.limit()}, {"form", roof.best().name}, {"forms", forms}});
    roofs.push_back(std::move(entry));
  }
  const MachineLimits limits = limitsOf(machine.roofs);
  Json entry = machine.isProcessor() ? Json{{"cpu", machine.name}, {"threads", machine.threads}}
                                     : Json{{"gpu", machine.name}, {"device", machine.device}};
  entry.update({{"read_bytes_per_s", limits.readBytesPerSecond},
                {"f32_operations_per_s", limits.f32OperationsPerSecond},
                {"f32_form", limits.f32Form},
                {"dot4_operations_per_s", limits.dot4OperationsPerSecond},
                {"dot4_form", limits.dot4Form}});
  if (limits.halfOperationsPerSecond)
    entry.update({{"half_operations_per_s", limits.halfOperationsPerSecond}, {"half_form", limits.halfForm}});
  entry["roofs"] = roofs;
  return entry;
}

/// `hasWorkers`: whether there are some, and barriers.
Json stepJson(const StepResult &step, bool hasWorkers) {
  Json entry = {{"tokens", step.tokens},
                {"sequences", step.sequences},
                {"tokens_per_s", step.rates},
                {"seconds", step.seconds},
                {"limit_seconds", step.limitSeconds()}};
  if (!hasWorkers)
    return entry;
  Json workers = Json::array();
  for (const WorkerResult &worker : step.workers)
    workers.push_back(
        {{"working_s", worker.working}, {"imbalance_s", worker.imbalance}, {"barrier_s", worker.barrier}});
  entry.update({{"barriers", step.barriers.count},
                {"barrier_ns", quartiles(step.barriers.nanoseconds)},
                {"workers", workers}});
  return entry;
}

Json bundleJson(const BundleResult &bundle, uint32_t depth) {
  Json phases = Json::array(), depths = Json::array();
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases) {
      phases.push_back({{"step", step->step},
                        {"name", phase.name},
                        {"count", phase.count},
                        {"seconds", phase.seconds},
                        {"bytes", phase.bytes},
                        {"operations", phase.operations},
                        {"limit_seconds", phase.limitSeconds},
                        {"bound", name(phase.bound)},
                        {"of_limit", phase.ofLimit()},
                        {"schedule", phase.schedule}});
    }
  for (const DepthResult &at : bundle.depths)
    depths.push_back({{"depth", at.depth}, {"tokens_per_s", at.rate}, {"limit_tokens_per_s", at.limitRate}});
  Json entry = {{"model", bundle.model},
                {"target", bundle.target},
                {"device", bundle.device},
                {"threads", bundle.threads},
                {"step_bytes", bundle.footprint},
                {"prefill", stepJson(bundle.prefill, bundle.onProcessor())},
                {"decode", stepJson(bundle.decode, bundle.onProcessor())},
                {"depth", depth},
                {"phases", phases}};
  entry["read_limit_bytes_per_s"] = bundle.limits.readBytesPerSecond;
  if (!depths.empty())
    entry["decode_by_depth"] = depths;
  return entry;
}

Json ratioJson(const Ratio &ratio) {
  return {{"pairs", ratio.pairs},
          {"ratio", ratio.ratio},
          {"low", ratio.low},
          {"high", ratio.high}, // infinite ones are null
          {"confidence", kRatioConfidence}};
}

} // namespace

std::string jsonOf(const BenchResult &result) {
  Json object = Json::object();
  if (result.bundles.size() == 1) {
    object = bundleJson(result.bundles.front(), result.depth);
  } else if (result.bundles.size() == 2) {
    for (const BundleResult &bundle : result.bundles) {
      object["bundles"].push_back(bundleJson(bundle, result.depth));
      object["bundles"].back()["path"] = bundle.path;
    }
    if (result.prefill && result.decode)
      object["ratio"] = {{"prefill", ratioJson(*result.prefill)}, {"decode", ratioJson(*result.decode)}};
  }
  object["lathe"] = result.version;
  object["date"] = result.date;
  if (result.machines.size() == 1)
    object["machine"] = machineJson(result.machines.front());
  else
    for (const MachineResult &machine : result.machines)
      object["machines"].push_back(machineJson(machine));
  return object.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

} // namespace lathe::bench
