#include "tools/lathe/bench/Write.h"
#include <nlohmann/json.hpp>

namespace lathe::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Less is no wait that anyone could see: a look at the clock takes as long.
constexpr double kLeastWait = 50e-9;

Json slice(const std::string &name, const char *category, size_t process, size_t worker, double begin, double end) {
  return {{"name", name},      {"cat", category},           {"ph", "X"}, {"pid", process}, {"tid", worker},
          {"ts", begin * 1e6}, {"dur", (end - begin) * 1e6}};
}

Json naming(const char *what, size_t process, size_t worker, const std::string &name) {
  return {{"name", what}, {"ph", "M"}, {"pid", process}, {"tid", worker}, {"args", {{"name", name}}}};
}

void add(Json &events, const Timeline &line, const StepResult &step, const std::string &name, size_t process) {
  events.push_back(naming("process_name", process, 0, name));
  const size_t workers = line.phases.empty() ? 0 : line.phases.front().workers.size();
  for (size_t worker = 0; worker < workers; ++worker) {
    events.push_back(naming("thread_name", process, worker, "worker " + std::to_string(worker)));
    double before = 0;
    auto wait = [&](double until) {
      if (until - before >= kLeastWait)
        events.push_back(slice("wait", "wait", process, worker, before, until));
    };
    for (const Timeline::Phase &phase : line.phases) {
      const Timeline::Span &span = phase.workers[worker];
      wait(span.begin);
      Json event = slice(phase.name, "phase", process, worker, span.begin, span.end);
      event["args"] = {{"bytes", phase.work.bytes}, {"operations", phase.work.operations}};
      if (phase.group < step.phases.size())
        event["args"]["schedule"] = step.phases[phase.group].schedule;
      events.push_back(std::move(event));
      before = span.end;
    }
    wait(line.seconds);
  }
}

} // namespace

void writeTrace(llvm::raw_ostream &out, const BenchResult &result) {
  Json events = Json::array();
  size_t process = 0;
  for (const BundleResult &bundle : result.bundles) {
    const std::string of = result.bundles.size() > 1 ? " of " + bundle.path : "";
    add(events, bundle.decode.timeline, bundle.decode, "decode: one token" + of, ++process);
    add(events, bundle.prefill.timeline, bundle.prefill,
        "prefill: a chunk of " + std::to_string(bundle.prefill.timeline.rows) + " tokens" + of, ++process);
  }
  const MachineResult &machine = result.machines.front();
  const Json about = {
      {"lathe", result.version}, {"date", result.date}, {machine.isProcessor() ? "cpu" : "gpu", machine.name}};
  const Json object = {{"displayTimeUnit", "ns"},
                       {"otherData", about},
                       {"traceEvents", std::move(events)}};
  out << object.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) << '\n';
}

} // namespace lathe::bench
