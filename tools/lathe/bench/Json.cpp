#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/Write.h"
#include <nlohmann/json.hpp>

namespace lathe::bench {
namespace {

using Json = nlohmann::ordered_json;

Json quartiles(const Quartiles &of) { return {of.low, of.median, of.high}; }

Json machineJson(const BenchResult &result, const MachineLimits &limits) {
  Json roofs = Json::array();
  for (const Roof &roof : result.roofs) {
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
  return {{"cpu", result.cpu},
          {"threads", result.threads},
          {"read_bytes_per_s", limits.readBytesPerSecond},
          {"f32_operations_per_s", limits.f32OperationsPerSecond},
          {"f32_form", limits.f32Form},
          {"dot4_operations_per_s", limits.dot4OperationsPerSecond},
          {"dot4_form", limits.dot4Form},
          {"roofs", roofs}};
}

Json stepJson(const StepResult &step) {
  Json workers = Json::array();
  for (const WorkerResult &worker : step.workers)
    workers.push_back(
        {{"working_s", worker.working}, {"imbalance_s", worker.imbalance}, {"barrier_s", worker.barrier}});
  return {{"tokens", step.tokens},
          {"sequences", step.sequences},
          {"tokens_per_s", step.rates},
          {"seconds", step.seconds},
          {"limit_seconds", step.limitSeconds()},
          {"barriers", step.barriers.count},
          {"barrier_ns", quartiles(step.barriers.nanoseconds)},
          {"workers", workers}};
}

Json bundleJson(const BundleResult &bundle, uint32_t depth) {
  Json phases = Json::array(), depths = Json::array();
  for (const StepResult *step : {&bundle.prefill, &bundle.decode})
    for (const PhaseResult &phase : step->phases) {
      Json entry = {{"step", step->step},          {"name", phase.name},   {"count", phase.count},
                    {"seconds", phase.seconds},    {"bytes", phase.bytes}, {"operations", phase.operations}};
      if (bundle.limits)
        entry.update({{"limit_seconds", phase.limitSeconds},
                      {"bound", name(phase.bound)},
                      {"of_limit", phase.ofLimit()}});
      entry["schedule"] = phase.schedule;
      phases.push_back(std::move(entry));
    }
  for (const DepthResult &at : bundle.depths)
    depths.push_back({{"depth", at.depth}, {"tokens_per_s", at.rate}, {"limit_tokens_per_s", at.limitRate}});
  Json entry = {{"model", bundle.model},
                {"target", bundle.target},
                {"device", bundle.device},
                {"threads", bundle.threads},
                {"step_bytes", bundle.footprint},
                {"prefill", stepJson(bundle.prefill)},
                {"decode", stepJson(bundle.decode)},
                {"depth", depth},
                {"phases", phases}};
  if (bundle.limits)
    entry["read_limit_bytes_per_s"] = bundle.limits->readBytesPerSecond;
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

/// Of memory, as --machine has it.
MachineLimits memoryLimits(const BenchResult &result) {
  MachineLimits limits;
  for (const Roof &roof : result.roofs)
    if (roof.kind == Roof::Kind::F32)
      limits.f32OperationsPerSecond = roof.limit(), limits.f32Form = roof.best().name;
    else if (roof.kind == Roof::Kind::Dot4)
      limits.dot4OperationsPerSecond = roof.limit(), limits.dot4Form = roof.best().name;
    else if (roof.name == "memory")
      limits.readBytesPerSecond = roof.limit();
  return limits;
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
  if (!result.cpu.empty())
    object["machine"] = machineJson(result, memoryLimits(result));
  return object.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

} // namespace lathe::bench
