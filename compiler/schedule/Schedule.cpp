//===- Schedule.cpp - the stage that chooses how kernels run -----------------------------------------------------===//
#include "compiler/schedule/Schedule.h"
#include "compiler/kernels/Check.h"
#include "compiler/schedule/Fallback.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using schedule::Record;

namespace {

class Scheduler {
public:
  Scheduler(const TargetDesc &target, const RecordBook &records) : target(target), records(records) {}

  void run(Program &program) {
    for (Phase &phase : program.phases) {
      std::optional<ScheduleKey> key;
      RecordBook::Match match = {nullptr, false};
      if (const LinearKernel *linear = linearOf(phase)) {
        key = keyOf(*linear, program, phase);
        match = records.find(target.name, *key, [&](const Record &record) { return fits(record, program, phase); });
        Tile tile = match.record ? tileOf(*match.record, program, phase) : fallbackTile(program, phase, target);
        setTile(phase, tile.rows, tile.panels);
      }
      for (std::vector<Call> *calls : {&phase.prologue, &phase.calls})
        for (Call &call : *calls)
          if (std::holds_alternative<LinearKernel>(call.kernel))
            add(call, match);
          else
            add(call, records.find(target.name, keyOf(call.kernel, program, phase),
                                   [&](const Record &record) { return valuesOf(record, call.kernel).has_value(); }));
    }
  }

  std::vector<Scheduled> kernels;

private:
  /// The tile that a record asks for; what it leaves open is the fallback's.
  Tile tileOf(const Record &record, const Program &program, const Phase &phase) const {
    Tile tile = fallbackTile(program, phase, target);
    for (const schedule::Value &value : record.values())
      if (value.name() == "tile_rows")
        tile.rows = value.value();
      else if (value.name() == "tile_panels")
        tile.panels = value.value();
    return tile;
  }

  /// Whether a record's tile and values are possible for a phase.
  bool fits(const Record &record, const Program &program, const Phase &phase) const {
    Tile tile = tileOf(record, program, phase);
    if (!tileFits(program, phase, tile.rows, tile.panels))
      return false;
    LinearKernel tiled = *linearOf(phase);
    tiled.rows = tile.rows;
    tiled.panels = tile.panels;
    return valuesOf(record, tiled).has_value();
  }

  /// The fallback's values with the record's in their place; nothing if one is not among the choices for this kernel.
  std::optional<Values> valuesOf(const Record &record, const KernelDesc &kernel) const {
    std::vector<Parameter> space = familyOf(kernel).space(kernel, target);
    Values values = fallbackValues(kernel, target);
    bool linear = std::holds_alternative<LinearKernel>(kernel);
    for (const schedule::Value &value : record.values()) {
      if (linear && (value.name() == "tile_rows" || value.name() == "tile_panels"))
        continue;
      auto parameter = llvm::find_if(space, [&](const Parameter &p) { return p.name == value.name(); });
      if (parameter == space.end() || !llvm::is_contained(parameter->choices, value.value()))
        return std::nullopt;
      values.set(value.name(), value.value());
    }
    return values;
  }

  void add(Call &call, RecordBook::Match match) {
    Values values = match.record ? *valuesOf(*match.record, call.kernel) : fallbackValues(call.kernel, target);
    std::string tag = !match.record ? "fallback" : match.exact ? "tuned" : "nearest " + print(*match.record);
    std::vector<size_t> &schedules = places[symbol(call.kernel)];
    for (size_t place : schedules)
      if (Scheduled &same = kernels[place]; same.values == values) {
        call.schedule = same.schedule;
        if (match.exact || same.tag == "fallback")
          same.tag = tag;
        return;
      }
    call.schedule = schedules.size();
    schedules.push_back(kernels.size());
    kernels.push_back({call.kernel, std::move(values), std::move(tag), call.schedule});
  }

  const TargetDesc &target;
  const RecordBook &records;
  llvm::StringMap<std::vector<size_t>> places; ///< in `kernels`, by symbol without schedule
};

} // namespace

Expected<std::vector<Scheduled>> lathe::scheduleProgram(ProgramSet &set, const TargetDesc &target,
                                                        const RecordBook &records) {
  Scheduler scheduler(target, records);
  for (Program &program : set.programs)
    scheduler.run(program);
  if (Error wrong = check(set))
    return std::move(wrong);
  return std::move(scheduler.kernels);
}

std::string lathe::print(const std::vector<Scheduled> &kernels) {
  std::string text;
  for (const Scheduled &kernel : kernels) {
    std::string values = kernel.values.print();
    text += kernel.symbol() + ": " + kernel.tag + (values.empty() ? "" : " " + values) + "\n";
  }
  return text;
}
