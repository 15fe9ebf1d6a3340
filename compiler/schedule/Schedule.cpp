//===- Schedule.cpp - the stage that chooses how kernels run ------------------------------------------------------===//
#include "compiler/schedule/Schedule.h"
#include "compiler/kernels/Check.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using schedule::Record;

namespace {

/// How a kernel runs: the values of its code, and the tile of its phase if it leads that.
struct Choice {
  int64_t rows = 1, columns = 1;
  Values values;
};

class Scheduler {
public:
  Scheduler(const Backend &backend, const TargetDesc &target, const RecordBook &records)
      : backend(backend), target(target), records(records) {}

  Error run(Program &program) {
    for (Phase &phase : program.phases) {
      const Grid grid = gridOf(program, phase);
      Grid leads = grid;
      leads.leads = true;
      const size_t leader = leadingCall(phase);
      if (Error wrong = refuseWrong(phase.calls[leader].kernel, leads))
        return wrong;
      const RecordBook::Match match = find(phase.calls[leader].kernel, leads);
      const Choice choice = chosen(match.record, phase.calls[leader].kernel, leads);
      setTile(phase, choice.rows, choice.columns);
      for (Call &call : phase.prologue)
        add(call, grid);
      for (auto [index, call] : llvm::enumerate(phase.calls))
        if (index == leader)
          add(call, match, choice.values);
        else
          add(call, grid);
    }
    return Error::success();
  }

  std::vector<Scheduled> kernels;

private:
  RecordBook::Match find(const KernelDesc &kernel, const Grid &grid) const {
    return records.find(target.name, keyOf(kernel, grid),
                        [&](const Record &record) { return choose(&record, kernel, grid).has_value(); });
  }

  /// Fails where a record for this kernel asks for what the kernel does not have or, measured for no other, for what it
  /// cannot do. A record of a range of sizes may be impossible for some of them, and is passed over there.
  Error refuseWrong(const KernelDesc &kernel, const Grid &grid) const {
    const ScheduleKey key = keyOf(kernel, grid);
    std::optional<Space> space;
    for (size_t i = 0; i < records.all().size(); ++i) {
      const Record &record = records.all()[i];
      const Cover cover = coverOf(record, target.name, key);
      if (cover == Cover::No)
        continue;
      if (!space)
        space = backend.space(kernel, grid, target);
      const bool only = cover == Cover::Exactly && !grid.choiceRows; // of experts, the key does not say how many rows
      if (Error wrong = checkValues(record, *space, only && !choose(&record, kernel, grid)))
        return makeError("{0}: record \"{1}\" for {2}: {3}", records.fileOf(i), print(record), target.name,
                         llvm::toString(std::move(wrong)));
    }
    return Error::success();
  }

  static Error checkValues(const Record &record, const Space &space, bool impossible) {
    for (const schedule::Value &value : record.values()) {
      auto parameter = llvm::find_if(space.parameters, [&](const Parameter &one) { return one.name == value.name(); });
      if (parameter == space.parameters.end())
        return makeError(
            "there is no value \"{0}\", only {1}", value.name(),
            llvm::join(llvm::map_range(space.parameters, [](const Parameter &one) { return one.name; }), ", "));
      if (impossible && !llvm::is_contained(parameter->choices, value.value()))
        return makeError(
            "{0} = {1} is none of {2}", value.name(), value.value(),
            llvm::join(llvm::map_range(parameter->choices, [](int64_t one) { return std::to_string(one); }), ", "));
    }
    if (impossible)
      return makeError(
          "its values do not go together (a register tile must divide the tile, with whole pairs where it is "
          "gated); the fallback is {0}",
          space.fallback().print());
    return Error::success();
  }

  /// What the record asks for, in the rest the fallback; nothing if that is not possible for this kernel.
  std::optional<Choice> choose(const Record *record, const KernelDesc &kernel, const Grid &grid) const {
    Choice choice;
    llvm::SmallDenseMap<llvm::StringRef, int64_t> asked;
    if (record)
      for (const schedule::Value &value : record->values())
        asked[value.name()] = value.value();
    Grid inner = grid;
    inner.leads = false;
    if (grid.leads)
      for (const Parameter &parameter : backend.space(kernel, grid, target).parameters) {
        if (parameter.name != kTileRows && parameter.name != kTileColumns)
          continue;
        int64_t value = parameter.fallback;
        if (auto wanted = asked.find(parameter.name); wanted != asked.end()) {
          value = wanted->second;
          asked.erase(wanted);
        }
        if (!llvm::is_contained(parameter.choices, value))
          return std::nullopt;
        (parameter.name == kTileRows ? choice.rows : choice.columns) = value;
      }
    const KernelDesc tiled = grid.leads ? withTile(kernel, choice.rows, choice.columns) : kernel;
    const Space space = backend.space(tiled, inner, target);
    choice.values = space.fallback();
    for (const auto &[name, value] : asked) {
      if (!choice.values.find(name.str()))
        return std::nullopt;
      choice.values.set(name.str(), value);
    }
    if (!space.holds(choice.values))
      return std::nullopt;
    return choice;
  }

  void add(Call &call, const Grid &grid) {
    const RecordBook::Match match = find(call.kernel, grid);
    add(call, match, chosen(match.record, call.kernel, grid).values);
  }

  /// The fallback is always possible, and a record that matched: anything else is a space that is wrong.
  Choice chosen(const Record *record, const KernelDesc &kernel, const Grid &grid) const {
    std::optional<Choice> choice = choose(record, kernel, grid);
    if (!choice)
      llvm::report_fatal_error(llvm::Twine(symbol(kernel)) + " for " + target.name + ": its fallback " +
                               backend.space(kernel, grid, target).fallback().print() + " is none of its schedules");
    return *choice;
  }

  void add(Call &call, RecordBook::Match match, Values values) {
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

  const Backend &backend;
  const TargetDesc &target;
  const RecordBook &records;
  llvm::StringMap<std::vector<size_t>> places; ///< in `kernels`, by symbol without schedule
};

} // namespace

Expected<std::vector<Scheduled>> lathe::scheduleProgram(ProgramSet &set, const Backend &backend,
                                                        const TargetDesc &target, const RecordBook &records) {
  Scheduler scheduler(backend, target, records);
  for (Program &program : set.programs)
    if (Error wrong = scheduler.run(program))
      return std::move(wrong);
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

std::string lathe::printKeys(const ProgramSet &set) {
  llvm::MapVector<std::string, size_t, llvm::StringMap<unsigned>> calls; // in the order of first use
  for (const Program &program : set.programs)
    for (const Phase &phase : program.phases) {
      const Grid grid = gridOf(program, phase);
      for (const Call &call : phase.prologue)
        ++calls[keyOf(call.kernel, grid).print()];
      for (auto [index, call] : llvm::enumerate(phase.calls)) {
        std::string key = keyOf(call.kernel, grid).print();
        if (index == leadingCall(phase))
          key += llvm::formatv(": tile {0} x {1}", phase.rowsPerTile, phase.columnsPerTile).str();
        ++calls[key];
      }
    }
  std::string text;
  for (const auto &[key, count] : calls)
    text += llvm::formatv("{0} ({1})\n", key, count).str();
  return text;
}
